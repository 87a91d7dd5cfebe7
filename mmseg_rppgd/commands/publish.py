"""Make a checkpoint that loads anywhere: weights alone, named by a hash."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence
from .words import CommandLine

EXAMPLES = (
    'work_dirs/pspnet/iter_40000.pth',
    'work_dirs/pspnet/iter_40000.pth pspnet_rppgd3-at.pth',
)


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, 'CHECKPOINT [FILE] [options]',
        'Write the weights of a checkpoint alone, without optimizer, log and '
        'training branches: a file that plain mmseg loads with any torch, '
        'with the start of its SHA-256 in its name', EXAMPLES)
    result.add_argument('checkpoint', metavar='CHECKPOINT',
                        help='a checkpoint file')
    result.add_argument(
        'out', nargs='?', metavar='FILE', help='what it is to be called, '
        'without the hash (default: the name of the checkpoint)')
    result.add_argument(
        '--trust-checkpoint', action='store_true',
        help='run the code that the checkpoint may hold (default: what holds '
        'more than weights is refused)')
    return result


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Write the file, and say where it is."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    with errors_in_a_sentence(command_line.prog):
        from .work.publish import run
        run(args)
