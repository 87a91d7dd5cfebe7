"""Every table of a report, each made by one function."""
from typing import Any, Dict, List, Optional, Sequence

from ...metrics import SCALARS
from ..plan.rows import format_eps
from ..results.balls import strongest, worst_balls
from .class_table import class_table
from .names import radius
from .writers import Cells, Table, cell, estimate

# What a log line, and a narrow terminal, show of the metrics.
HEADLINES = ('mIoU', 'aAcc', 'MisRatio')
BRACKETED = ('mIoU', 'aAcc')  # a page has the intervals of the others too
WORST_KEYS = {'mIoU': 'mIoU_greedy', 'aAcc': 'aAcc'}
CLEAN = ('clean', None, None, None)
CROP = (' (each window by itself, which is not one adversarial image: compare '
        'with DDC-AT and RP-PGD alone)')
WORST = ('Per image the attack that leaves the lowest accuracy, and for mIoU '
         'the choice of attacks that lowers it over the data set. The clean '
         'image takes part, so it is never above clean.')
BOLD = 'Bold: the attack that leaves the lowest mIoU in its ball.'
STROKE = ('mIoU in percent of floating-point adversarial images, and behind '
          'the stroke of 8-bit ones; the model attacked down, the model '
          'tested across.')


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
            *interval_table(results), class_table(results),
            *minimal_tables(minimal),
            *matrix_tables(matrix), *check_tables(results)]


def attack_table(results: Dict[str, Any],
                 notes: Sequence[str] = ()) -> Table:
    """The rows of the test, and the worst case in each ball."""
    rows = [[*_attacked(row),
             *(estimate(row.get(key), ends.get(key)) if key in BRACKETED else
               row.get(key) for key in SCALARS),
             cell(row.get('seconds'), 1)]
            for row, ends in zip(flat_rows(results), row_intervals(results))]
    summary = [['worst case', ball['norm'], radius(ball), None,
                *(ball_estimate(ball, key) for key in SCALARS), None]
               for ball in balls_with_intervals(results)]
    return Table(
        'Attacks',
        ('attack', 'norm', 'eps', 'steps') + SCALARS + ('seconds', ),
        rows, summary=summary,
        notes=[_what_was_attacked(results), *_bold(results), *notes,
               *rounded_lines(results),
               *_what_brackets_are(results)],
        spare=[key for key in SCALARS if key not in HEADLINES] + ['seconds'],
        spare_intervals=BRACKETED[1:], marks=_strongest_marks(results))


def _bold(results: Dict[str, Any]) -> List[str]:
    return [BOLD] if len(results['attacks']) > 1 else []


def _strongest_marks(results: Dict[str, Any]) -> List[str]:
    """Mark the attack that leaves least in each ball; the clean row first."""
    best = [strongest(results, ball) for ball in worst_balls(results)
            if len(results['attacks']) > 1]
    return [''] + ['strongest' if any(attack is b for b in best) else ''
                   for attack in results['attacks']]


def row_intervals(results: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The intervals of each of :func:`flat_rows`; empty where unknown."""
    intervals = getattr(results, 'intervals', None)
    if intervals is None:
        return [{}] * (1 + len(results['attacks']))
    return [intervals['clean'], *intervals['attacks']]


def balls_with_intervals(results: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The worst case of each ball, with its ``intervals`` where known."""
    intervals = getattr(results, 'intervals', None)
    balls = worst_balls(results)
    if intervals is None:
        return [dict(ball, intervals={}) for ball in balls]
    worst = intervals['worst_case']
    return [dict(ball, intervals=ends) for ball, ends in zip(
        balls, worst.get('by_ball') or [worst])]


def ball_estimate(ball: Dict[str, Any], metric: str) -> Optional[float]:
    """A metric of a worst case with its interval; None where it has none."""
    key = WORST_KEYS.get(metric)
    return None if key is None else estimate(
        ball[key], ball['intervals'].get(key))


def _what_brackets_are(results: Dict[str, Any]) -> List[str]:
    intervals = getattr(results, 'intervals', None)
    if intervals is None or intervals['num_images'] < 2:
        return []
    return [
        f'In brackets {intervals["level"]:g} % bootstrap intervals over the '
        f'{intervals["num_images"]} images: how far other images of the kind '
        'would move a number, not other attacks, seeds or trainings.']


def interval_table(results: Dict[str, Any]) -> List[Table]:
    """The intervals of every metric, if they are known."""
    if not (results['attacks'] and _what_brackets_are(results)):
        return []
    return [Table(
        'Intervals', ('attack', 'norm', 'eps', 'steps', *SCALARS),
        [[*_attacked(row), *(estimate(row[key], ends[key])
                             for key in SCALARS)]
         for row, ends in zip(flat_rows(results), row_intervals(results))],
        page_only=True)]


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
        [[m['name'], _member_eps(m), m['steps'], m['wins'], m['chosen']]
         for m in ball['members']],
        title=f'{ball["norm"]}, eps {radius(ball)}: mIoU '
        f'{cell(ball["mIoU_greedy"])}, aAcc {cell(ball["aAcc"])}',
        notes=[WORST] if ball is balls[-1] else [], words=2, page_only=True,
        folded=[i for i, m in enumerate(ball['members'])
                if not m['wins'] + m['chosen']],
        folded_name='members that stand for no image')
        for ball in balls]


def _member_eps(member: Dict[str, Any]) -> Optional[str]:
    eps, rms = member['eps'], member.get('rms')
    return None if eps is None and rms is None else format_eps(eps, rms)


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
    if not matrix:
        return tables
    for attack in matrix['attacks']:
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
    """What the self-checks found, if there were any."""
    checks = results['checks']
    if not checks:
        return []
    return [Table(
        'Self-checks', ('result', 'finding'),
        [['passed' if c['passed'] else 'FAILED', c['detail']]
         for c in checks],
        words=2,
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
