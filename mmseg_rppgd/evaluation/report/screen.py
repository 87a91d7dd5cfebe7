"""What a person sees while a test runs: progress, time left, the tables."""
import sys
from typing import Any, Dict, Optional, Sequence

from rich.console import Console
from rich.progress import (BarColumn, Progress, TaskProgressColumn, TextColumn,
                           TimeElapsedColumn, TimeRemainingColumn)

from .tables import HEADLINES, report_tables
from .writers import cell, to_screen

# A log file has no width of its own; a table must not be cut off in it.
LOG_WIDTH = 150
NARROW = 130  # a terminal for which tables leave something out


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
            TextColumn('{task.description}', markup=False), BarColumn(),
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
        if cost:
            self.progress.advance(self._whole, cost)

    def skip(self, cost: float) -> None:
        """Work that an earlier run has done takes no time now."""
        task = self.progress.tasks[self.progress.task_ids.index(self._whole)]
        self.progress.update(self._whole, total=(task.total or 0) - cost)

    def more(self, cost: float) -> None:
        """There is more work than was planned."""
        self.skip(-cost)

    def end(self) -> None:
        """The row is done."""
        self.progress.remove_task(self._task)

    def say(self, text: str, style: Optional[str] = None) -> None:
        """Write a line that stays."""
        self.console.print(text, style=style, markup=False, emoji=False)

    def show(self, results: Dict[str, Any], folder: Optional[str] = None,
             notes: Sequence[str] = (),
             matrix: Optional[Dict[str, Any]] = None,
             minimal: Optional[Dict[str, Any]] = None) -> None:
        """Write the tables, what was found wrong, and where the report is.

        Args:
            results (dict): Content of results.json.
            folder (str, optional): Where the report is. Defaults to None,
                nowhere.
            notes (Sequence[str]): Sentences about the test. Defaults to none.
            matrix (dict, optional): Content of transfer.json.
            minimal (dict, optional): Content of minimal_norm.json.
        """
        for table in report_tables(results, minimal, matrix, notes):
            if table.page_only:
                continue
            self.console.print(
                to_screen(table, self.console.width < NARROW))
            for note in table.notes:
                self.say(note)
        failed = sum(not check['passed'] for check in results['checks'])
        if failed:
            self.say(f'{failed} of {len(results["checks"])} self-checks '
                     'failed: do not believe the numbers before they are '
                     'understood.', 'bold red')
        if folder is not None:
            self.say(f'The report is in {folder}: open report.html.')


def short_line(name: str, metrics: Dict[str, Any], seconds: float) -> str:
    """One row in words, for a log."""
    parts = ', '.join(f'{key} {cell(metrics[key])}' for key in HEADLINES)
    return f'{name}: {parts} ({seconds:.1f} s)'
