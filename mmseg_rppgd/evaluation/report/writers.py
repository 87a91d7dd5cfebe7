"""A table as data, and the writers that draw any of them.

macro of page/templates/tables.html. Cells hold values; rounding and escaping
are the writers' work.
"""
import csv
import io
import re
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Sequence, Tuple

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

Cells = Sequence[Any]
STYLES = {'failed': 'bold red', 'strongest': 'bold'}  # of marked rows


class Estimate(float):
    """A number with its interval, which tables show behind it.

    Args:
        value (float): The number.
        interval (sequence[float]): Its lower and upper end.
    """

    interval: Tuple[float, ...]

    def __new__(cls, value: float, interval: Sequence[float]) -> 'Estimate':
        number = super().__new__(cls, value)
        number.interval = tuple(interval)
        return number


class Spread(float):
    """A mean of several numbers with their spread, which tables show behind.

    Args:
        mean (float): The mean.
        deviation (float): Sample standard deviation of the numbers.
    """

    deviation: float

    def __new__(cls, mean: float, deviation: float) -> 'Spread':
        number = super().__new__(cls, mean)
        number.deviation = deviation
        return number


class Kept(float):
    """What is left of a number, which a page shows as a part of it.

    Args:
        value (float): What is left.
        whole (float): What there was.
    """

    whole: float

    def __new__(cls, value: float, whole: float) -> 'Kept':
        number = super().__new__(cls, value)
        number.whole = whole
        return number


