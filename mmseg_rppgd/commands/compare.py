"""Put the reports of several models side by side, or join those of one."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence
from ..names import SCALARS
from .words import CommandLine

EXAMPLES = (
    'standard=work_dirs/standard/robust rppgd3-at=work_dirs/rppgd3-at/robust',
    'a=work_dirs/a/robust b=work_dirs/b/robust --out comparison',
    '--worst-case work_dirs/a/robust work_dirs/a/robust-square',
)


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, 'NAME=DIR NAME=DIR ... [options]',
        'Compare the robustness of several models', EXAMPLES)
    result.add_argument(
        'reports', nargs='+', metavar='NAME=DIR',
        help='a name for the model, and its report folder; the first model '
        'is the one that the others are compared with')
    group = result.add_argument_group('what is compared')
    group.add_argument('--metric', choices=SCALARS, default='mIoU',
                       help='the number of the table (default: %(default)s)')
    group.add_argument(
        '--out', metavar='DIR',
        help='a folder for comparison.html, a page with curves, and '
        'comparison.md (default: the tables are printed, and nothing is '
        'written)')
    group.add_argument(
        '--worst-case', action='store_true',
        help='the reports are DIR... and of one model: compute the worst '
        'case over the attacks of all, from their stored counts')
    group.add_argument(
        '--seed', type=int, default=0, metavar='N',
        help='seed of the greedy choice of --worst-case, and of the '
        'resamples of the intervals (default: 0)')
    return result


def check(command_line: argparse.ArgumentParser,
          args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is loaded."""
    if args.seed < 0:
        command_line.error(f'--seed must be >= 0, but got {args.seed}')
    if args.worst_case and args.out is not None:
        command_line.error('--worst-case prints JSON and writes no file: '
                           'leave --out out')
    for report in [] if args.worst_case else args.reports:
        name, _, path = report.partition('=')
        if not (name and path):
            command_line.error(
                f'a report must be NAME=DIR, but got {report!r}')


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print a table, or the worst case as JSON."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    check(command_line, args)
    with errors_in_a_sentence(command_line.prog):
        from .work.compare import run
        run(args)
