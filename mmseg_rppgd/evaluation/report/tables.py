"""Every table of a report as data, and the writers that draw any of them.

One function makes a table, four writers draw it: :func:`to_screen`,
:func:`to_markdown`, :func:`to_csv` and the macro of report.html. Cells hold
values; rounding and escaping are the writers' work.
"""
import csv
import io
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from ...metrics import SCALARS
from ..plan.rows import format_eps
from ..results.results import worst_balls

Cells = Sequence[Any]

# What a log line, and a narrow terminal, show of the metrics.
HEADLINES = ('mIoU', 'aAcc', 'MisRatio')
CLEAN = ('clean', None, None, None)
CROP = (' (each window by itself, which is not one adversarial image: compare '
        'with DDC-AT and RP-PGD alone)')
WORST = ('Per image the attack that leaves the lowest accuracy, and for mIoU '
         'the choice of attacks that lowers it over the data set. The clean '
         'image takes part, so it is never above clean.')
STROKE = ('mIoU in percent of floating-point adversarial images, and behind '
          'the stroke of 8-bit ones; the model attacked down, the model '
          'tested across.')


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
        marks (Sequence[str]): What stands out: ``'passed'`` or ``'failed'``
            for each row. Defaults to none.
        spare (Sequence[str]): Columns that a narrow screen leaves out, rather
            than cut numbers off. Defaults to none.
        page_only (bool): Whether report.html alone shows it. Defaults to
            False.
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
    page_only: bool = False

    @property
    def caption(self) -> str:
        """str: Section and title."""
        return f'{self.section}: {self.title}' if self.title else self.section

    @property
    def prose(self) -> bool:
        """bool: Whether it holds sentences rather than numbers."""
        return self.words == len(self.header)


# ----------------------------------------------------------------- the tables
def report_tables(results: Dict[str, Any],
                  minimal: Optional[Dict[str, Any]] = None,
                  matrix: Optional[Dict[str, Any]] = None,
                  notes: Sequence[str] = ()) -> List[Table]:
    """Every table of a report, in its order.

    Args:
        results (dict): Content of results.json.
        minimal (dict, optional): Content of minimal_norm.json.
        matrix (dict, optional): Content of transfer.json.
        notes (Sequence[str]): Sentences about the test. Defaults to none.
    """
    return [attack_table(results, notes), *member_tables(results),
            class_table(results), *minimal_tables(minimal),
            *matrix_tables(matrix), *check_tables(results)]


def attack_table(results: Dict[str, Any],
                 notes: Sequence[str] = ()) -> Table:
    """The rows of the test, and the worst case in each ball."""
    rows = [[*_attacked(row), *(row.get(key) for key in SCALARS),
             cell(row.get('seconds'), 1)] for row in flat_rows(results)]
    summary = []
    for ball in worst_balls(results):
        values = {'mIoU': ball['mIoU_greedy'], 'aAcc': ball['aAcc']}
        summary.append(['worst case', ball['norm'], radius(ball), None,
                        *(values.get(key) for key in SCALARS), None])
    return Table(
        'Attacks',
        ('attack', 'norm', 'eps', 'steps') + SCALARS + ('seconds', ),
        rows, summary=summary,
        notes=[_what_was_attacked(results), *notes, *rounded_lines(results)],
        spare=[key for key in SCALARS if key not in HEADLINES] + ['seconds'])


def _what_was_attacked(results: Dict[str, Any]) -> str:
    words = 'Metrics in percent'
    for attack in results['attacks'][:1]:  # one surface, one surrogate in all
        threat = attack['threat']
        words += f'; attacked: {threat["surface"]}'
        words += CROP if threat['surface'] == 'crop' else ''
        if threat['surrogate'] is not None:
            words += ', on the surrogate ' + threat['surrogate']['config']
    return words + '.'


def rounded_lines(results: Dict[str, Any]) -> List[str]:
    """What rounding costs the attacks from a surrogate, in words."""
    return [
        f'{a["name"]}, rounded to the 8 bits of a picture: mIoU '
        f'{cell(a["rounded"]["mIoU"])} instead of {cell(a["mIoU"])}, aAcc '
        f'{cell(a["rounded"]["aAcc"])} instead of {cell(a["aAcc"])}.'
        for a in results['attacks'] if 'rounded' in a]


def member_tables(results: Dict[str, Any]) -> List[Table]:
    """Who won how often, a table for each ball."""
    balls = worst_balls(results)
    return [Table(
        'Worst case',
        ('member', 'eps', 'steps', 'images with the lowest accuracy',
         'images chosen for mIoU'),
        [[m['name'], None if m['eps'] is None else format_eps(m['eps']),
          m['steps'], m['wins'], m['chosen']] for m in ball['members']],
        title=f'{ball["norm"]}, eps {radius(ball)}: mIoU '
        f'{cell(ball["mIoU_greedy"])}, aAcc {cell(ball["aAcc"])}',
        notes=[WORST] if ball is balls[-1] else [], words=2, page_only=True)
        for ball in balls]


def class_table(results: Dict[str, Any]) -> Table:
    """IoU of each class."""
    classes = results['dataset']['classes']
    return Table(
        'IoU of each class', ('attack', 'norm', 'eps', 'steps', *classes),
        [[*_attacked(row),
          *(cell(row['per_class'][name], 1) for name in classes)]
         for row in flat_rows(results)], page_only=True)


