"""The comparison of several models: what is printed, and its files."""
import os.path as osp
from typing import List, Sequence, Tuple

from ....words import counted
from ...files import write_text
from ...results.comparison import compare_tests
from ...results.doubts import MEANING, risen
from ...results.finished import FinishedTest
from ...results.verdicts import verdicts
from ..page.headline import Sentence
from ..writers import Table, escape, to_markdown
from .charts import comparison_charts
from .page import comparison_page
from .tables import (class_tables, difference_tables, report_table,
                     standing_tables, value_table, with_clean)
from .words import answer, unclaimed

FILES = ('comparison.html', 'comparison.md')


class SideBySide:
    """Reports of several models, where they compare.

    Args:
        names (sequence[str]): What the models are called.
        paths (sequence[str]): Folders of their reports.
        metric (str): One of the metrics.
        seed (int): Seed of the resamples. Defaults to 0.

    Raises:
        FileNotFoundError: If there is no such report.
        ValueError: If two models have one name, a file is no report, or the
            reports do not compare.
    """

    def __init__(self, names: Sequence[str], paths: Sequence[str],
                 metric: str, seed: int = 0) -> None:
        twice = {name for name in names if list(names).count(name) > 1}
        if twice:
            raise ValueError(
                f'every model must have a name of its own, but '
                f'{sorted(twice)[0]} names several reports')
        self.tests = [FinishedTest(path) for path in paths]
        sizes = {test.results['dataset']['num_images'] for test in self.tests}
        if len(sizes) > 1:
            raise ValueError('the reports are of different numbers of '
                             f'images: {sorted(sizes)}; use the same --limit')
        self.images: int = sizes.pop()
        self.found = compare_tests(names, self.tests, metric, seed)
        self.verdicts = verdicts(self.found)

    @property
    def sentences(self) -> List[Sentence]:
        """list[Sentence]: Which model keeps most."""
        return answer(self.found, self.verdicts, self.images)

    @property
    def tables(self) -> List[Table]:
        """list[Table]: Values by row, and differences with their note."""
        return [value_table(self.found, self.images),
                *difference_tables(self.found)]

    @property
    def reports(self) -> Table:
        """Table: What each name stands for."""
        return report_table(self.found.names, self.tests)

    @property
    def failed(self) -> List[Tuple[str, int]]:
        """list[tuple]: Models whose self-checks failed, and how many did."""
        counts = [(name, sum(not check['passed'] for check in
                             test.results.get('checks', ())))
                  for name, test in zip(self.found.names, self.tests)]
        return [(name, count) for name, count in counts if count]

    @property
    def risen(self) -> List[Tuple[str, int]]:
        """list[tuple]: Models with more mIoU under attack than without."""
        counts = [(name, len(risen(test.results)))
                  for name, test in zip(self.found.names, self.tests)]
        return [(name, count) for name, count in counts if count]

    def warnings(self) -> List[str]:
        """Which numbers are not to be believed."""
        return [f'{counted(count, "self-check")} of {name} failed: do not '
                'believe its numbers before this is understood.'
                for name, count in self.failed] + [
                    f'{name} has {counted(count, "row")} with more mIoU than '
                    f'on clean images. {MEANING}'
                    for name, count in self.risen]

    @property
    def unclaimed(self) -> List[str]:
        """list[str]: Whose numbers support no claim of robustness."""
        return unclaimed(self.found.names, self.tests)

    @property
    def lines(self) -> List[str]:
        """list[str]: Sentences below the tables on a screen."""
        return [*self.found.notes, *(note for table in self.tables
                                     for note in table.notes),
                *self.unclaimed, *self.warnings()]

    def write(self, folder: str) -> None:
        """Write ``comparison.html`` and ``comparison.md``.

        Raises:
            OSError: If a file cannot be written; names it.
        """
        page = comparison_page(self, comparison_charts(
            self.found, self.verdicts))
        for name, text in zip(FILES, (page, self._markdown())):
            write_text(osp.join(folder, name), text)

    def _markdown(self) -> str:
        parts = [escape(' '.join(
            sentence.text for sentence in self.sentences)) + '\n']
        parts += [f'**{escape(text)}**\n' for text in self.warnings()]
        parts += [f'{escape(text)}\n' for text in self.unclaimed]
        parts += [f'## {escape(table.section)}\n\n{to_markdown(table)}'
                  for table in (
                      *standing_tables(self.found, self.verdicts),
                      *self.tables,
                      *map(with_clean, class_tables(self.found)),
                      self.reports)]
        parts += [f'{escape(note)}\n' for note in self.found.notes]
        return '\n'.join(parts)
