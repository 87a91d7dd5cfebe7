"""Put the reports of several models side by side, or join those of one."""
import argparse
import json
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from rich.console import Console

from ..cli import errors_in_a_sentence
from ..compat import require_mmseg
from ..metrics import SCALARS

Key = Tuple[Any, ...]


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
        '--worst-case', action='store_true',
        help='the reports are DIR... and of one model: compute the worst '
        'case over the attacks of all, from their stored counts')
    result.add_argument(
        '--seed', type=int, default=0,
        help='seed of the greedy choice of --worst-case (default: 0)')
    return result


def read_values(report: Dict[str, Any], metric: str) -> Dict[Key, float]:
    """Values of a report by what was attacked how, the clean row first."""
    from ..evaluation.report.tables import flat_rows
    from ..evaluation.results.results import worst_balls
    values = {}
    for row in flat_rows(report):
        key = tuple(row.get(k) for k in ('name', 'norm', 'eps', 'steps'))
        values[key] = row[metric]
    if metric in ('mIoU', 'aAcc'):
        for ball in worst_balls(report):
            key = ('worst case', ball['norm'], ball['eps'], None)
            values[key] = ball['mIoU_greedy' if metric == 'mIoU' else metric]
    return values


def compare(names: Sequence[str], paths: Sequence[str], metric: str) -> Any:
    """The table of several models: the rows that every report has.

    Raises:
        FileNotFoundError: If there is no such report.
        ValueError: If a file is no report, or the reports are of different
            images.
    """
    from ..evaluation.report.writers import Table
    from ..evaluation.results.finished import read_results
    reports = [read_results(path) for path in paths]
    images = {report['dataset']['num_images'] for report in reports}
    if len(images) > 1:
        raise ValueError('the reports are of different numbers of images: '
                         f'{sorted(images)}; use the same --limit')
    columns = [read_values(report, metric) for report in reports]
    rows = [[name, norm, None if eps is None else f'{eps:.4g}', steps,
             *[column[name, norm, eps, steps] for column in columns]]
            for name, norm, eps, steps in columns[0]
            if all((name, norm, eps, steps) in column for column in columns)]
    return Table(f'{metric} in percent, {images.pop()} images',
                 ['attack', 'norm', 'eps', 'steps', *names], rows, words=4)


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print a table, or the worst case as JSON."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    if args.seed < 0:
        command_line.error(f'--seed must be >= 0, but got {args.seed}')
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
        from ..evaluation.report.writers import to_screen
        table = compare(*zip(*pairs), args.metric)
        # A log has no width; there the table must not be folded.
        width = None if sys.stdout.isatty() else 130
        Console(width=width, highlight=False).print(to_screen(table))
