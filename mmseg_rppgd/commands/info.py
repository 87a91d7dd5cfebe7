"""Show versions and device, and what is missing."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence
from .words import CommandLine


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    return CommandLine(
        prog, '', 'Show versions, device and threads, and what is missing, '
        'with the command that mends it', [''])


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print what there is and what is not."""
    command_line = parser(prog)
    command_line.parse_args(argv)
    with errors_in_a_sentence(command_line.prog):
        from .work.info import run
        run()
