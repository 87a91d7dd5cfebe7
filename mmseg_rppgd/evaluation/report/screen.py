"""What a person sees while the test runs: progress, time left, the table."""
import os.path as osp
import sys
from typing import Any, Dict, List, Optional, Sequence

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.console import Console
from rich.progress import (BarColumn, Progress, TaskProgressColumn, TextColumn,
                           TimeElapsedColumn, TimeRemainingColumn)
from rich.table import Table

from ..results.results import HEADER, cell, flat_rows, table_cells, worst_rows
from ..results.transfer import MATRIX_HEAD, MATRIX_LEGEND, matrix_rows

# A log file has no width of its own; a table must not be cut off in it.
LOG_WIDTH = 130
# What a narrow terminal leaves out, rather than cut numbers off.
NARROW = 105
DISPENSABLE = ('mAcc', 'NmIoU', 'CmIoU', 'seconds')


class Screen:
    """Progress bar and table on the standard output.

    In a file or a pipe there is no bar that moves: rows are written as they
    are done.

    Args:
        quiet (bool): Whether to show nothing, as on every process but the
            first. Defaults to False.
    """

    def __init__(self, quiet: bool = False) -> None:
        moving = sys.stdout.isatty()
        self.console = Console(
            quiet=quiet, width=None if moving else LOG_WIDTH, highlight=False)
        self.progress = Progress(
            TextColumn('{task.description}'), BarColumn(),
            TextColumn('{task.fields[images]}'), TaskProgressColumn(),
            TimeElapsedColumn(), TextColumn('left'),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self.console, transient=True,
            disable=quiet or not moving)
        self._task: Optional[Any] = None
        self._whole: Optional[Any] = None

    def __enter__(self) -> 'Screen':
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def plan(self, cost: float) -> None:
        """Say how much work there is, in attack steps x images."""
        self._whole = self.progress.add_task('everything', total=cost,
                                             images='')

    def begin(self, name: str, images: int) -> None:
        """Show the row that is at work."""
        self._task = self.progress.add_task(
            name, total=images, images=f'{images} images')

    def advance(self, cost: float) -> None:
        """One more image is done."""
        self.progress.advance(self._task)
        self.progress.advance(self._whole, cost)

    def skip(self, cost: float) -> None:
        """Work that an earlier run has done takes no time now."""
        task = self.progress.tasks[self.progress.task_ids.index(self._whole)]
        self.progress.update(self._whole, total=(task.total or 0) - cost)

    def end(self) -> None:
        """The row is done."""
        self.progress.remove_task(self._task)

    def say(self, text: str, style: Optional[str] = None) -> None:
        """Write a line that stays."""
        self.console.print(text, style=style, markup=False)

    def show(self, results: Dict[str, Any], folder: str,
             notes: Sequence[str] = (),
             matrix: Optional[Dict[str, Any]] = None) -> None:
        """Write the table, the worst case, notes, matrix and checks."""
        surface = {a['threat']['surface'] for a in results['attacks']}
        narrow = self.console.width < NARROW
        table = Table(
            title='Robustness test, metrics in percent' +
            (f'; attacked: {surface.pop()}' if surface else ''),
            box=SIMPLE_HEAD if narrow else HEAVY_HEAD, pad_edge=not narrow)
        shown = [i for i, name in enumerate(HEADER)
                 if not (narrow and name in DISPENSABLE)]
        for i in shown:
            table.add_column(
                HEADER[i], justify='left' if i < 3 else 'right', no_wrap=True)
        for row in flat_rows(results):
            cells = table_cells(row)
            table.add_row(*[cells[i] for i in shown])
        table.add_section()
        for row in worst_rows(results):
            table.add_row(*row)
        self.console.print(table)
        for line in notes:
            self.say(line)
        if matrix:
            self._show_matrix(matrix, osp.join(folder, 'transfer.md'))
        for check in results['checks']:
            self._show_check(check)
        failed = sum(not check['passed'] for check in results['checks'])
        if failed:
            self.say(f'{failed} of {len(results["checks"])} self-checks '
                     'failed: do not believe the numbers before they are '
                     'understood.', 'bold red')
        self.say(f'The report is in {folder}: open report.html.')

    def _show_matrix(self, matrix: Dict[str, Any], path: str) -> None:
        for attack in matrix['attacks']:
            table = Table(title=f'Transfer: {attack["label"]}',
                          box=SIMPLE_HEAD, pad_edge=False)
            table.add_column(MATRIX_HEAD)
            for name in matrix['models']:
                table.add_column(name, justify='right')
            for row in matrix_rows(matrix, attack):
                table.add_row(*row)
            self.console.print(table)
        self.say(f'Transfer: {MATRIX_LEGEND}')
        self.say(f'The matrix is in {path}.')

    def _show_check(self, check: Dict[str, Any]) -> None:
        passed = check['passed']
        self.say(
            f'{"passed" if passed else "FAILED"}  {check["name"]}: '
            f'{check["detail"]}', None if passed else 'bold red')


def short_line(name: str, metrics: Dict[str, Any], seconds: float) -> str:
    """One row in words, for a log."""
    parts: List[str] = [f'{k} {cell(metrics[k])}'
                        for k in ('mIoU', 'aAcc', 'MisRatio')]
    return f'{name}: {", ".join(parts)} ({seconds:.1f} s)'
