"""The words that commands take, before any work.

A parser answers a misspelt word at once, so nothing here, nor at the top of
a module that defines a command, imports torch, mmengine or numpy. The work
of a command is in ``work`` and is imported when its words have been read.
"""
import argparse
import textwrap
from typing import Any, Dict, Optional, Sequence

WIDTH = 79


class CommandLine(argparse.ArgumentParser):
    """A parser with a usage line that can be read at a glance.

    Args:
        prog (str, optional): What the program is called. Defaults to None,
            its file.
        words (str): What follows in the usage line.
        description (str): What the command does.
        examples (Sequence[str]): Words of commands that --help shows.
        more (str): What --help shows after the examples. Defaults to
            nothing.
    """

    def __init__(self, prog: Optional[str], words: str, description: str,
                 examples: Sequence[str], more: str = '') -> None:
        lines = ['examples:', *(f'  %(prog)s {example}'.rstrip()
                                for example in examples)]
        super().__init__(
            prog, usage=f'%(prog)s {words}'.rstrip(),
            description=textwrap.fill(description, WIDTH),
            epilog='\n'.join(lines) + (f'\n\n{more}' if more else ''),
            formatter_class=argparse.RawDescriptionHelpFormatter)


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the config, which may be a file or a name."""
    parser.add_argument(
        'config', metavar='CONFIG',
        help='a config file, or the name of a packaged one: mmseg::... for '
        'a stock config, mmseg_rppgd::... for one of this package')


def add_run_options(parser: Any, work_dir: str) -> None:
    """Add the options that train.py and test.py of mmseg share.

    Args:
        parser (ArgumentParser): A parser, or a group of its options.
        work_dir (str): What goes to the work dir.
    """
    parser.add_argument(
        '--work-dir', metavar='DIR',
        help=f'where {work_dir} go (default: work_dir of the config, or '
        'work_dirs/NAME)')
    add_settings(parser, 'override settings of the config, such as '
                 'train_dataloader.batch_size=2 or key="[(a,b),(c,d)]"')
    parser.add_argument(
        '--trust-checkpoint', action='store_true',
        help='load checkpoints without limits, which runs whatever code they '
        'hold: of this command line, of the config (load_from, init_cfg) and '
        'of the work dir (default: what holds more than weights is refused)')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='how the processes of this run were started; '
        'tools/launch.sh gives pytorch')
    # torch.distributed.launch passes either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def add_settings(parser: Any, meaning: str) -> None:
    """Add the settings of a config, which :func:`read_settings` reads."""
    parser.add_argument('--cfg-options', nargs='+', action=Settings,
                        metavar='KEY=VALUE', help=meaning)


class Settings(argparse.Action):
    """Settings of a config, as they are typed; what can be none is named."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any,
                 values: Any, option_string: Optional[str] = None) -> None:
        for word in values:
            if not can_be_setting(word):
                parser.error(refused_setting(word))
        before = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*before, *values])


def can_be_setting(word: str) -> bool:
    """Whether a word is KEY=VALUE, with brackets that match in a list."""
    key, equals, value = word.partition('=')
    return bool(key and equals) and not (',' in value and any(
        value.count(left) != value.count(right)
        for left, right in ('()', '[]')))


def refused_setting(word: str) -> str:
    """Say what a setting of a config must be."""
    return ('--cfg-options must be followed by KEY=VALUE, such as '
            f'train_dataloader.batch_size=2, but got {word!r}')


def read_settings(words: Optional[Sequence[str]]) -> Optional[Dict[str, Any]]:
    """Read settings of a config as mmengine does.

    Args:
        words (Sequence[str], optional): KEY=VALUE, as ``--cfg-options`` has
            them.

    Raises:
        ValueError: If one cannot be read.
    """
    if words is None:
        return None
    from mmengine.config import DictAction
    read = argparse.Namespace()
    action = DictAction([], 'settings')
    for word in words:
        try:
            action(None, read, [word])
        except (ValueError, AssertionError, RecursionError):
            raise ValueError(refused_setting(word)) from None
    return read.settings
