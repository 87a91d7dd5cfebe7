"""Charts as SVG inside a page, in its colours and at any width.

A chart is drawn in units of its own, 480 wide; the page scales it. Colours
are classes and variables of charts.css, so that a dark page and a printed one
have theirs.
"""
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence

from markupsafe import Markup

from .charts import (CLEAN, WORST, BarChart, Chart, Level, Line, LineChart,
                     series_of)
from .colours import LINES
from .markers import marker
from .report_charts import report_charts
from .scales import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scales
from .writers import brackets, cell, estimate

STYLES = osp.join(osp.dirname(__file__), 'page', 'templates', 'charts.css')
DASHES = 4  # styles of lines that charts.css knows
DENSE = 12  # points of a line, of which all are marked
LABEL = 17  # units that the name of a level takes


def draw_svg(results: Dict[str, Any],
             minimal: Optional[Dict[str, Any]] = None,
             success: Sequence[Dict[str, Any]] = ()) -> Markup:
    """Draw the charts of a report, see :func:`report_charts`."""
    return draw_charts(report_charts(results, minimal, success))


def draw_charts(charts: Sequence[Chart], name: str = 'chart') -> Markup:
    """Draw charts and one legend of all, in the styles of chart_styles().

    Args:
        charts (Sequence[Chart]): The charts.
        name (str): What the names of its elements begin with; another for
            each call in one page. Defaults to ``'chart'``.
    """
    places = {series: i for i, series in enumerate(series_of(charts))}
    figures = [_bars(chart, places, f'{name}-{i}')
               if isinstance(chart, BarChart) else
               _lines(chart, places, f'{name}-{i}')
               for i, chart in enumerate(charts, 1)]
    return Markup('<div class="charts">\n{}\n<div class="chart-grid">\n{}\n'
                  '</div>\n</div>').format(
        _legend(charts, places), Markup('\n').join(figures))


def chart_styles() -> str:
    """The styles that charts need, for the head of a page."""
    with open(STYLES, encoding='utf-8') as file:
        text = file.read()
    light, dark = (
        ' '.join(f'--series-{i}: {pair[k]};' for i, pair in enumerate(LINES))
        for k in (0, 1))
    classes = '\n'.join(f'.series-{i} {{ --ink-of: var(--series-{i}); }}'
                        for i in range(len(LINES)))
    return (f':root {{ {light} }}\n'
            '@media screen and (prefers-color-scheme: dark) {\n'
            f':root {{ {dark} }}\n}}\n{classes}\n{text}')


def _colour(series: str, places: Dict[str, int]) -> str:
    """Class of what belongs to a series."""
    return f'series-{places[series] % len(LINES)}' if series else 'nobody'


def _legend(charts: Sequence[Chart], places: Dict[str, int]) -> Markup:
    """Colour and marker of every series, and the styles of levels."""
    lines = [chart for chart in charts if isinstance(chart, LineChart)]
    entries = [(_colour(series, places), '', marker(place, 14, 6), series)
               for series, place in places.items()]
    levels = {level.name for chart in lines for level in chart.levels}
    levels |= {line.name for chart in lines for line in chart.lines
               if not line.series}
    entries += [('nobody', f' {_style(name, 0)}', '', name)
                for name in (CLEAN, WORST) if name in levels]
    if not lines or not entries:
        return Markup()
    return Markup('<ul class="chart-legend">\n{}\n</ul>').format(
        Markup('\n').join(
            Markup('<li class="{}">{}{}</li>').format(
                colour, _swatch(style, mark), name)
            for colour, style, mark, name in entries))


def _swatch(style: str, mark: str = '') -> Markup:
    path = f'<path class="mark" d="{mark}"/>' if mark else ''
    return Markup('<svg viewBox="0 0 28 12" aria-hidden="true">'
                  f'<path class="line{style}" d="M0 6H28"/>{path}</svg>')


def _style(name: str, variant: int) -> str:
    """Class of how a line is dashed."""
    return {CLEAN: 'clean', WORST: 'worst'}.get(name, f'dash-{variant}')


# ---------------------------------------------------------------------- lines
def _lines(chart: LineChart, places: Dict[str, int], name: str) -> Markup:
    scales = Scales(chart)
    variants = [v for v in chart.variants if v != WORST]
    drawn = [_level(level, scales, places) for level in chart.levels]
    for line in chart.lines:
        variant = (variants.index(line.variant) % DASHES
                   if line.variant in variants else 0)
        drawn.append(_line(chart, line, scales, places, variant))
    # Above all, so that no line runs through them. Levels of several series
    # may lie close together, and have a legend.
    drawn += [_label(level, scales) for level in chart.levels
              if not level.series]
    return Markup(
        '<figure class="chart">\n<figcaption>{title}</figcaption>\n'
        '<svg viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="{name}-title {name}-desc">\n'
        '<title id="{name}-title">{title}</title>\n'
        '<desc id="{name}-desc">{words}</desc>\n{axes}\n{drawn}\n</svg>\n'
        '{notes}</figure>').format(
            title=chart.title, width=WIDTH, height=HEIGHT, name=name,
            words=in_words(chart), axes=_axes(chart, scales),
            drawn=Markup('\n').join(drawn), notes=_notes(chart, variants))


