"""curves.png: how metrics fall with steps and radius."""
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .rows import digest, format_eps

SIZE = (5.2, 3.8)  # inches of one plot
Line = Tuple[str, List[float], List[Optional[float]]]


def draw_curves(path: str, results: Dict[str, Any],
                minimal: Optional[Dict[str, Any]] = None) -> None:
    """Draw what the rows allow: steps, radii, iterations, or bars.

    Args:
        path (str): The PNG file.
        results (dict): Content of results.json.
        minimal (dict, optional): Content of minimal_norm.json.
    """
    plots = [p for p in (
        *_convergence(results), _over_steps(results), _over_eps(results),
        _smallest(minimal)) if p is not None]
    if not plots:
        plots = [_bars(results)]
    figure = Figure(figsize=(SIZE[0] * len(plots), SIZE[1]),
                    layout='constrained')
    FigureCanvasAgg(figure)
    for axes, plot in zip(figure.subplots(1, len(plots), squeeze=False)[0],
                          plots):
        plot(axes)
    figure.savefig(path, dpi=110)


def _lines(lines: Sequence[Line], xlabel: str, ylabel: str, title: str,
           marker: str = '', logarithmic: bool = False) -> Callable:

    def plot(axes: Any) -> None:
        for name, x, y in lines:
            axes.plot(x, [float('nan') if v is None else v for v in y],
                      marker=marker, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if logarithmic:
            ticks = sorted({v for _, x, _ in lines for v in x})
            axes.set_xscale('log')
            axes.set_xticks(ticks, [f'{t:g}' for t in ticks])
            axes.minorticks_off()
        if ylabel.endswith('%'):
            axes.set_ylim(bottom=0)
        axes.grid(alpha=.3)
        if lines:
            axes.legend(fontsize=8)

    return plot


def _convergence(results: Dict[str, Any]) -> List[Callable]:
    traced = [a for a in results['attacks'] if 'curve' in a]
    if not traced:
        return []
    plots = []
    for metric in ('MisRatio', 'mIoU'):
        lines = []
        for a in traced:
            # A schedule that knows its length says nothing of shorter runs.
            note = '' if a['curve_is_of_shorter_runs'] else (
                f' (schedule of {len(a["curve"])})')
            lines.append((_name(a, results) + note,
                          [p['step'] for p in a['curve']],
                          [p[metric] for p in a['curve']]))
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


def _over_steps(results: Dict[str, Any]) -> Optional[Callable]:
    groups = _series(
        results,
        lambda a: [a['name'], dict(a['config'], steps=None), a['threat']],
        lambda a: a['config'].get('steps'))
    if not groups:
        return None
    lines = [(_name(rows[0], results), [a['config']['steps'] for a in rows],
              [a['mIoU'] for a in rows]) for rows in groups]
    return _lines(lines, 'steps', 'mIoU, %', 'mIoU by number of steps', 'o',
                  True)


def _over_eps(results: Dict[str, Any]) -> Optional[Callable]:
    groups = _series(
        results,
        lambda a: [a['name'], dict(a['config'], eps=None),
                   a['threat']['norm']],
        lambda a: a['threat']['rms'])
    if not groups:
        return None
    clean = results['clean']['mIoU']
    lines = []
    for rows in groups:
        steps = rows[0]['config'].get('steps')
        name = rows[0]['name'] + ('' if steps is None else f', {steps} steps')
        lines.append((name, [0., *(a['threat']['rms'] for a in rows)],
                      [clean, *(a['mIoU'] for a in rows)]))
    return _lines(lines, 'eps (l2: root mean square)', 'mIoU, %',
                  'mIoU by radius', 'o')


def _smallest(minimal: Optional[Dict[str, Any]]) -> Optional[Callable]:
    if not minimal:
        return None
    lines = [(a['name'], a['success']['eps'], a['success']['percent'])
             for a in minimal['attacks']]
    return _lines(lines, 'eps', 'images, %',
                  'images of which nearly all pixels are wrong')


def _bars(results: Dict[str, Any]) -> Callable:
    names = ['clean'] + [_name(a, results) for a in results['attacks']]
    values = [results['clean']['mIoU']] + [
        a['mIoU'] for a in results['attacks']]

    def plot(axes: Any) -> None:
        axes.barh(names[::-1], [v or 0 for v in values[::-1]])
        axes.set(xlabel='mIoU, %', title='mIoU by attack')
        axes.grid(axis='x', alpha=.3)

    return plot


def _name(attack: Dict[str, Any], results: Dict[str, Any]) -> str:
    """Name of a row, with its radius where the report has several."""
    balls = {(a['threat']['norm'], a['threat']['rms'])
             for a in results['attacks']}
    if len(balls) == 1:
        return attack['name']
    threat = attack['threat']
    return f'{attack["name"]}, eps {format_eps(threat["eps"], threat["rms"])}'
