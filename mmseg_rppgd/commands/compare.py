"""Put the reports of several models side by side, or join those of one."""
import argparse
import json
import sys
from typing import List, Optional, Sequence, Tuple

from rich.console import Console

from ..cli import errors_in_a_sentence
from ..compat import require_mmseg
from ..metrics import SCALARS


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = argparse.ArgumentParser(
        prog, description='Compare the robustness of several models')
    result.add_argument(
        'reports', nargs='+', metavar='NAME=DIR',
        help='a name for the model, and its report folder; the first model '
        'is the one that the others are compared with')
    result.add_argument('--metric', choices=SCALARS, default='mIoU')
    result.add_argument(
        '--out', metavar='DIR',
        help='a folder for comparison.html, a page with curves, and '
        'comparison.md (default: the tables are printed, and nothing is '
        'written)')
    result.add_argument(
        '--worst-case', action='store_true',
        help='the reports are DIR... and of one model: compute the worst '
        'case over the attacks of all, from their stored counts')
    result.add_argument(
        '--seed', type=int, default=0,
        help='seed of the greedy choice of --worst-case, and of the '
        'resamples of the intervals (default: 0)')
    return result


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print a table, or the worst case as JSON."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    if args.seed < 0:
        command_line.error(f'--seed must be >= 0, but got {args.seed}')
    if args.worst_case and args.out is not None:
        command_line.error('--worst-case prints JSON and writes no file: '
                           'leave --out out')
    pairs: List[Tuple[str, str]] = []
    for report in [] if args.worst_case else args.reports:
        name, _, path = report.partition('=')
        if not (name and path):
            command_line.error(
                f'a report must be NAME=DIR, but got {report!r}')
        pairs.append((name, path))
    with errors_in_a_sentence(command_line.prog):
        require_mmseg()
        if args.worst_case:
            from ..evaluation.results.finished import worst_case_of
            print(json.dumps(worst_case_of(args.reports, args.seed),
                             indent=2))
            return
        from ..evaluation.report.screen import LOG_WIDTH
        from ..evaluation.report.side_by_side.report import SideBySide
        from ..evaluation.report.writers import to_screen
        compared = SideBySide([name for name, _ in pairs],
                              [path for _, path in pairs], args.metric,
                              args.seed)
        if args.out is not None:
            compared.write(args.out)
        # A log has no width; there the table must not be folded.
        width = None if sys.stdout.isatty() else LOG_WIDTH
        console = Console(width=width, highlight=False)
        for sentence in compared.sentences:
            console.print(sentence.text, markup=False, emoji=False)
        for table in compared.tables:
            console.print(to_screen(table))
        for note in compared.lines:
            console.print(note, markup=False, emoji=False)
        if args.out is not None:
            console.print(f'The comparison is in {args.out}: open '
                          'comparison.html.', markup=False, emoji=False)
