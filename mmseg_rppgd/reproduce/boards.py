"""Where the numbers of an experiment stand: boards of rows and columns.

Where a scale has one data set for several of the paper, cells of those are
one measurement; it then stands once, with the paper's numbers beside it.
"""
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from statistics import mean, stdev
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..evaluation.report.writers import Spread
from .done import Measurement
from .experiments import Cell, Experiment
from .scales import Scale

Values = Mapping[Cell, Sequence[Measurement]]
Column = Tuple[str, str]  # name and metric
# What rows and columns leave open tells boards apart, the least of it.
FACETS = tuple(chain.from_iterable(
    combinations(('model', 'strategy'), n) for n in range(3)))


@dataclass
class Board:
    """One table, or one panel of a figure.

    Args:
        title (str): What tells it from others of the experiment.
        data (str): Data set of the scale.
        cells (dict): Row and column -> data set of the paper -> cell. Cells
            of one row and column are one measurement.
    """
    title: str
    data: str
    cells: Dict[Tuple[str, Column], Dict[str, Cell]] = field(
        default_factory=dict)

    @property
    def rows(self) -> List[str]:
        """list[str]: Names of the rows, in the order of the experiment."""
        return list(dict.fromkeys(row for row, _ in self.cells))

    @property
    def columns(self) -> List[Column]:
        """list[tuple]: Name and metric of the columns, in their order."""
        return list(dict.fromkeys(column for _, column in self.cells))

    @property
    def metrics(self) -> List[str]:
        """list[str]: What the columns measure."""
        return list(dict.fromkeys(metric for _, metric in self.columns))

    def papers(self, column: Column) -> List[str]:
        """Data sets of the paper that it has numbers of in a column."""
        return list(dict.fromkeys(
            data for row in self.rows
            for data, cell in self.cells.get((row, column), {}).items()
            if cell.paper is not None))

    def paper(self, row: str, column: Column, data: str) -> Optional[float]:
        """What the paper reports, in percent; None where nothing."""
        cell = self.cells.get((row, column), {}).get(data)
        return None if cell is None else cell.paper

    def measurements(self, row: str, column: Column,
                     values: Values) -> Sequence[Measurement]:
        """What was measured, one for each seed; empty where nothing was."""
        found = [values.get(cell) or ()
                 for cell in self.cells.get((row, column), {}).values()]
        return next(filter(None, found), ())


def boards_of(experiment: Experiment, scale: Scale) -> List[Board]:
    """Sort the cells of an experiment.

    Args:
        experiment (Experiment): The experiment.
        scale (Scale): Says which data sets of the paper are one.

    Returns:
        list[Board]: Of curves one for each model, strategy and data set,
        the boards of a data set together; else one for each data set, for
        each model or strategy where rows and columns do not tell them, and
        for rows that share no column with others.

    Raises:
        ValueError: If two numbers stand in one place.
    """
    facets = (FACETS[-1] if experiment.curves else
              _facets(experiment.cells))
    boards: Dict[tuple, Board] = {}
    for cell in experiment.cells:
        system = scale.resolve(cell.system)
        key = tuple(getattr(system, name) for name in facets) + (system.data, )
        board = boards.setdefault(key, Board(', '.join(key), system.data))
        place = board.cells.setdefault(
            (cell.row, (cell.column, cell.metric)), {})
        others = list(place.values())
        if cell.system.data in place or others and not _same(
                cell, others[0], scale):
            raise ValueError(
                f'{experiment.name} must have one number in row {cell.row!r}, '
                f'column {cell.column!r} of {cell.system.data}, but has two: '
                'give one of them a name of its own')
        place[cell.system.data] = cell
    if not experiment.curves:
        return _told_apart([part for board in boards.values()
                            for part in _parted(board)])
    data = [board.data for board in boards.values()]
    return sorted(boards.values(), key=lambda board: data.index(board.data))


def _facets(cells: Sequence[Cell]) -> Tuple[str, ...]:
    """The fewest parts of a system by which no two cells share a place."""
    for facets in FACETS:
        places = [(cell.row, cell.column, cell.metric, cell.system.data,
                   *(getattr(cell.system, name) for name in facets))
                  for cell in cells]
        if len(set(places)) == len(places):
            return facets
    return FACETS[-1]  # boards_of says which two


def _parted(board: Board) -> List[Board]:
    """Rows that share columns, directly or through others, together."""
    parts: List[Board] = []
    for (row, column), cells in board.cells.items():
        joined = Board(board.title, board.data)
        others = []
        for part in parts:
            if row in part.rows or column in part.columns:
                joined.cells.update(part.cells)
            else:
                others.append(part)
        joined.cells[row, column] = cells
        parts = [*others, joined]
    return parts


def _told_apart(boards: List[Board]) -> List[Board]:
    """Boards of one title also with the name of what they measure."""
    titles = Counter(board.title for board in boards)
    return [board if titles[board.title] == 1 else replace(
        board, title=f'{" and ".join(board.metrics)}, {board.title}')
        for board in boards]


def _same(one: Cell, other: Cell, scale: Scale) -> bool:
    """Whether two cells are one measurement at a scale."""
    def measured(cell: Cell) -> tuple:
        surrogate = cell.trial.surrogate
        return scale.resolve(cell.system), replace(
            cell.trial, surrogate=surrogate and scale.resolve(surrogate))

    return measured(one) == measured(other)


def summarize(measurements: Iterable[Measurement]) -> Optional[float]:
    """The mean over seeds, with the spread where there are several.

    Args:
        measurements (iterable[Measurement]): Of one cell.

    Returns:
        float: A Spread, with the sample standard deviation, of two numbers
        or more; the number of one; None of none. Undefined ones do not
        count.
    """
    numbers = [float(m.value) for m in measurements if m.value is not None]
    if len(numbers) < 2:
        return numbers[0] if numbers else None
    return Spread(mean(numbers), stdev(numbers))
