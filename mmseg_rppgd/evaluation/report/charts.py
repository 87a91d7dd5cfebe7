"""Charts as data, which curves.py and svg.py draw."""
from dataclasses import dataclass
from typing import (Iterable, List, NamedTuple, Optional, Sequence, Tuple,
                    TypeVar, Union)

T = TypeVar('T')

CLEAN, WORST = 'clean', 'worst case'  # levels, which have styles of their own


class Line(NamedTuple):
    """One line of a chart.

    Args:
        name (str): What it is called.
        x (list): Abscissae.
        y (list): Values in percent, None where undefined.
        series (str): Lines of one series have one colour in all charts;
            the worst case, which is none's, has ``''``.
        variant (str): Lines of one variant have one style.
    """
    name: str
    x: List[float]
    y: List[Optional[float]]
    series: str
    variant: str = ''


class Level(NamedTuple):
    """A value that does not depend on the abscissa.

    Args:
        name (str): What it is called.
        value (float): In percent.
        series (str): As of :class:`Line`; none's by default.
    """
    name: str
    value: float
    series: str = ''


class Bar(NamedTuple):
    """A value by itself.

    Args:
        name (str): What it is called.
        value (float, optional): In percent; None where undefined.
        interval (sequence[float], optional): Its ends.
        series (str): As of :class:`Line`; none's by default.
    """
    name: str
    value: Optional[float]
    interval: Optional[Sequence[float]] = None
    series: str = ''


@dataclass(frozen=True)
class LineChart:
    """A chart of lines in percent.

    Args:
        title (str): What it shows.
        xlabel (str): Name of the abscissa.
        ylabel (str): Name of the ordinate, with its unit.
        lines (Sequence[Line]): The lines.
        levels (Sequence[Level]): Horizontal lines. Defaults to none.
        ticks (Sequence[tuple]): Abscissae that were measured, and how they
            are written. Defaults to none: the drawer chooses.
        logarithmic (bool): Whether the abscissa is. Defaults to False.
        top (float, optional): What the ordinate reaches at least. Defaults
            to None, what is drawn.
        note (str): A sentence on some lines. Defaults to none.
    """
    title: str
    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    levels: Sequence[Level] = ()
    ticks: Sequence[Tuple[float, str]] = ()
    logarithmic: bool = False
    top: Optional[float] = None
    note: str = ''

    @property
    def series(self) -> List[str]:
        """list[str]: Series of its lines and levels, each once."""
        return once([*(line.series for line in self.lines),
                     *(level.series for level in self.levels)])

    @property
    def variants(self) -> List[str]:
        """list[str]: Variants of its lines, each once."""
        return once(line.variant for line in self.lines)


@dataclass(frozen=True)
class BarChart:
    """A chart of bars in percent.

    Args:
        title (str): What it shows.
        bars (Sequence[Bar]): The bars, from above.
    """
    title: str
    bars: Sequence[Bar]

    @property
    def series(self) -> List[str]:
        """list[str]: Series of its bars, each once."""
        return once(bar.series for bar in self.bars)


Chart = Union[LineChart, BarChart]


def series_of(charts: Sequence[Chart]) -> List[str]:
    """Every series of several charts, in an order that is theirs for good."""
    return [name for name in once(
        name for chart in charts for name in chart.series) if name]


def once(things: Iterable[T]) -> List[T]:
    """Things without repetition, in their order."""
    return list(dict.fromkeys(things))
