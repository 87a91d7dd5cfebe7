"""Every table of a report, each made by one function."""
from typing import Any, Dict, List, Optional, Sequence

from ...metrics import SCALARS
from ..plan.rows import format_eps
from ..results.results import worst_balls
from .writers import Cells, Table, cell

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
    """What the self-checks found, if there were any."""
    checks = results['checks']
    if not checks:
        return []
    return [Table(
        'Self-checks', ('result', 'finding'),
        [['passed' if c['passed'] else 'FAILED', c['detail']]
         for c in checks], words=2,
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
