"""Put the reports of several models side by side: what did training buy?

    python tools/compare.py standard=DIR rppgd3-at=DIR [--metric mIoU]

DIR is the report folder of tools/robust_test.py, or its results.json. The
first model is the one that the others are compared with.
"""
import argparse
import json
import os.path as osp
import sys
from typing import Any, Dict, List, Tuple

from rich.console import Console
from rich.table import Table

from mmseg_rppgd.evaluation.report.tables import flat_rows
from mmseg_rppgd.evaluation.report.writers import cell
from mmseg_rppgd.evaluation.results.results import worst_balls

METRICS = ('mIoU', 'aAcc', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU')
Key = Tuple[Any, ...]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Compare the robustness of several models')
    parser.add_argument(
        'reports', nargs='+', metavar='NAME=DIR',
        help='a name for the model, and its report folder')
    parser.add_argument('--metric', choices=METRICS, default='mIoU')
    args = parser.parse_args()
    for report in args.reports:
        if not all(report.partition('=')):
            parser.error(f'a report must be NAME=DIR, but got {report!r}')
    return args


def read_report(path: str) -> Dict[str, Any]:
    """Read a results.json."""
    file = osp.join(path, 'results.json') if osp.isdir(path) else path
    if not osp.isfile(file):
        sys.exit(f'compare.py: {file} does not exist: run '
                 'tools/robust_test.py with --out first')
    with open(file, encoding='utf-8') as stream:
        return json.load(stream)


def read_values(report: Dict[str, Any], metric: str) -> Dict[Key, float]:
    """Values of a report by what was attacked how, the clean row first."""
    values = {}
    for row in flat_rows(report):
        key = tuple(row.get(k) for k in ('name', 'norm', 'eps', 'steps'))
        values[key] = row[metric]
    if metric in ('mIoU', 'aAcc'):
        for ball in worst_balls(report):
            key = ('worst case', ball['norm'], ball['eps'], None)
            values[key] = ball['mIoU_greedy' if metric == 'mIoU' else metric]
    return values


def key_cell(value: Any) -> str:
    """A name, a number of steps or a radius (0.03) in a table."""
    return f'{value:.4g}' if isinstance(value, float) else cell(value)


def build_table(names: List[str], columns: List[Dict[Key, float]],
                title: str) -> Table:
    """Rows that every report has, in the order of the first."""
    table = Table(title=title)
    for name in ('attack', 'norm', 'eps', 'steps'):
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, justify='right', no_wrap=True)
    for key in columns[0]:
        if all(key in column for column in columns):
            table.add_row(*map(key_cell, key),
                          *[cell(column[key]) for column in columns])
    return table


def main() -> None:
    args = parse_args()
    pairs = [report.partition('=')[::2] for report in args.reports]
    reports = [read_report(path) for _, path in pairs]
    images = {report['dataset']['num_images'] for report in reports}
    if len(images) > 1:
        sys.exit('compare.py: the reports are of different numbers of '
                 f'images: {sorted(images)}; use the same --limit')
    columns = [read_values(report, args.metric) for report in reports]
    title = f'{args.metric} in percent, {images.pop()} images'
    # A log has no width; there the table must not be folded.
    width = None if sys.stdout.isatty() else 130
    Console(width=width, highlight=False).print(
        build_table([name for name, _ in pairs], columns, title))


if __name__ == '__main__':
    main()
