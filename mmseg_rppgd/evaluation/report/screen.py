"""What a person sees while a test runs: plan, progress, time left, tables."""
import sys
import time
from typing import Any, Callable, Dict, Optional, Sequence

from rich.console import Console
from rich.progress import (BarColumn, Progress, TaskID, TaskProgressColumn,
                           TextColumn, TimeElapsedColumn, TimeRemainingColumn)

from ...timing import in_words
from .pace import Pace
from .tables import HEADLINES, report_tables
from .writers import cell, to_screen

# A log file has no width of its own; a table must not be cut off in it.
LOG_WIDTH = 150
NARROW = 130  # a terminal for which tables leave something out
LINE_SECONDS = 60  # between lines of progress in a log


class Screen:
    """Plan, progress and tables on the standard output.

    In a file or a pipe there is no bar that moves: rows are written as they
    are done, and once a minute a line says how far the test is.

    Args:
        quiet (bool): Whether to show nothing, as on every process but the
            first. Defaults to False.
        clock (callable): Gives the seconds. Defaults to time.monotonic.
    """

    def __init__(self, quiet: bool = False,
                 clock: Callable[[], float] = time.monotonic) -> None:
        moving = sys.stdout.isatty()
        self.moving = moving
        self.clock = clock
        self.console = Console(
            quiet=quiet, width=None if moving else LOG_WIDTH, highlight=False)
        self.progress = Progress(
            TextColumn('{task.description}', markup=False), BarColumn(),
            TextColumn('{task.fields[images]}'), TaskProgressColumn(),
            TimeElapsedColumn(), TextColumn('left'),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self.console, transient=True,
            disable=quiet or not moving)
        self._task = self._whole = TaskID(0)
        self._pace: Optional[Pace] = None
        self._rows, self._rows_done, self._processes = 0, 0, 1
        self._name, self._images, self._images_done = '', 0, 0
        self._attacked, self._together, self._promised = 0, 1, False
        self._last_line = clock()

    def __enter__(self) -> 'Screen':
        self.progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def plan(self, cost: float, text: str = '', rows: int = 0,
             processes: int = 1) -> None:
        """Say how much work there is.

        Args:
            cost (float): What is left to do in this process, in attack steps
                x images.
            text (str): What is planned, in words. Defaults to none.
            rows (int): Rows of the report. Defaults to 0, not known.
            processes (int): How many share the work. Defaults to 1.
        """
        self._whole = self.progress.add_task('everything', total=cost,
                                             images='')
        self._pace = Pace(cost, self.clock)
        self._rows = rows
        self._processes = processes
        self._last_line = self.clock()
        if text:
            self.say(text)

    def begin(self, name: str, images: int, together: int = 1) -> None:
        """Show the row that is at work.

        Args:
            name (str): What it is called.
            images (int): How many images are to be done.
            together (int): How many of them at once. Defaults to 1.
        """
        self._task = self.progress.add_task(
            name, total=images, images=f'{images} images')
        self._name, self._images, self._images_done = name, images, 0
        self._together = min(together, images)
        if self._pace is not None:
            self._pace.begin()

    def advance(self, cost: float) -> None:
        """One more image is done."""
        self.progress.advance(self._task)
        self._images_done += 1
        if not cost or self._pace is None:
            return
        self.progress.advance(self._whole, cost)
        self._pace.advance(cost)
        left = self._pace.seconds_left
        if left is not None and not self._promised:
            self._promise(left)
        elif not self.moving and (
                self.clock() - self._last_line >= LINE_SECONDS):
            self._last_line = self.clock()
            self.say(self._how_far(left))

    def _promise(self, seconds: float) -> None:
        """Say how long it takes, as soon as images have been attacked."""
        self._attacked += 1
        if self._attacked < self._together:  # done at once
            return
        self._promised = True
        images = ('image' if self._attacked == 1
                  else f'{self._attacked} images')
        self.say(f'About {in_words(seconds)} to go, as far as the first '
                 f'attacked {images} can tell.')

    def _how_far(self, seconds: Optional[float]) -> str:
        here = ' of this process' if self._processes > 1 else ''
        parts = [f'{self._name}: {self._images_done} of {self._images} '
                 f'images{here}']
        if self._rows:
            parts.append(f'{self._rows_done} of {self._rows} rows done')
        if seconds is not None:
            parts.append(f'about {in_words(seconds)} left')
        return '; '.join(parts)

    def more(self, cost: float) -> None:
        """There is more work than was planned."""
        task = self.progress.tasks[self.progress.task_ids.index(self._whole)]
        self.progress.update(self._whole, total=(task.total or 0) + cost)
        if self._pace is not None:
            self._pace.cost_left += cost

    def end(self) -> None:
        """What was at work is done."""
        self.progress.remove_task(self._task)

    def row(self, text: str) -> None:
        """A row of the report is done; write it as a line that stays."""
        self._rows_done += 1
        self.say(text)

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


def short_line(name: str, metrics: Dict[str, Any],
               seconds: Optional[float] = None) -> str:
    """One row in words, for a log.

    Args:
        name (str): The row.
        metrics (dict): Its numbers.
        seconds (float, optional): What the attack took; None without one.
    """
    parts = ', '.join(f'{key} {cell(metrics[key])}' for key in HEADLINES)
    time = '' if seconds is None else f' ({seconds:.1f} s)'
    return f'{name}: {parts}{time}'
