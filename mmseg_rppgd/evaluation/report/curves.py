"""curves.png: how metrics fall with steps and radius."""
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...metrics import SCALARS
from ..files import digest
from ..plan.rows import format_eps
from .tables import row_intervals

SIZE = (5.2, 3.8)  # inches of one plot
STYLES = ('-', '--', ':', '-.')
WIDE = 3  # plots in a row, at most
MANY = 6  # lines, beyond which the legend stands beside the plot


class Line(NamedTuple):
    """One line of a plot.

    Args:
        name (str): What the legend calls it.
        x (list): Abscissae.
        y (list): Values, None where undefined.
        attack (str): Lines of one attack have one colour.
        variant (str): Lines of one variant have one style.
    """
    name: str
    x: List[float]
    y: List[Optional[float]]
    attack: str
    variant: str = ''


def draw_curves(path: str, results: Dict[str, Any],
                minimal: Optional[Dict[str, Any]] = None,
                success: Sequence[Dict[str, Any]] = ()) -> None:
    """Draw what the rows allow: steps, radii, iterations, or bars.

    Args:
        path (str): The PNG file.
        results (dict): Content of results.json.
        minimal (dict, optional): Content of minimal_norm.json.
        success (sequence): Shares of images that the rows make wrong, of
            :func:`success_over_eps`. Defaults to none.
    """
    plots = [p for p in (
        *_convergence(results), _over_steps(results), _over_eps(results),
        *_smallest(minimal), _success(success)) if p is not None]
    if not plots:
        plots = [_bars(results)]
    rows = -(-len(plots) // WIDE)
    columns = -(-len(plots) // rows)
    figure = Figure(figsize=(SIZE[0] * columns, SIZE[1] * rows),
                    layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, plot in zip(grid, plots):
        plot(axes)
    for axes in grid[len(plots):]:
        axes.set_axis_off()
    figure.savefig(path, dpi=110)


def plain_text(name: str) -> str:
    """A name in which matplotlib finds no formula, and which it shows."""
    shown = name.replace('$', r'\$')
    return f' {shown}' if shown.startswith('_') else shown


def _lines(lines: Sequence[Line], xlabel: str, ylabel: str, title: str,
           marker: str = '', logarithmic: bool = False) -> Callable:

    def plot(axes: Any) -> None:
        attacks = list(dict.fromkeys(line.attack for line in lines))
        variants = list(dict.fromkeys(line.variant for line in lines))
        for line in lines:
            axes.plot(
                line.x, [float('nan') if v is None else v for v in line.y],
                STYLES[variants.index(line.variant) % len(STYLES)],
                color=f'C{attacks.index(line.attack)}', marker=marker,
                markersize=4, label=plain_text(line.name))
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if logarithmic:
            ticks = sorted({v for line in lines for v in line.x})
            axes.set_xscale('log')
            axes.set_xticks(ticks, [f'{t:g}' for t in ticks])
            axes.minorticks_off()
        if ylabel.startswith('images'):
            axes.set_ylim(-3, 105)  # a line of zeros is to be seen
        else:
            axes.set_ylim(0, 1.05 * axes.dataLim.y1 or 1)
        if xlabel == 'step':
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=.3)
        if len(lines) > MANY:
            axes.legend(fontsize=7, loc='center left', bbox_to_anchor=(1, .5))
        elif lines:
            axes.legend(fontsize=8)

    return plot


def _convergence(results: Dict[str, Any]) -> List[Callable]:
    traced = [a for a in results['attacks'] if 'curve' in a]
    if not traced:
        return []
    plots = []
    for metric in SCALARS:
        if metric == 'aAcc':  # MisRatio upside down
            continue
        lines = []
        for a in traced:
            # A schedule that knows its length says nothing of shorter runs.
            note = '' if a['curve_is_of_shorter_runs'] else (
                f' (schedule of {len(a["curve"])})')
            lines.append(Line(
                _name(a, results) + note, [p['step'] for p in a['curve']],
                [p[metric] for p in a['curve']], a['name'],
                _radius(a['threat'])))
        plots.append(_lines(lines, 'step', f'{metric}, %',
                            f'{metric} after every step'))
    return plots


def _series(results: Dict[str, Any], key: Callable[[Dict], Any],
            value: Callable[[Dict], Any]) -> List[List[Dict[str, Any]]]:
    """Rows that differ in one thing alone, in its order."""
    groups: Dict[str, List[Dict[str, Any]]] = {}
    for a in results['attacks']:
        if value(a) is not None:
            groups.setdefault(digest(key(a)), []).append(a)
    return [sorted(rows, key=value) for rows in groups.values()
            if len({value(a) for a in rows}) > 1]


def _apart_from(attack: Dict[str, Any], name: str) -> Dict[str, Any]:
    """Config without a setting, and the step size that may follow from it."""
    return dict(attack['config'], **{name: None, 'alpha': None})


def _over_steps(results: Dict[str, Any]) -> Optional[Callable]:
    groups = _series(
        results,
        lambda a: [a['name'], _apart_from(a, 'steps'), a['threat']],
        lambda a: a['config'].get('steps'))
    if not groups:
        return None
    lines = [Line(_name(rows[0], results),
                  [a['config']['steps'] for a in rows],
                  [a['mIoU'] for a in rows], rows[0]['name'],
                  _radius(rows[0]['threat'])) for rows in groups]
    return _lines(lines, 'steps', 'mIoU, %', 'mIoU by number of steps', 'o',
                  True)


def _over_eps(results: Dict[str, Any]) -> Optional[Callable]:
    groups = _series(
        results,
        lambda a: [a['name'], _apart_from(a, 'eps'), a['threat']['norm']],
        lambda a: a['threat']['rms'])
    if not groups:
        return None
    clean = results['clean']['mIoU']
    lines = []
    for rows in groups:
        steps = rows[0]['config'].get('steps')
        name = rows[0]['name'] + ('' if steps is None else f', {steps} steps')
        lines.append(Line(
            name, [0., *(a['threat']['rms'] for a in rows)],
            [clean, *(a['mIoU'] for a in rows)], rows[0]['name'],
            str(steps)))
    return _lines(lines, 'eps (l2: root mean square)', 'mIoU, %',
                  'mIoU by radius', 'o')


def _smallest(minimal: Optional[Dict[str, Any]]) -> List[Callable]:
    """Success over radii of the searches, a plot for each norm and goal."""
    groups: Dict[tuple, List[Line]] = {}
    for a in minimal['attacks'] if minimal else ():
        if a['success']['eps']:  # else none succeeded on any image
            groups.setdefault((a['norm'], a['threshold']), []).append(
                Line(a['name'], a['success']['eps'], a['success']['percent'],
                     a['name']))
    return [
        _lines(lines, f'eps, {norm}', 'images, %',
               f'smallest search: {100 * threshold:g} % wrong')
        for (norm, threshold), lines in groups.items()]


def _success(success: Sequence[Dict[str, Any]]) -> Optional[Callable]:
    """Images that rows of several radii make wrong nearly everywhere."""
    lines = []
    groups: Dict[str, List[Dict[str, Any]]] = {}
    for share in success:
        steps = share['steps']
        name = share['name'] + ('' if steps is None else f', {steps} steps')
        if share['norm'] != 'linf':
            name += f', {share["norm"]}'
        groups.setdefault(name, []).append(share)
    for name, shares in groups.items():
        shares = sorted((s for s in shares if s['rms'] is not None),
                        key=lambda s: s['rms'])
        if len(shares) > 1:
            lines.append(Line(
                name, [0., *(s['rms'] for s in shares)],
                [0., *(s['percent'] for s in shares)], shares[0]['name'],
                str(shares[0]['steps'])))
    if not lines:
        return None
    return _lines(lines, 'eps (l2: root mean square)', 'images, %',
                  'images with 99 % wrong pixels')


def _bars(results: Dict[str, Any]) -> Callable:
    names = ['clean'] + [_name(a, results) for a in results['attacks']]
    values = [results['clean']['mIoU']] + [
        a['mIoU'] for a in results['attacks']]
    intervals = [ends.get('mIoU') for ends in row_intervals(results)]

    def plot(axes: Any) -> None:
        axes.barh([plain_text(name) for name in names[::-1]],
                  [v or 0 for v in values[::-1]])
        for place, ends in enumerate(intervals[::-1]):
            if ends is not None:
                axes.plot(ends, [place, place], color='black', linewidth=1.5)
        axes.set(xlabel='mIoU, %', title='mIoU by attack')
        axes.grid(axis='x', alpha=.3)

    return plot


def _name(attack: Dict[str, Any], results: Dict[str, Any]) -> str:
    """Name of a row, with its radius where the report has several."""
    balls = {(a['threat']['norm'], a['threat']['rms'])
             for a in results['attacks']}
    if len(balls) == 1:
        return attack['name']
    return f'{attack["name"]}, eps {_radius(attack["threat"])}'


def _radius(threat: Dict[str, Any]) -> str:
    return format_eps(threat['eps'], threat['rms'])
