"""Tables of several reports."""
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ...results.comparison import CLEAN, WORST_CASE, Comparison, Key
from ...results.finished import FinishedTest
from ...results.verdicts import LOWER_IS_BETTER, Verdict
from ..class_table import LOWEST
from ..page.headline import share
from ..writers import Cells, Kept, Table, estimate

HEADER = ('attack', 'norm', 'eps', 'steps')
PAIRED = ('In brackets 95 % intervals of a paired bootstrap over the images; '
          '"no difference" where they hold 0. They speak of other images, '
          'not of other trainings of the same models.')
OF_CLEAN = ('The lowest IoU under any attack; the bar behind it is the '
            'IoU on clean images, on a scale of 100.')


def value_table(found: Comparison, images: int) -> Table:
    """The metric in every report, by row."""
    return _by_row(found, f'{found.metric} in percent, {images} images',
                   found.names, found.values)


def difference_tables(found: Comparison) -> List[Table]:
    """How much larger the metric is than in the first report, if known."""
    if not found.differences:
        return []
    return [_by_row(
        found, f'Difference in {found.metric} to {found.names[0]}',
        found.names[1:], {key: [in_words(one) for one in differences]
                          for key, differences in found.differences.items()},
        [PAIRED])]


def _by_row(found: Comparison, section: str, names: Sequence[str],
            cells: Mapping[Key, Cells], notes: Sequence[str] = ()) -> Table:
    """A row for each attack, and the worst cases below a line."""
    rows = [(key, [*_shown(key, found), *values])
            for key, values in cells.items()]
    return Table(
        section, [*HEADER, *names],
        [row for key, row in rows if key[0] != WORST_CASE], words=4,
        summary=[row for key, row in rows if key[0] == WORST_CASE],
        notes=notes)


def standing_tables(found: Comparison,
                    given: Sequence[Verdict]) -> List[Table]:
    """What each model has and keeps, the best one first, for each ball."""
    lower = found.metric in LOWER_IS_BETTER
    return [Table(
        f'{verdict.ball.norm} {verdict.ball.text}',
        ['model', f'{found.metric}, clean', 'worst case' if verdict.worst_case
         else 'strongest attack', *([] if lower else ['kept'])],
        [[one.name, estimate(one.clean, one.clean_ends),
          estimate(one.left, one.left_ends),
          *([] if lower else [share(one.left, one.clean)
                              if one.clean else None])]
         for one in verdict.standings], words=1) for verdict in given]


def class_tables(found: Comparison) -> List[Table]:
    """The lowest IoU of each class in each model, for each ball.

    The class that loses most comes first. Rows of zeros are folded.
    """
    clean = [entry.per_class for entry in found.rows[CLEAN]]
    balls = dict.fromkeys(entries[0].ball for entries in found.rows.values())
    tables = []
    for ball in balls if all(clean) else ():
        attacks = [entries for key, entries in found.rows.items()
                   if entries[0].ball == ball and key[0] != WORST_CASE]
        if ball is None or not attacks:
            continue
        rows: List[List[Any]] = sorted(
            ([name, *(_lowest(whole[name], [
                entries[i].per_class.get(name) for entries in attacks])
                for i, whole in enumerate(clean))] for name in clean[0]),
            key=_points_kept)
        tables.append(Table(
            'IoU of each class', ['class', *found.names], rows, words=1,
            title=f'{ball.norm} {ball.text}',
            folded=[i for i, row in enumerate(rows)
                    if not any(map(_whole, row[1:]))],
            folded_name='classes of which no pixel is ever found'))
    return [*tables[:-1], *(replace(table, notes=[OF_CLEAN, LOWEST])
                            for table in tables[-1:])]


def with_clean(table: Table) -> Table:
    """A table of classes for who sees no bars: clean beside the lowest."""
    return replace(
        table, header=['class', *(f'{name}, {what}' for name in
                                  table.header[1:]
                                  for what in ('clean', 'lowest'))],
        rows=[[name, *(value for left in lefts for value in (
            _whole(left), left))] for name, *lefts in table.rows],
        notes=[note for note in table.notes if note != OF_CLEAN])


def _lowest(whole: Optional[float],
            values: Sequence[Optional[float]]) -> Optional[float]:
    left = min((v for v in values if v is not None), default=None)
    return left if left is None or whole is None else Kept(left, whole)


def _points_kept(row: Cells) -> float:
    """Points that all models lose together, negative; 0 if undefined."""
    return sum(left - left.whole for left in row[1:]
               if isinstance(left, Kept))


def _whole(left: Optional[float]) -> Optional[float]:
    """The clean IoU of a class; None where it is undefined, as that of a
    class that is predicted under attack alone."""
    return left.whole if isinstance(left, Kept) else None


def report_table(names: Sequence[str],
                 tests: Sequence[FinishedTest]) -> Table:
    """What each name stands for."""
    header = ('model', 'config', 'checkpoint', 'seed', 'commit', 'report')
    rows = []
    for name, test in zip(names, tests):
        known = {**test.results.get('model', {}),
                 **test.results.get('environment', {}),
                 'model': name, 'report': test.folder}
        rows.append([known.get(column) for column in header])
    return Table('Reports', header, rows, words=len(header))


def _shown(key: Key, found: Comparison) -> List[Any]:
    """What was attacked how, as a table shows it."""
    name, norm, _, steps = key
    ball = found.rows[key][0].ball
    return [name, norm, ball and ball.text, steps]


def in_words(difference: Dict[str, Any]) -> Optional[str]:
    """A difference with its interval; None where it is undefined."""
    if difference['value'] is None:
        return None
    text = f'{difference["value"]:+.2f}'
    if difference['interval'] is not None:
        text += ' [{:+.2f}, {:+.2f}]'.format(*difference['interval'])
    return text + ('' if difference['differs'] in (True, None)
                   else ' no difference')
