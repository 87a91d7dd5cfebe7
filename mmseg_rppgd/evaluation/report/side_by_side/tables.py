"""Tables of several reports."""
from typing import Any, Dict, List, Optional, Sequence

from ...plan.rows import format_eps
from ...results.comparison import CLEAN, Comparison, Key
from ...results.finished import FinishedTest
from ...results.verdicts import LOWER_IS_BETTER, WORST_CASE, Verdict
from ..class_table import LOWEST
from ..page.headline import share
from ..writers import Cells, Kept, Table, estimate

HEADER = ('attack', 'norm', 'eps', 'steps')
PAIRED = ('In brackets 95 % intervals of a paired bootstrap over the images; '
          '"no difference" where they hold 0. They speak of other images, '
          'not of other trainings of the same models.')


def value_table(found: Comparison, images: int) -> Table:
    """The metric in every report, by row."""
    return Table(
        f'{found.metric} in percent, {images} images',
        [*HEADER, *found.names],
        [[*shown(key), *values] for key, values in found.values.items()],
        words=4)


def difference_tables(found: Comparison) -> List[Table]:
    """How much larger the metric is than in the first report, if known."""
    if not found.differences:
        return []
    return [Table(
        f'Difference in {found.metric} to {found.names[0]}',
        [*HEADER, *found.names[1:]],
        [[*shown(key), *map(in_words, differences)]
         for key, differences in found.differences.items()],
        words=4, notes=[PAIRED])]


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
    """IoU of each class in each model, clean and at its lowest in a ball.

    The class that loses most comes first.
    """
    balls = dict.fromkeys(entries[0].ball for entries in found.rows.values())
    clean = [entry.per_class for entry in found.rows[CLEAN]]
    if not all(clean):
        return []
    tables = []
    for ball in balls:
        attacks = [entries for key, entries in found.rows.items()
                   if entries[0].ball == ball and key[0] != WORST_CASE]
        if ball is None or not attacks:
            continue
        rows: List[Cells] = []
        for name in clean[0]:
            rows.append([name])
            for i, whole in enumerate(clean):
                rows[-1] += [whole[name], _lowest(
                    whole[name], [entries[i].per_class.get(name)
                                  for entries in attacks])]
        tables.append(Table(
            'IoU of each class', ['class', *(
                f'{name}, {what}' for name in found.names
                for what in ('clean', 'lowest'))],
            sorted(rows, key=_points_kept), words=1, notes=[LOWEST],
            title=f'{ball.norm} {ball.text}'))
    return tables


def _lowest(whole: Optional[float],
            values: Sequence[Optional[float]]) -> Optional[float]:
    left = min((v for v in values if v is not None), default=None)
    return left if None in (left, whole) else Kept(left, whole)


def _points_kept(row: Cells) -> float:
    """Points that all models lose together, negative; 0 if undefined."""
    return sum(left - whole for whole, left in zip(row[1::2], row[2::2])
               if None not in (whole, left))


def report_table(names: Sequence[str],
                 tests: Sequence[FinishedTest]) -> Table:
    """What each name stands for."""
    rows = []
    for name, test in zip(names, tests):
        model = test.results.get('model', {})
        environment = test.results.get('environment', {})
        rows.append([name, model.get('config'), model.get('checkpoint'),
                     environment.get('seed'), environment.get('commit'),
                     test.folder])
    header = ('model', 'config', 'checkpoint', 'seed', 'commit', 'report')
    return Table('Reports', header, rows, words=len(header))


def shown(key: Key) -> List[Any]:
    """What was attacked how, as a table shows it."""
    name, norm, eps, steps = key
    return [name, norm, format_eps(eps) if isinstance(eps, float) else eps,
            steps]


def in_words(difference: Dict[str, Any]) -> Optional[str]:
    """A difference with its interval; None where it is undefined."""
    if difference['value'] is None:
        return None
    text = f'{difference["value"]:+.2f}'
    if difference['interval'] is not None:
        text += ' [{:+.2f}, {:+.2f}]'.format(*difference['interval'])
    return text + ('' if difference['differs'] in (True, None)
                   else ' no difference')