def _axes(chart: LineChart, scales: Scales) -> Markup:
    parts: List[Markup] = []
    for value, text in scales.y_ticks:
        y = scales.y(value)
        parts.append(Markup(
            '<path class="grid" d="M{} {y}H{}"/><text x="{}" y="{}" '
            'class="end">{}</text>').format(
                LEFT, WIDTH - RIGHT, LEFT - 7, y + 4, text, y=y))
    for value, text in scales.x_ticks:
        parts.append(Markup(
            '<path class="tick" d="M{x} {}v5"/><text x="{x}" y="{}" '
            'class="{}">{}</text>').format(
                HEIGHT - BOTTOM, HEIGHT - BOTTOM + 19,
                scales.anchor((value, text)), text, x=scales.x(value)))
    parts.append(Markup(
        '<text x="{}" y="{}" class="soft">{}</text>'
        '<text x="{}" y="{}" class="soft end">{}</text>').format(
            4, TOP - 14, chart.ylabel, WIDTH - RIGHT, HEIGHT - 5,
            chart.xlabel))
    return Markup('<g class="axes">{}</g>').format(Markup('\n').join(parts))


def _level(level: Level, scales: Scales, places: Dict[str, int]) -> Markup:
    return Markup(
        '<g class="{}"><title>{}: {} %</title>'
        '<path class="line {}" d="M{} {}H{}"/></g>').format(
            _colour(level.series, places), level.name, cell(level.value),
            _style(level.name, 0), LEFT, scales.y(level.value),
            WIDTH - RIGHT)


def _label(level: Level, scales: Scales) -> Markup:
    """Its name, above a clean level and below a worst case: lines lie
    between them."""
    y = scales.y(level.value)
    below = level.name == WORST and y + LABEL < HEIGHT - BOTTOM
    return Markup('<text class="label" x="{}" y="{:.1f}">{} {}</text>'
                  ).format(LEFT + 5, y + LABEL - 3 if below else y - 6,
                           level.name, cell(level.value, 1))


def _line(chart: LineChart, line: Line, scales: Scales,
          places: Dict[str, int], variant: int) -> Markup:
    path, pen, marks = '', 'M', []
    marked = _marked(len(line.x), chart.logarithmic)
    for i, (number, value) in enumerate(zip(line.x, line.y)):
        if value is None:  # the line breaks
            pen = 'M'
            continue
        x, y = scales.x(number), scales.y(value)
        path, pen = f'{path}{pen}{x} {y}', 'L'
        if i in marked:
            marks.append(Markup('<g><title>{}, {} {}: {} %</title>'
                                '<path class="mark" d="{}"/></g>').format(
                line.name, chart.xlabel, scales.x_text(number), cell(value),
                marker(places.get(line.series, 0), x, y)))
    style = _style('' if line.series else line.name, variant)
    return Markup('<g class="{}"><path class="line {}" d="{}"/>{}</g>'
                  ).format(_colour(line.series, places), style, path,
                           Markup().join(marks))


def _marked(count: int, logarithmic: bool) -> List[int]:
    """Places of the points that have a marker: ten of many, both ends too."""
    if count <= DENSE:
        return list(range(count))
    shares = [i / 9 for i in range(10)]
    return sorted({round(count**share) - 1 if logarithmic else
                   round((count - 1) * share) for share in shares})


def _notes(chart: LineChart, variants: Sequence[str]) -> Markup:
    """What dashes mean, where a chart has several, and its own note."""
    parts = []
    if len(variants) > 1:
        parts += [Markup('<span>{}{}</span>').format(
            _swatch(f' {_style("", i % DASHES)}'), variant)
            for i, variant in enumerate(variants)]
    if chart.note:
        parts.append(Markup('<span>{}</span>').format(chart.note))
    return Markup('<p class="chart-note nobody">{}</p>\n').format(
        Markup(' ').join(parts)) if parts else Markup()


def in_words(chart: LineChart) -> str:
    """A chart for who does not see it: the ends of its lines, and levels."""
    parts = [f'{level.name} {cell(level.value)}' for level in chart.levels]
    for line in chart.lines:
        known = [(x, y) for x, y in zip(line.x, line.y) if y is not None]
        ends = known[:1] + known[1:][-1:]
        parts.append(f'{line.name} ' + (', '.join(
            f'{cell(y)} at {x:.4g}' for x, y in ends) or 'undefined'))
    return f'{chart.ylabel} over {chart.xlabel}: ' + '; '.join(parts) + '.'


# ----------------------------------------------------------------------- bars
def _bars(chart: BarChart, places: Dict[str, int], name: str) -> Markup:
    values = [bar.value for bar in chart.bars if bar.value is not None]
    longest = max([*values, *(bar.interval[1] for bar in chart.bars
                              if bar.interval)], default=0) or 1
    rows = Markup('\n').join(
        Markup('<li class="{}"><span class="bar-name">{}</span>{}'
               '<span class="bar-value">{}<span class="soft"> {}</span>'
               '</span></li>').format(
            _colour(bar.series, places), bar.name,
            _bar(bar.value, bar.interval, longest), cell(bar.value),
            brackets(estimate(bar.value, bar.interval)))
        for bar in chart.bars)
    return Markup('<figure class="bars" id="{}">\n<figcaption>{}, %'
                  '</figcaption>\n<ul>\n{}\n</ul>\n</figure>').format(
        name, chart.title, rows)


def _bar(value: Optional[float], interval: Optional[Sequence[float]],
         longest: float) -> Markup:
    """A bar that is as wide as its place; the words beside it say it too."""
    part = f'<rect width="{100 * (value or 0) / longest:.2f}" height="10"/>'
    if interval:
        low, high = (100 * end / longest for end in interval)
        part += (f'<path class="whisker" d="M{low:.2f} 5H{high:.2f}M{low:.2f} '
                 f'2V8M{high:.2f} 2V8"/>')
    return Markup('<svg viewBox="0 0 100 10" preserveAspectRatio="none" '
                  f'aria-hidden="true">{part}</svg>')