def estimate(value: Optional[float],
             interval: Optional[Sequence[float]]) -> Optional[float]:
    """A number with its interval, where there are both."""
    if value is None or interval is None:
        return value
    return Estimate(value, interval)


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        section (str): What it belongs to.
        header (Sequence[str]): Names of the columns.
        rows (Sequence[Sequence]): Cells: words, numbers, None.
        title (str): Tells it from others of its section. Defaults to none.
        notes (Sequence[str]): Sentences below it. Defaults to none.
        words (int): Columns of words, flush left; the others hold numbers.
            Where all do, cells may wrap. Defaults to 3.
        summary (Sequence[Sequence]): Rows below a line. Defaults to none.
        marks (Sequence[str]): What stands out: ``'passed'``, ``'failed'``,
            ``'strongest'`` or nothing for each row. Defaults to none.
        spare (Sequence[str]): Columns that a narrow screen leaves out, rather
            than cut numbers off. Defaults to none.
        spare_intervals (Sequence[str]): Columns whose intervals a narrow
            screen leaves out. Defaults to none.
        page_only (bool): Whether report.html alone shows it. Defaults to
            False.
        folded (Sequence[int]): Places of the rows that report.html hides
            until a person asks for them. Defaults to none.
        folded_name (str): What these rows are.
        blocks (Sequence[int]): How many columns, of those behind the words,
            belong together: where :func:`in_parts` breaks a wide table.
            Defaults to none.
    """
    section: str
    header: Sequence[str]
    rows: Sequence[Cells]
    title: str = ''
    notes: Sequence[str] = ()
    words: int = 3
    summary: Sequence[Cells] = ()
    marks: Sequence[str] = ()
    spare: Sequence[str] = ()
    spare_intervals: Sequence[str] = ()
    page_only: bool = False
    folded: Sequence[int] = ()
    folded_name: str = 'rows of zeros'
    blocks: Sequence[int] = ()

    @property
    def caption(self) -> str:
        """str: Section and title."""
        return f'{self.section}: {self.title}' if self.title else self.section

    @property
    def prose(self) -> bool:
        """bool: Whether it holds sentences rather than numbers."""
        return self.words == len(self.header)


def brackets(value: Any) -> str:
    """The interval of an estimate as a table shows it; else nothing."""
    if not isinstance(value, Estimate):
        return ''
    low, high = value.interval
    return f'[{low:.1f}, {high:.1f}]'


def cell(value: Any, digits: int = 2) -> str:
    """A value as a table shows it; a dash where it is undefined."""
    if value is None:
        return '-'
    if isinstance(value, Estimate):
        return f'{value:.{digits}f} {brackets(value)}'
    if isinstance(value, Spread):
        if value.deviation >= 0.1:  # digits below the spread would be noise
            digits = min(digits, 1)
        return f'{value:.{digits}f} ± {value.deviation:.{digits}f}'
    return f'{value:.{digits}f}' if isinstance(value, float) else str(value)


def in_parts(table: Table, width: int) -> List[Table]:
    """Break a table where it is too wide, and repeat its words.

    Args:
        table (Table): The table; one without ``blocks`` stays as it is.
        width (int): Characters of a line that :func:`to_screen` may take.

    Returns:
        list[Table]: Parts of as many blocks as fit, one at least. The last
        one has the notes.
    """
    parts, begin, end = [], table.words, table.words
    for size in table.blocks:
        if end > begin and width_of(
                to_screen(_part(table, begin, end + size))) > width:
            parts.append(_part(table, begin, end))
            begin = end
        end += size
    if not parts:
        return [table]
    last = replace(_part(table, begin, end), notes=table.notes)
    return [*parts, last]


def _part(table: Table, begin: int, end: int) -> Table:
    """The words of a table, and its columns from one to before another."""
    def cut(row: Cells) -> Cells:
        return [*row[:table.words], *row[begin:end]]

    return replace(
        table, header=cut(table.header), rows=[cut(r) for r in table.rows],
        summary=[cut(r) for r in table.summary], notes=(), blocks=())


def width_of(drawn: RichTable) -> int:
    """Characters that a table needs to show everything."""
    console = Console(width=10**4)
    return Measurement.get(console, console.options, drawn).maximum


def to_screen(table: Table, narrow: bool = False) -> RichTable:
    """Draw a table in a terminal.

    Args:
        table (Table): The table.
        narrow (bool): Whether to leave out what can be spared. Defaults to
            False.
    """
    shown = [i for i, name in enumerate(table.header)
             if not (narrow and name in table.spare)]
    lines = box.SIMPLE_HEAD if narrow else box.HEAVY_HEAD
    # As Text, in which nothing is markup.
    short = table.spare_intervals if narrow else ()

    def texts(row: Cells) -> List[Text]:
        return [Text(cell(float(row[i])
                          if isinstance(row[i], Estimate)
                          and table.header[i] in short else row[i]))
                for i in shown]

    drawn = RichTable(title=Text(table.caption, 'italic'),
                      box=None if table.prose else lines,
                      show_header=not table.prose,
                      pad_edge=not (narrow or table.prose),
                      collapse_padding=narrow)
    for i in shown:
        drawn.add_column(Text(table.header[i]), no_wrap=not table.prose,
                         justify='left' if i < table.words else 'right')
    for row, mark in zip(table.rows, table.marks or [''] * len(table.rows)):
        drawn.add_row(*texts(row), style=STYLES.get(mark))
    drawn.add_section()
    for row in table.summary:
        drawn.add_row(*texts(row))
    return drawn


def to_markdown(table: Table) -> str:
    """Write a table for a README or an issue."""
    lines = [escape(table.caption), ''] if table.title else []
    lines += [_markdown_row(table.header), '|' + '---|' * table.words +
              '---:|' * (len(table.header) - table.words)]
    lines += [_markdown_row(row, mark == 'strongest') for row, mark in zip(
        table.rows, table.marks or [''] * len(table.rows))]
    lines += map(_markdown_row, table.summary)
    for note in table.notes:
        lines += ['', escape(note)]
    return '\n'.join(lines) + '\n'


def _markdown_row(row: Cells, bold: bool = False) -> str:
    # A backslash before a stroke would take its own away.
    texts = [re.sub(r'(\\*)\|', r'\1\1\|', escape(cell(value)))
             for value in row]
    if bold:
        texts = [f'**{text}**' for text in texts]
    return '| ' + ' | '.join(texts) + ' |'


def escape(text: str) -> str:
    """Text in Markdown: one line, no HTML."""
    text = text.replace('&', '&amp;').replace('<', '&lt;')
    return ' '.join(text.splitlines())


def code(text: Any) -> str:
    """Text as it was typed, in Markdown."""
    text = ' '.join(str(text).splitlines())
    longest = max(map(len, re.findall('`+', text)), default=0)
    fence = '`' * (longest + 1)
    return f'{fence} {text} {fence}' if longest else f'{fence}{text}{fence}'


def to_csv(table: Table) -> str:
    """Write a table for other programs, unrounded; empty is undefined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    for row in [table.header, *table.rows, *table.summary]:
        writer.writerow([_csv_cell(value) for value in row])
    return text.getvalue()


def _csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for no formula."""
    if isinstance(value, str) and re.match(r'[=+\-@\t\r]', value):
        try:
            float(value)
        except ValueError:
            return "'" + value
    return '' if value is None else value
