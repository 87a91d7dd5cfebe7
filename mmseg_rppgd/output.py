"""What a command writes to, which may end before the command does."""
import logging
import os
import select
import signal
import sys
from contextlib import contextmanager
from typing import Iterator

from rich.console import Console


@contextmanager
def ends_with_its_reader() -> Iterator[None]:
    """End quietly where nobody reads the output any more: ``... | head``.

    The exit code is that of a program which the broken pipe has killed. A
    pipe or socket other than the standard output is not meant.
    """
    outer = logging.Handler.handleError, Console.__dict__.get(
        'on_broken_pipe')

    def handle(handler: logging.Handler, record: logging.LogRecord) -> None:
        if isinstance(sys.exc_info()[1], BrokenPipeError):
            raise  # logging would print a traceback for every line
        outer[0](handler, record)

    def broken(console: Console) -> None:
        raise  # the error that is being handled; rich would exit with 1

    setattr(logging.Handler, 'handleError', handle)
    if outer[1] is not None:
        setattr(Console, 'on_broken_pipe', broken)
    try:
        try:
            yield
        except SystemExit:  # --help, too, writes something
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except BrokenPipeError:
        if not nobody_reads():
            raise
        # What is left in the buffer is written at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    finally:
        setattr(logging.Handler, 'handleError', outer[0])
        if outer[1] is not None:
            setattr(Console, 'on_broken_pipe', outer[1])


def nobody_reads() -> bool:
    """Whether the standard output is a pipe whose reader has gone."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
