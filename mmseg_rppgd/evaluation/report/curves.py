"""curves.png: the charts of a report, drawn by matplotlib."""
from textwrap import wrap
from typing import Any, Dict, Optional, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .charts import CLEAN, WORST, BarChart, Line, LineChart, series_of
from .colours import LINES
from .markers import MARKERS
from .report_charts import report_charts

SIZE = (5.2, 3.8)  # inches of one chart
STYLES = ('-', '--', ':', '-.')
LEVELS = {CLEAN: '--', WORST: ':'}
INK = '#444444'  # of what belongs to no series
WIDE = 3  # charts in a row, at most
MANY = 6  # lines, beyond which the legend stands beside the chart
DENSE = 12  # points of a line, of which all are marked
LONGEST = 50  # characters of a name beside a chart


def draw_curves(path: str, results: Dict[str, Any],
                minimal: Optional[Dict[str, Any]] = None,
                success: Sequence[Dict[str, Any]] = ()) -> None:
    """Draw the charts of a report, see :func:`report_charts`.

    Args:
        path (str): The PNG file.
        results (dict): Content of results.json.
        minimal (dict, optional): Content of minimal_norm.json.
        success (sequence): Shares of images that the rows make wrong, of
            :func:`success_over_eps`. Defaults to none.
    """
    charts = report_charts(results, minimal, success)
    places = {name: i for i, name in enumerate(series_of(charts))}
    rows = -(-len(charts) // WIDE)
    columns = -(-len(charts) // rows)
    figure = Figure(figsize=(SIZE[0] * columns, SIZE[1] * rows),
                    layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, chart in zip(grid, charts):
        if isinstance(chart, BarChart):
            _draw_bars(axes, chart, places)
        else:
            _draw_lines(axes, chart, places)
    for axes in grid[len(charts):]:
        axes.set_axis_off()
    figure.savefig(path, dpi=110)


def plain_text(name: str) -> str:
    """A name in which matplotlib finds no formula, and which it shows."""
    shown = name.replace('$', r'\$')
    return f' {shown}' if shown.startswith('_') else shown


def _short(name: str, most: int = LONGEST) -> str:
    return name if len(name) <= most else f'{name[:most - 3]}...'


def _colour(series: str, places: Dict[str, int]) -> str:
    return LINES[places[series] % len(LINES)][0] if series else INK


def _draw_lines(axes: Any, chart: LineChart, places: Dict[str, int]) -> None:
    for level in chart.levels:
        axes.axhline(level.value, linestyle=LEVELS[level.name],
                     color=_colour(level.series, places),
                     label=plain_text(level.name))
    variants = [v for v in chart.variants if v != WORST]
    for line in chart.lines:
        style = (':' if line.variant == WORST else
                 STYLES[variants.index(line.variant) % len(STYLES)])
        axes.plot(line.x, [float('nan') if v is None else v for v in line.y],
                  style, color=_colour(line.series, places),
                  marker=_marker(line, places), markersize=4,
                  label=plain_text(_short(line.name)))
    below = '\n'.join([chart.xlabel, *wrap(_short(chart.note, 240), 60)])
    axes.set(xlabel=plain_text(below), ylabel=chart.ylabel,
             title=plain_text(chart.title))
    if chart.logarithmic:
        axes.set_xscale('log')
    if chart.ticks:
        axes.set_xticks(*zip(*chart.ticks))
        axes.minorticks_off()
    top = 1.05 * max(axes.dataLim.y1, chart.top or 0) or 1
    axes.set_ylim(-0.02 * top, top)  # a line of zeros is to be seen
    axes.grid(alpha=.3)
    if len(chart.lines) > MANY:
        axes.legend(fontsize=7, loc='center left', bbox_to_anchor=(1, .5))
    elif chart.lines:
        axes.legend(fontsize=8)


def _marker(line: Line, places: Dict[str, int]) -> str:
    """Marker of a line; none where there are too many points."""
    if len(line.x) > DENSE:
        return ''
    return MARKERS[places.get(line.series, 0) % len(MARKERS)][0]


def _draw_bars(axes: Any, chart: BarChart, places: Dict[str, int]) -> None:
    bars = chart.bars[::-1]  # matplotlib begins at the foot
    axes.barh(range(len(bars)), [bar.value or 0 for bar in bars],
              color=[_colour(bar.series, places) for bar in bars])
    axes.set_yticks(range(len(bars)), [
        plain_text(_short(bar.name)) for bar in bars])
    for place, bar in enumerate(bars):
        if bar.interval is not None:
            axes.plot(bar.interval, [place, place], color='black',
                      linewidth=1.5)
    axes.set(xlabel='%', title=plain_text(chart.title))
    axes.grid(axis='x', alpha=.3)
