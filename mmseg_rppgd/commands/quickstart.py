"""Train, harden, attack and report a small PSPNet, on CPU, without data."""
import argparse
import os.path as osp
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence
from .words import CommandLine


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, '[FOLDER]', 'Train, harden, attack and report a small PSPNet, '
        'on CPU and without data: about five minutes on two cores',
        ['', 'work_dirs/first_try'])
    result.add_argument(
        'folder', nargs='?', default=osp.join('work_dirs', 'quickstart'),
        metavar='FOLDER', help='where everything goes (default: '
        '%(default)s)')
    return result


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Run the other commands one after the other."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    with errors_in_a_sentence(command_line.prog):
        from .work.quickstart import run
        run(args)
