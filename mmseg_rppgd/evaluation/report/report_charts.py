"""Which numbers of a test make which chart."""
import math
from collections import Counter
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ...metrics import SCALARS
from ..files import digest
from ..plan.rows import format_eps
from ..results.balls import worst_balls
from .charts import (CLEAN, WORST, Bar, BarChart, Chart, Level, Line,
                     LineChart, once)
from .tables import balls_with_intervals, row_intervals

Row = Dict[str, Any]  # of results.json
ALL = 100.  # percent of the images
OVER_EPS = {'linf': 'eps', 'l2': 'eps, as a root mean square'}


def report_charts(results: Dict[str, Any],
                  minimal: Optional[Dict[str, Any]] = None,
                  success: Sequence[Dict[str, Any]] = ()) -> List[Chart]:
    """What the rows allow: steps, radii, iterations, searches, or bars.

    Bars stand for what no line can show, such as attacks that were run with
    one number of steps in one ball alone.

    Args:
        results (dict): Content of results.json.
        minimal (dict, optional): Content of minimal_norm.json.
        success (sequence): Shares of images that the rows make wrong, of
            :func:`success_over_eps` and in their order. Defaults to none.
    """
    rows = _told_apart(results['attacks'])
    of_rows: List[Chart] = [
        *_after_every_step(results, rows), *_over_steps(results, rows),
        *_over_eps(results, rows)]
    drawn = {name for chart in of_rows for name in chart.series}
    searches = [*_smallest(minimal), *_wrong_images(
        [dict(share, series=a['series']) for share, a in zip(success, rows)])]
    if {a['series'] for a in rows} - drawn or not (of_rows or searches):
        of_rows.append(_bars(results, rows))
    return of_rows + searches


def _told_apart(attacks: Sequence[Row]) -> List[Row]:
    """The rows with a ``series``: the name, and where rows of one name
    differ in the step size alone that too."""
    alike = Counter(digest([a['name'], dict(a['config'], alpha=None),
                            a['threat']]) for a in attacks)
    several = {a['name'] for a in attacks if alike[digest(
        [a['name'], dict(a['config'], alpha=None), a['threat']])] > 1}
    return [dict(a, series=f'{a["name"]}, alpha {a["config"]["alpha"]:.4g}'
                 if a['name'] in several and a['config'].get('alpha')
                 is not None else a['name']) for a in attacks]


def _after_every_step(results: Dict[str, Any],
                      rows: Sequence[Row]) -> List[LineChart]:
    traced = [a for a in rows if 'curve' in a]
    several = len(_balls(rows)) > 1
    planned = once(f'{a["series"]} ({len(a["curve"])} steps)' for a in traced
                   if not a['curve_is_of_shorter_runs'])
    note = (f'{", ".join(planned)}: planned with this number of steps; a '
            'shorter run would go another way.') if planned else ''
    longest = max((len(a['curve']) for a in traced), default=0)
    charts: List[LineChart] = []
    for metric in SCALARS if traced else ():
        if metric == 'aAcc':  # MisRatio upside down
            continue
        lines = [Line(
            f'{a["series"]}, eps {_radius(a["threat"])}' if several else
            a['series'], [p['step'] for p in a['curve']],
            [p[metric] for p in a['curve']], a['series'],
            _radius(a['threat'])) for a in traced]
        charts.append(LineChart(
            f'{metric} after every step', 'step', f'{metric}, %', lines,
            _levels(results, rows, None, metric),
            [(n, str(n)) for n in (1, 3, 10, 30, 100, 300, 1000)
             if n < longest] + [(longest, str(longest))],
            True, note='' if charts else note))
    return charts


def _over_steps(results: Dict[str, Any],
                rows: Sequence[Row]) -> List[LineChart]:
    balls = _balls(rows)
    charts = []
    for ball in balls:
        inside = [a for a in rows if _ball(a['threat']) == ball
                  and a['config'].get('steps') is not None]
        groups = _series(inside, 'steps', lambda a: a['config']['steps'])
        if not any(len(group) > 1 for group in groups):
            continue
        lines = [Line(group[0]['series'],
                      [a['config']['steps'] for a in group],
                      [a['mIoU'] for a in group], group[0]['series'])
                 for group in groups]
        threat = inside[0]['threat']
        title = 'mIoU by number of steps'
        if len(balls) > 1:
            title += f', {threat["norm"]} {_radius(threat)}'
        charts.append(LineChart(
            title, 'steps', 'mIoU, %', lines,
            _levels(results, rows, threat, 'mIoU'),
            [(x, f'{x:g}') for x in _abscissae(lines)], True))
    return charts


def _over_eps(results: Dict[str, Any],
              rows: Sequence[Row]) -> List[LineChart]:
    clean = results['clean']['mIoU']
    charts = []
    for norm in once(a['threat']['norm'] for a in rows):
        inside = [a for a in rows if a['threat']['norm'] == norm
                  and a['threat']['rms'] is not None]
        lines = [_by_eps(group, clean) for group in _series(
            inside, 'eps', lambda a: a['threat']['rms']) if len(group) > 1]
        if lines:
            worst = {a['threat']['rms']: _worst(results, a['threat'], 'mIoU')
                     for a in inside}
            radii = sorted(worst)
            lines.append(Line(WORST, [0., *radii],
                              [clean, *(worst[r] for r in radii)], '', WORST))
            charts.append(_by_radius('mIoU by radius', norm, 'mIoU, %',
                                     lines))
    return charts


