"""What the commands share at work: work dir, processes, and messages."""
import argparse
import linecache
import os
import os.path as osp
import pickle
import re
import signal
import sys
import threading
from contextlib import contextmanager
from traceback import walk_tb
from typing import (TYPE_CHECKING, Any, Callable, Iterator, List, Optional,
                    Union)

from .compat import HOW_TO_GET, distribute_without_gpu
from .output import ends_with_its_reader

if TYPE_CHECKING:
    from mmengine.config import Config

PACKAGE = osp.join(osp.dirname(osp.abspath(__file__)), '')
LOADER = osp.join('torch', 'utils', 'data', '')
BUILDER = 'mmengine.registry.build_functions'
ARGUMENTS = re.compile(
    r'__init__\(\) (got an unexpected|missing \d+ required)')
# What a launcher tells its processes.
LAUNCHED = dict(pytorch='RANK', slurm='SLURM_PROCID',
                mpi='OMPI_COMM_WORLD_LOCAL_RANK')


def find_own_code(config: str) -> None:
    """Let modules be imported from the current folder and the config's.

    A program finds those of its own folder first, which is no place for what
    a user adds: an attack named in ``custom_imports`` or on the command
    line.

    Args:
        config (str): A config file, or the name of a packaged one.
    """
    folders = [os.getcwd()]
    if osp.isfile(config):
        folders.append(osp.dirname(osp.abspath(config)))
    # Last, so that no file of a user hides a module of somebody else's.
    sys.path += [folder for folder in folders if folder not in sys.path]


# ------------------------------------------------------------------ the run
def set_work_dir(cfg: 'Config', args: argparse.Namespace) -> None:
    """Decide on the work dir as mmseg does, in both."""
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.basename(args.config.rpartition('::')[2])
        cfg.work_dir = osp.join('work_dirs', osp.splitext(name)[0])
    args.work_dir = cfg.work_dir


def require_launcher(args: argparse.Namespace) -> None:
    """Refuse --launcher where no launcher has started this process.

    Raises:
        ValueError: If what a launcher tells its processes is not set.
    """
    variable = LAUNCHED.get(args.launcher)
    if variable is not None and variable not in os.environ:
        raise ValueError(
            f'--launcher {args.launcher} is for processes that a launcher has '
            f'started, but {variable} is not set here; leave it out, or start '
            'them: tools/launch.sh NPROC TOOL ..., srun or mpirun')


def start_processes(cfg: 'Config', args: argparse.Namespace,
                    timeout: Optional[int] = None) -> None:
    """Prepare for the processes that a launcher has started.

    Args:
        cfg (Config): Changed in place.
        args (Namespace): With the options of ``add_run_options``.
        timeout (int, optional): Seconds that processes may wait for each
            other. Defaults to None, as torch has it.
    """
    seed = (cfg.get('randomness') or {}).get('seed')
    if isinstance(seed, int) and not 0 <= seed < 2**32:
        raise ValueError('randomness.seed must be from 0 to 2**32 - 1 = '
                         f'{2**32 - 1}, but got {seed}')
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
        text = str(error.args[0] if isinstance(error, KeyError) else error)
        if isinstance(error, KeyError) and is_of_a_builder(error):
            from .registry import whose_name
            text += whose_name(text.partition(' ')[0])
        if isinstance(error, ModuleNotFoundError) and (
                error.name in HOW_TO_GET):
            text += f'. Run: {HOW_TO_GET[error.name]}'
        sys.exit(f'{program}: {text}')


def is_for_the_user(error: Exception) -> bool:
    """Whether an error is a sentence about the input, not a defect.

    This package raises such errors itself, on purpose. The same kinds of
    error come out of any other line only by mistake.
    """
    if type(error).__module__.partition('.')[0] == __package__:
        return True
    if isinstance(error, ImportError):  # of a module that is not ours
        return (error.name or '').partition('.')[0] != __package__
    if isinstance(error, (FileNotFoundError, FileExistsError,
                          NotADirectoryError, PermissionError,
                          pickle.UnpicklingError)):
        return True
    if isinstance(error, AssertionError) and 'ann_file' in str(error):
        return True  # how mmseg says that the data set is not there
    if is_of_a_builder(error):
        return True
    frames = list(walk_tb(error.__traceback__))
    files = [osp.abspath(frame.f_code.co_filename) for frame, _ in frames]
    if isinstance(error, ValueError) and LOADER in files[-1]:
        return True  # batch_size or num_workers of a dataloader
    if any(file.endswith(osp.join('torch', 'serialization.py'))
           for file in files):
        return True  # a file that is no checkpoint, or half of one
    if not isinstance(error, (KeyError, TypeError, ValueError,
                              FloatingPointError)):
        return False
    frame, number = frames[-1]
    line = linecache.getline(files[-1], number, frame.f_globals)
    return files[-1].startswith(PACKAGE) and line.lstrip().startswith('raise ')


def is_of_a_builder(error: Exception) -> bool:
    """Whether mmengine could not build what a config asks for.

    A KeyError then says that there is no such name, a TypeError that the
    settings are not its arguments, or not those of a base that it hands
    them to.
    """
    if not isinstance(error, (KeyError, TypeError)):
        return False
    modules = [frame.f_globals.get('__name__') or ''
               for frame, _ in walk_tb(error.__traceback__)]
    if modules[-1] == BUILDER:
        return True
    return (BUILDER in modules and ARGUMENTS.search(str(error)) is not None
            and modules[-1].partition('.')[0] != __package__)


# ---------------------------------------------------------------- interrupts
@contextmanager
def interruptible(program: str,
                  hint: Union[str, Callable[[], str]]) -> Iterator[None]:
    """End a command with a sentence when Ctrl-C or SIGTERM stops it.

    Inside either raises KeyboardInterrupt, so that what is under way can be
    put in order; what fails after that is part of the interrupt. The exit
    code is the usual one: 130 for Ctrl-C, 143 for SIGTERM. Of several
    processes the first one speaks. It is entered around
    :func:`errors_in_a_sentence`.

    Args:
        program (str): What the message begins with.
        hint (str | callable): How to go on; a callable is asked when the
            command has stopped.
    """
    received: List[int] = []

    def stop(number: int, frame: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # A job in the background of a shell is not meant to hear Ctrl-C.
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    try:
        yield
    except BaseException as error:
        if not received and not isinstance(error, KeyboardInterrupt):
            raise
        for number in before:  # another one ends it at once
            signal.signal(number, signal.SIG_DFL)
        heard = received[0] if received else int(signal.SIGINT)
        _say_interrupted(program, heard, hint)
        sys.exit(128 + heard)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_interrupted(program: str, number: int,
                     hint: Union[str, Callable[[], str]]) -> None:
    # An interrupt while torch is loaded finds it in halves: import nothing.
    # Before this module is there, no processes have found each other.
    dist: Any = sys.modules.get('torch.distributed')
    several = (dist is not None and dist.is_available()
               and dist.is_initialized())
    if not several or dist.get_rank() == 0:
        cause = 'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'
        text = hint() if callable(hint) else hint
        sys.stderr.write(f'\n{program}: stopped by {cause}; {text}\n')
    if several:
        # The other processes may never come to what this one would wait for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(128 + number)
