"""What the commands share: flags, work dir, processes, and messages."""
import argparse
import linecache
import logging
import os
import os.path as osp
import pickle
import select
import signal
import sys
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any, Iterator, Optional

from mmengine.config import Config, DictAction
from rich.console import Console

from .compat import distribute_without_gpu
from .registry import whose_name

PACKAGE = osp.join(osp.dirname(osp.abspath(__file__)), '')


# -------------------------------------------------------------------- flags
def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the config, which may be a file or a name."""
    parser.add_argument(
        'config',
        help='a config file, or the name of a packaged one: mmseg::... for '
        'a stock config, mmseg_rppgd::... for one of this package')


def add_run_options(parser: Any, work_dir: str) -> None:
    """Add the options that train.py and test.py of mmseg share.

    Args:
        parser (ArgumentParser): A parser, or a group of its options.
        work_dir (str): What goes to the work dir.
    """
    parser.add_argument(
        '--work-dir',
        help=f'where {work_dir} go (default: work_dir of the config, or '
        'work_dirs/NAME)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
        help='override settings of the config, such as '
        'train_dataloader.batch_size=2 or key="[(a,b),(c,d)]"')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='how the processes of this run were started; '
        'tools/launch.sh gives pytorch')
    # torch.distributed.launch passes either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


# ------------------------------------------------------------------ the run
def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Decide on the work dir as mmseg does."""
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.basename(args.config.rpartition('::')[2])
        cfg.work_dir = osp.join('work_dirs', osp.splitext(name)[0])


def start_processes(cfg: Config, args: argparse.Namespace,
                    timeout: Optional[int] = None) -> None:
    """Prepare for the processes that a launcher has started.

    Args:
        cfg (Config): Changed in place.
        args (Namespace): With the options of :func:`add_run_options`.
        timeout (int, optional): Seconds that processes may wait for each
            other. Defaults to None, as torch has it.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if timeout is not None:
        env_cfg = cfg.get('env_cfg') or {}
        cfg.env_cfg = dict(env_cfg, dist_cfg=dict(
            dict(backend='nccl', timeout=timeout),
            **env_cfg.get('dist_cfg') or {}))
    distribute_without_gpu(cfg)


# ----------------------------------------------------------------- messages
@contextmanager
def errors_in_a_sentence(program: str) -> Iterator[None]:
    """End a command with a message where its input is at fault.

    A defect keeps its traceback.

    Args:
        program (str): What the message begins with.
    """
    try:
        with ends_with_its_reader():
            yield
    except Exception as error:
        if not is_for_the_user(error):
            raise
        text = error.args[0] if isinstance(error, KeyError) else error
        if is_unknown_name(error):
            text += whose_name(text.partition(' ')[0])
        sys.exit(f'{program}: {text}')


def is_for_the_user(error: Exception) -> bool:
    """Whether an error is a sentence about the input, not a defect.

    This package raises such errors itself, on purpose. The same kinds of
    error come out of any other line only by mistake.
    """
    if isinstance(error, ImportError):  # of a module that is not ours
        return (error.name or '').partition('.')[0] != __package__
    if isinstance(error, (FileNotFoundError, FileExistsError,
                          NotADirectoryError, PermissionError,
                          pickle.UnpicklingError)):
        return True
    if isinstance(error, AssertionError) and 'ann_file' in str(error):
        return True  # how mmseg says that the data set is not there
    if is_unknown_name(error):
        return True
    frames = list(walk_tb(error.__traceback__))
    files = [osp.abspath(frame.f_code.co_filename) for frame, _ in frames]
    if any(file.endswith(osp.join('torch', 'serialization.py'))
           for file in files):
        return True  # a file that is no checkpoint, or half of one
    if not isinstance(error, (KeyError, TypeError, ValueError,
                              FloatingPointError)):
        return False
    frame, number = frames[-1]
    line = linecache.getline(files[-1], number, frame.f_globals)
    return files[-1].startswith(PACKAGE) and line.lstrip().startswith('raise ')


def is_unknown_name(error: Exception) -> bool:
    """Whether mmengine says that a registry does not have a name."""
    if not isinstance(error, KeyError) or not error.args:
        return False
    *_, (frame, _) = walk_tb(error.__traceback__)
    return (frame.f_globals.get('__name__') ==
            'mmengine.registry.build_functions'
            and ' is not in the ' in str(error.args[0]))


# ------------------------------------------------------------------- output
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

    logging.Handler.handleError = handle
    if outer[1] is not None:
        Console.on_broken_pipe = broken
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
        logging.Handler.handleError = outer[0]
        if outer[1] is not None:
            Console.on_broken_pipe = outer[1]


def nobody_reads() -> bool:
    """Whether the standard output is a pipe whose reader has gone."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
