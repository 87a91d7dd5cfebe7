"""Repeat tables and figures of the RP-PGD paper, at three sizes."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence, interruptible
from ..names import find_name
from ..reproduce import EXPERIMENTS, SCALES
from .words import CommandLine, add_settings

ALL = 'all'
MOST_JOBS = 4  # that are chosen; each takes a gigabyte of memory
SCRIPTS = ('one-machine', 'slurm')
GO_ON = 'what is finished is kept; the same command goes on from there'
EXAMPLES = (
    'table4',
    'table1 figure2 --scale camvid --seeds 3',
    'table4 --scale full --seeds 7 --script slurm',
    'all --collect',
)


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    names = '\n'.join(f'  {name:17}{experiment.title}'
                      for name, experiment in EXPERIMENTS.items())
    result = CommandLine(
        prog, 'TABLE [TABLE ...] [options]',
        'Repeat tables and figures of the RP-PGD paper: train and measure '
        "what is not there yet, and put the numbers beside the paper's",
        EXAMPLES, more=f'tables and figures:\n{names}\n  {ALL:17}all of them')
    result.add_argument(
        'names', nargs='+', metavar='TABLE', choices=[*EXPERIMENTS, ALL],
        type=lambda text: find_name(text, [*EXPERIMENTS, ALL]) or text,
        help='one or more of those below')
    what = result.add_argument_group('what is made')
    what.add_argument(
        '--scale', choices=SCALES, default='mini',
        help='mini: synthetic shapes, minutes on a CPU; camvid: real images '
        "in data/CamVid, hours on a CPU; full: the paper's models and data, "
        'on GPUs (default: %(default)s)')
    what.add_argument(
        '--seeds', type=int, default=1, metavar='N',
        help='train and measure with seeds 0 to N - 1, and average; the '
        'paper has 7 (default: 1)')
    what.add_argument(
        '--images', type=int, metavar='N', help='test on the first N images '
        '(default: 8 at mini, 24 at camvid, all at full scale)')
    where = result.add_argument_group('where, and by which processes')
    where.add_argument(
        '--out', metavar='DIR', help='where everything goes and is found '
        'again (default: work_dirs/reproduce/SCALE)')
    where.add_argument(
        '--systems', nargs='+', metavar='SYSTEM',
        help='work on these alone, such as PSPNet/RP-PGD3-AT; several '
        'commands may work in one folder at a time (default: all)')
    where.add_argument(
        '--jobs', type=int, metavar='N', help='work on N systems at a time, '
        'in processes of their own (default: 1 on a GPU, on a CPU one per '
        f'core, at most {MOST_JOBS})')
    add_settings(what, 'override settings of every config')
    how = result.add_argument_group(
        'in place of the work').add_mutually_exclusive_group()
    how.add_argument(
        '--script', choices=SCRIPTS, help='do nothing, and print the '
        'commands for one machine or for Slurm, with the GPU hours that they '
        'may take (default at full scale: one-machine)')
    how.add_argument(
        '--collect', action='store_true', help='do nothing but make the '
        'tables of what is there, with dashes for what is not')
    how.add_argument(
        '--run', action='store_true',
        help='at full scale, too: do the work here and now')
    return result


def check(command_line: argparse.ArgumentParser,
          args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is loaded."""
    for name in ('seeds', 'jobs', 'images'):
        number = getattr(args, name)
        if number is not None and number < 1:
            command_line.error(f'--{name} must be >= 1, but got {number}')


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Do the work, or print the commands for it."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    check(command_line, args)
    with interruptible(command_line.prog, GO_ON), errors_in_a_sentence(
            command_line.prog):
        from .work.reproduce import run
        run(args)