def _by_eps(group: Sequence[Row], clean: Optional[float]) -> Line:
    steps = group[0]['config'].get('steps')
    return Line(_with_steps(group[0]['series'], steps),
                [0., *(a['threat']['rms'] for a in group)],
                [clean, *(a['mIoU'] for a in group)], group[0]['series'],
                _with_steps('', steps))


def _wrong_images(success: Sequence[Row]) -> List[LineChart]:
    """Images that rows of several radii make wrong nearly everywhere."""
    groups: Dict[Tuple, List[Row]] = {}
    for share in success:
        if share['rms'] is not None:
            groups.setdefault((share['norm'], share['series'],
                               share['steps']), []).append(share)
    lines: Dict[str, List[Line]] = {}
    for (norm, name, steps), shares in groups.items():
        shares = sorted(shares, key=lambda share: share['rms'])
        if len({share['rms'] for share in shares}) > 1:
            lines.setdefault(norm, []).append(Line(
                _with_steps(name, steps), [0., *(s['rms'] for s in shares)],
                [0., *(s['percent'] for s in shares)], name,
                _with_steps('', steps)))
    return [_by_radius('Images with 99 % wrong pixels', norm, 'images, %',
                       of_norm, ALL) for norm, of_norm in lines.items()]


def _by_radius(title: str, norm: str, ylabel: str, lines: List[Line],
               top: Optional[float] = None) -> LineChart:
    return LineChart(
        f'{title}, {norm}', OVER_EPS[norm], ylabel, lines,
        ticks=[(x, format_eps(x)) for x in _abscissae(lines)], top=top)


def _smallest(minimal: Optional[Dict[str, Any]]) -> List[LineChart]:
    """Success over radii of the searches, a chart for each norm and goal."""
    groups: Dict[tuple, List[Line]] = {}
    for a in minimal['attacks'] if minimal else ():
        if a['success']['eps']:  # else none succeeded on any image
            groups.setdefault((a['norm'], a['threshold']), []).append(
                Line(a['name'], a['success']['eps'], a['success']['percent'],
                     a['name']))
    return [LineChart(
        f'Smallest perturbation for {100 * threshold:g} % wrong pixels, '
        f'{norm}', 'eps', 'images, %', lines, top=ALL)
        for (norm, threshold), lines in groups.items()]


def _bars(results: Dict[str, Any], rows: Sequence[Row]) -> BarChart:
    several = len(_balls(rows)) > 1
    ends = [found.get('mIoU') for found in row_intervals(results)]
    bars = [Bar(CLEAN, results['clean']['mIoU'], ends[0])]
    for a, interval in zip(rows, ends[1:]):
        name = _with_steps(a['series'], a['config'].get('steps'))
        if several:
            name += f', {a["threat"]["norm"]} {_radius(a["threat"])}'
        bars.append(Bar(name, a['mIoU'], interval, a['series']))
    bars += [Bar(
        f'{WORST}, {ball["norm"]} {_radius(ball)}' if several else WORST,
        ball['mIoU_greedy'], ball['intervals'].get('mIoU_greedy'))
        for ball in balls_with_intervals(results)]
    return BarChart('mIoU by attack', bars)


def _series(rows: Sequence[Row], setting: str,
            value: Callable[[Row], float]) -> List[List[Row]]:
    """Rows that differ in one setting alone, and in the step size that may
    follow from it, in the order of the setting."""
    groups: Dict[str, List[Row]] = {}
    for a in rows:
        config = dict(a['config'], **{setting: None, 'alpha': None})
        groups.setdefault(digest([a['series'], config]), []).append(a)
    return [sorted(group, key=value) for group in groups.values()]


def _levels(results: Dict[str, Any], rows: Sequence[Row],
            threat: Optional[Dict[str, Any]], metric: str) -> List[Level]:
    """Clean, and the worst case in a ball, or in the only one."""
    if threat is None and len(_balls(rows)) == 1:
        threat = rows[0]['threat']
    values = [(CLEAN, results['clean'][metric]),
              (WORST, threat and _worst(results, threat, metric))]
    return [Level(name, value) for name, value in values if value is not None]


def _worst(results: Dict[str, Any], threat: Dict[str, Any],
           metric: str) -> Optional[float]:
    """The worst case in the ball of a row; None where the metric has none."""
    key = {'mIoU': 'mIoU_greedy', 'MisRatio': 'aAcc'}.get(metric)
    if key is None:
        return None
    for ball in worst_balls(results):
        if ball['norm'] == threat['norm'] and (
                ball['eps'] == threat['eps'] if ball['eps'] is not None else
                _close(ball['rms'], threat['rms'])):
            value = ball[key]
            return 100 - value if metric == 'MisRatio' else value
    return None


def _close(a: Optional[float], b: Optional[float]) -> bool:
    # A root mean square that was read off images is rounded.
    if a is None or b is None:
        return a is b
    return math.isclose(a, b)


def _balls(rows: Sequence[Row]) -> List[Tuple]:
    return once(_ball(a['threat']) for a in rows)


def _ball(threat: Dict[str, Any]) -> Tuple:
    return threat['norm'], threat['eps'], threat['rms']


def _radius(threat: Dict[str, Any]) -> str:
    """A radius; of an l2 ball as a root mean square, where there is one."""
    by_rms = threat['norm'] == 'l2' and threat['rms'] is not None
    return format_eps(None if by_rms else threat['eps'], threat['rms'])


def _with_steps(name: str, steps: Optional[int]) -> str:
    parts = [name] if name else []
    if steps is not None:
        parts.append(f'{steps} step' + ('s' if steps > 1 else ''))
    return ', '.join(parts)


def _abscissae(lines: Sequence[Line]) -> List[float]:
    return sorted({x for line in lines for x in line.x})
