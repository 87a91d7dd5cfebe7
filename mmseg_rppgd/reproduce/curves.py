"""Figures of an experiment: a measure over the number of attack steps."""
from typing import Any, Dict, List, Literal, Sequence, Tuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from ..evaluation.report.curves import plain_text
from ..evaluation.report.writers import Spread
from .boards import Board, Column, Values, summarize
from .experiments import Experiment

PANEL = (3.1, 2.6)  # inches
LEGEND = 0.5  # inches below the panels
GAP = 0.08  # inches beside a panel
WIDE = 4  # panels in a row, at most
ENTRIES = 6  # of the legend in a row
DPI = 200
# Told apart by the colour-blind, too (Okabe and Ito); then by the markers.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#D55E00', '#CC79A7', '#56B4E9',
           '#000000')
MARKERS = 'osD^vP*'
# Of the data sets of the paper.
DASHES: Tuple[Literal['--', ':', '-.'], ...] = ('--', ':', '-.')


def draw_curves(path: str, experiment: Experiment, boards: Sequence[Board],
                values: Values) -> None:
    """Draw a panel for each board, over its numbers of steps.

    Rows are lines, of one colour in all panels, with the spread over seeds
    as a band and the paper's numbers dashed.

    Args:
        path (str): File; ``.pdf`` makes it a vector graphic, with text.
        experiment (Experiment): One with curves.
        boards (Sequence[Board]): Of that experiment.
        values (dict): What was measured.
    """
    panels = [(board, metric) for board in boards
              for metric in board.metrics]
    rows = -(-len(panels) // WIDE)
    columns = -(-len(panels) // rows)
    size = PANEL[0] * columns, PANEL[1] * rows + LEGEND
    # Text of a PDF as text, that can be searched and edited.
    with matplotlib.rc_context({'font.size': 8, 'pdf.fonttype': 42}):
        figure = Figure(figsize=size,
                        layout=ConstrainedLayoutEngine(w_pad=GAP))
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, columns, squeeze=False).flatten()
        styles = _styles(experiment)
        for i, (axes, (board, metric)) in enumerate(zip(grid, panels)):
            _draw(axes, board, metric, values, styles)
            letter = chr(ord('a') + i) if i < 26 else str(i + 1)
            system, _, data = board.title.rpartition(', ')
            axes.set_title(plain_text(f'({letter}) {system}\n{data}'))
        for axes in grid[len(panels):]:
            axes.set_axis_off()
        figure.legend(handles=_legend(styles, boards), ncols=ENTRIES,
                      loc='outside lower center', frameon=False)
        figure.savefig(path, dpi=DPI, metadata=(
            {'CreationDate': None} if path.endswith('.pdf') else None))


def _styles(experiment: Experiment) -> Dict[str, Dict[str, Any]]:
    """Colour and marker of each row."""
    names = dict.fromkeys(cell.row for cell in experiment.cells)
    return {name: dict(color=COLOURS[i % len(COLOURS)],
                       marker=MARKERS[i % len(MARKERS)])
            for i, name in enumerate(names)}


def _draw(axes: Any, board: Board, metric: str, values: Values,
          styles: Dict[str, Dict[str, Any]]) -> None:
    papers = papers_of([board])
    for row in board.rows:
        points = _columns(board, row, metric)
        numbers = [(steps, summarize(board.measurements(row, column, values)))
                   for steps, column in points]
        found = [(steps, value) for steps, value in numbers
                 if value is not None]
        x, y = [s for s, _ in found], [float(v) for _, v in found]
        axes.plot(x, y, markersize=3.5, linewidth=1.2, **styles[row])
        spread = [v.deviation if isinstance(v, Spread) else 0.
                  for _, v in found]
        if any(spread):
            axes.fill_between(
                x, [a - b for a, b in zip(y, spread)],
                [a + b for a, b in zip(y, spread)], alpha=.2, linewidth=0,
                color=styles[row]['color'])
        for data, dashes in zip(papers, DASHES):
            told = [(steps, board.paper(row, column, data))
                    for steps, column in points]
            told = [(steps, value) for steps, value in told
                    if value is not None]
            axes.plot(*zip(*told) if told else ((), ()), dashes,
                      color=styles[row]['color'], linewidth=1)
    ticks = sorted({steps for row in board.rows
                    for steps, _ in _columns(board, row, metric)})
    if not any(len(line.get_xdata()) for line in axes.lines):
        axes.text(0.5, 0.5, 'not measured', transform=axes.transAxes,
                  ha='center', va='center')
        axes.set_yticks([])
    axes.set_xscale('log')
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlim(ticks[0] / 1.2, ticks[-1] * 1.2)
    axes.minorticks_off()
    top = 1.05 * max(axes.dataLim.y1, 0) or 1
    axes.set_ylim(-0.02 * top, top)  # a line of zeros is to be seen
    axes.set(xlabel='attack steps', ylabel=f'{metric}, %')
    axes.grid(alpha=.3)


def _columns(board: Board, row: str, metric: str) -> List[Any]:
    """Numbers of steps of a row, and their columns, in order."""
    found: Dict[int, Column] = {}
    for (name, column), cells in board.cells.items():
        steps = next(iter(cells.values())).trial.steps
        if name == row and column[1] == metric and steps is not None:
            found[steps] = column
    return sorted(found.items())


def papers_of(boards: Sequence[Board]) -> List[str]:
    """Data sets of the paper that boards have numbers of."""
    return list(dict.fromkeys(data for board in boards
                              for column in board.columns
                              for data in board.papers(column)))


def _legend(styles: Dict[str, Dict[str, Any]],
            boards: Sequence[Board]) -> List[Line2D]:
    lines = [Line2D([], [], label=plain_text(name), markersize=3.5, **style)
             for name, style in styles.items()]
    return lines + [
        Line2D([], [], linestyle=dashes, color='#555555',
               label=plain_text(f'paper, {data}'))
        for data, dashes in zip(papers_of(boards), DASHES)]