def minimal_tables(minimal: Optional[Dict[str, Any]]) -> List[Table]:
    """The smallest perturbations, if they were searched for."""
    if not minimal:
        return []
    rows, notes = [], []
    for a in minimal['attacks']:
        median = a['median']
        rows.append([a['name'], a['norm'], cell(median, 5),
                     None if median is None else 255 * median, a['found'],
                     a['images'], cell(a['seconds'], 1)])
        note = (f'{a["name"]} ({a["norm"]}) makes {100 * a["threshold"]:g} % '
                f'of the pixels wrong on {a["found"]} of {a["images"]} images')
        if median is not None:
            note += f'; half of them need {median:.5f} at most'
            if a['norm'] == 'linf':
                note += f' ({255 * median:.2f} of 255)'
        notes.append(note + '.')
    return [Table(
        'Smallest perturbation',
        ('attack', 'norm', 'median of the smallest perturbation', 'x 255',
         'found', 'images', 'seconds'), rows, notes=notes, words=2,
        spare=['x 255', 'seconds'])]


def matrix_tables(matrix: Optional[Dict[str, Any]]) -> List[Table]:
    """The transfer matrix of each attack, if there is one."""
    tables: List[Table] = []
    for attack in matrix['attacks'] if matrix else ():
        names = list(matrix['models'])
        rows: List[Cells] = [
            ['(clean)', *(matrix['clean'][name]['mIoU'] for name in names)]]
        for source in names:
            both = [attack['matrix'][source][target] for target in names]
            rows.append([source, *(
                f'{cell(b["float"]["mIoU"])} / {cell(b["png"]["mIoU"])}'
                for b in both)])
        tables.append(Table(
            'Transfer', ['attacked \\ tested', *names], rows,
            title=attack['label'], words=1,
            notes=[STROKE] if attack is matrix['attacks'][-1] else []))
    return tables


def check_tables(results: Dict[str, Any]) -> List[Table]:
    """The self-checks, if there were any."""
    checks = results['checks']
    if not checks:
        return []
    return [Table(
        'Self-checks', ('result', 'check', 'detail'),
        [['passed' if c['passed'] else 'FAILED', c['name'], c['detail']]
         for c in checks],
        marks=['passed' if c['passed'] else 'failed' for c in checks])]


def number_table(results: Dict[str, Any]) -> Table:
    """All numbers, unrounded, with a column for the IoU of every class."""
    classes = results['dataset']['classes']
    columns = (('name', 'norm', 'eps', 'rms', 'steps', 'surface', 'surrogate')
               + SCALARS +
               ('seconds', 'max_norm', 'nan_count', 'min', 'max'))
    return Table(
        'Numbers', [*columns, *(f'IoU.{name}' for name in classes)],
        [[*(row.get(column) for column in columns),
          *(row['per_class'][name] for name in classes)]
         for row in flat_rows(results)])


def flat_rows(results: Dict[str, Any]) -> List[Dict[str, Any]]:
    """One flat dict per row of the test, the clean one first."""
    rows = [{'name': 'clean', **results['clean']}]
    for attack in results['attacks']:
        surrogate = attack['threat']['surrogate']
        rows.append({
            **attack,
            **attack['threat'],
            'surrogate': surrogate and surrogate['config'],
            'steps': attack['config'].get('steps'),
        })
    return rows


def _attacked(row: Dict[str, Any]) -> Cells:
    """What was attacked how: name, norm, eps, steps."""
    if 'threat' not in row:
        return CLEAN
    return row['name'], row['norm'], radius(row), row['steps']


def radius(threat: Dict[str, Any]) -> str:
    """The radius of a ball; of an l2 ball also as a root mean square."""
    text = format_eps(threat['eps'], threat['rms'])
    if threat['norm'] == 'l2' and None not in (threat['eps'], threat['rms']):
        text += f' (rms {threat["rms"]:.3g})'
    return text


# ---------------------------------------------------------------- the writers
def cell(value: Any, digits: int = 2) -> str:
    """A value as a table shows it; a dash where it is undefined."""
    if value is None:
        return '-'
    return f'{value:.{digits}f}' if isinstance(value, float) else str(value)


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
    drawn = RichTable(title=Text(table.caption, 'italic'),
                      box=None if table.prose else lines,
                      show_header=not table.prose,
                      pad_edge=not (narrow or table.prose))
    for i in shown:
        drawn.add_column(Text(table.header[i]), no_wrap=not table.prose,
                         justify='left' if i < table.words else 'right')
    for row, mark in zip(table.rows, table.marks or [''] * len(table.rows)):
        drawn.add_row(*[Text(cell(row[i])) for i in shown],
                      style='bold red' if mark == 'failed' else None)
    drawn.add_section()
    for row in table.summary:
        drawn.add_row(*[Text(cell(row[i])) for i in shown])
    return drawn


def to_markdown(table: Table) -> str:
    """Write a table for a README or an issue."""
    lines = [escape(table.caption), ''] if table.title else []
    lines += [_markdown_row(table.header), '|' + '---|' * table.words +
              '---:|' * (len(table.header) - table.words)]
    lines += map(_markdown_row, [*table.rows, *table.summary])
    for note in table.notes:
        lines += ['', escape(note)]
    return '\n'.join(lines) + '\n'


def _markdown_row(row: Cells) -> str:
    # A backslash before a stroke would take its own away.
    return '| ' + ' | '.join(
        re.sub(r'(\\*)\|', r'\1\1\|', escape(cell(value)))
        for value in row) + ' |'


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
