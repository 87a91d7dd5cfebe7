"""Whether the rows come out in the paper's order, column by column."""
from dataclasses import dataclass
from itertools import combinations
from math import hypot, sqrt
from statistics import mean
from typing import Dict, List, Optional, Sequence, Tuple

from ..evaluation.report.writers import Spread, cell
from .boards import Board, Column, Values, summarize
from .experiments import Experiment


@dataclass(frozen=True)
class Pair:
    """Two rows that are in another order here than in the paper.

    Args:
        upper (str): The row with the larger number here.
        lower (str): The other one.
        here (float): How much larger, in percent points.
        paper (float): How much smaller the paper's number is.
        spread (float, optional): Standard deviation of ``here`` over the
            seeds; None where it is not known.
    """
    upper: str
    lower: str
    here: float
    paper: float
    spread: Optional[float]

    @property
    def within_spread(self) -> bool:
        """bool: Whether other seeds may well turn it round."""
        return self.spread is not None and self.here <= self.spread

    def __str__(self) -> str:
        return (f'here {named(self.upper)} is above {named(self.lower)} by '
                f'{points(self.here)}, in the paper below by '
                f'{points(self.paper)}')


@dataclass(frozen=True)
class ColumnOrder:
    """The order of the rows in one column, beside the paper's.

    Args:
        board (str): Title of the board.
        column (str): Name of the column.
        metric (str): What it holds.
        data (str): Data set of the paper.
        here (dict): Row -> our mean, of rows that have both numbers.
        paper (dict): Row -> the paper's number.
        lowest (bool): Whether the lowest number is the best.
        others (tuple[Pair]): Pairs of rows in another order, the largest
            differences of the paper first.
        tied (int): Pairs that are equal here or there.
        tau (float, optional): Kendall's tau-b; None where undefined.
    """
    board: str
    column: str
    metric: str
    data: str
    here: Dict[str, float]
    paper: Dict[str, float]
    lowest: bool
    others: Tuple[Pair, ...]
    tied: int
    tau: Optional[float]

    @property
    def pairs(self) -> int:
        """int: Pairs of rows."""
        return len(self.here) * (len(self.here) - 1) // 2

    @property
    def same(self) -> int:
        """int: Pairs in the paper's order."""
        return self.pairs - self.tied - len(self.others)

    @property
    def clear(self) -> List[Pair]:
        """list[Pair]: Those of the others that seeds do not explain."""
        return [pair for pair in self.others if not pair.within_spread]

    @property
    def best_here(self) -> List[str]:
        """list[str]: Rows with the best of our numbers."""
        return best(self.here, self.lowest)

    @property
    def best_in_paper(self) -> List[str]:
        """list[str]: Rows with the best of the paper's numbers."""
        return best(self.paper, self.lowest)

    @property
    def best_agrees(self) -> bool:
        """bool: Whether a row is the best here and in the paper."""
        return bool(set(self.best_here) & set(self.best_in_paper))


def kendall_tau(x: Sequence[float], y: Sequence[float]) -> Optional[float]:
    """Kendall's tau-b: 1 for one order, -1 for the reverse one.

    .. math:: (C - D) / \\sqrt{(C + D + X)(C + D + Y)}

    of C pairs in the same and D in the other order, X tied in x alone and Y
    tied in y alone. Source: Kendall, The treatment of ties in ranking
    problems, Biometrika 1945.

    Returns:
        float: None where all of x or all of y are equal.
    """
    signs = [(sign(a - b), sign(c - d)) for (a, c), (b, d) in combinations(
        zip(x, y), 2)]
    untied_x = sum(a != 0 for a, _ in signs)
    untied_y = sum(b != 0 for _, b in signs)
    if not (untied_x and untied_y):
        return None
    return sum(a * b for a, b in signs) / sqrt(untied_x * untied_y)


def sign(value: float) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def best(numbers: Dict[str, float], lowest: bool) -> List[str]:
    """Rows with the lowest number, or the highest."""
    goal = (min if lowest else max)(numbers.values())
    return [row for row, number in numbers.items() if number == goal]


def numbers_of(board: Board, column: Column,
               values: Values) -> Dict[str, float]:
    """What the rows have in a column, without those that have nothing."""
    found = {row: summarize(board.measurements(row, column, values))
             for row in board.rows}
    return {row: value for row, value in found.items() if value is not None}


def compare_order(experiment: Experiment, boards: Sequence[Board],
                  values: Values) -> List[ColumnOrder]:
    """Compare the order of rows in every column that can be compared.

    Args:
        experiment (Experiment): Says what is best.
        boards (Sequence[Board]): Of that experiment.
        values (dict): What was measured.

    Returns:
        list[ColumnOrder]: One for each column and data set of the paper of
        which two rows or more have our number and the paper's.
    """
    result = []
    for board in boards:
        for column in board.columns:
            measured = numbers_of(board, column, values)
            for data in board.papers(column):
                told = {row: board.paper(row, column, data)
                        for row in measured}
                paper = {row: value for row, value in told.items()
                         if value is not None}
                if len(paper) > 1:
                    result.append(_compare(
                        board.title, column, data,
                        {row: measured[row] for row in paper}, paper,
                        experiment.weaker_is_better))
    return result


def _compare(board: str, column: Column, data: str, here: Dict[str, float],
             paper: Dict[str, float], lowest: bool) -> ColumnOrder:
    others, tied = [], 0
    for one, other in combinations(here, 2):
        ours = float(here[one]) - float(here[other])
        theirs = paper[one] - paper[other]
        tied += not (ours and theirs)
        if ours * theirs < 0:
            upper, lower = (one, other) if ours > 0 else (other, one)
            others.append(Pair(upper, lower, abs(ours), abs(theirs),
                               _spread(here[one], here[other])))
    others.sort(key=lambda pair: -pair.paper)
    return ColumnOrder(board, *column, data, here, paper, lowest,
                       tuple(others), tied,
                       kendall_tau([*here.values()], [*paper.values()]))


def _spread(one: float, other: float) -> Optional[float]:
    """Standard deviation of a difference of independent numbers."""
    if isinstance(one, Spread) and isinstance(other, Spread):
        return hypot(one.deviation, other.deviation)
    return None


def points(value: float) -> str:
    """A difference in percent points, for a sentence."""
    if value < 0.005:
        return 'less than 0.01'
    return f'{value:.1f}' if value >= 1 else f'{value:.2f}'


def mean_tau(orders: Sequence[ColumnOrder]) -> Optional[float]:
    """Mean of Kendall's tau-b over the columns that have one."""
    found = [order.tau for order in orders if order.tau is not None]
    return mean(found) if found else None


def numbered(row: str, numbers: Dict[str, float]) -> str:
    """A row with its number."""
    return f'{named(row)} ({cell(numbers[row])})'


def named(row: str) -> str:
    """A row in a sentence, where ``0.75`` would be taken for a number."""
    return row if row[:1].isalpha() else f'"{row}"'
