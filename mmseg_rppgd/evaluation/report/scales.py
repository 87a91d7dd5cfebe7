"""From numbers to places in a chart of svg.py, and the ticks of its axes."""
import math
from typing import List, Tuple

from .charts import LineChart

WIDTH, HEIGHT = 480, 300  # units of a chart
LEFT, RIGHT, TOP, BOTTOM = 42, 18, 34, 46  # around what it shows
CHARACTER = 9  # units that a character takes at most, on a narrow screen
GAP = 10  # units between two ticks

Ticks = List[Tuple[float, str]]


class Scales:
    """Where the numbers of a chart are.

    Args:
        chart (LineChart): The chart.
    """

    def __init__(self, chart: LineChart) -> None:
        self.logarithmic = chart.logarithmic
        numbers = [x for line in chart.lines for x in line.x]
        self.first = min(numbers, default=0.)
        self.last = max(numbers, default=1.)
        values = [y for line in chart.lines for y in line.y if y is not None]
        values += [level.value for level in chart.levels]
        values.append(chart.top or 0.)
        self.y_ticks = round_ticks(max(values) or 1.)
        self.top = self.y_ticks[-1][0]
        self._texts = dict(chart.ticks)
        self.x_ticks = self._apart(list(chart.ticks) or [
            tick for tick in round_ticks(self.last)
            if self.first <= tick[0] <= self.last])

    def x(self, value: float) -> float:
        """Place of an abscissa, in units from the left."""
        first, last = self.first, self.last
        if self.logarithmic:
            value, first, last = map(math.log, (value, first, last))
        share = (value - first) / (last - first) if last > first else 0.5
        inset = 10 if self.logarithmic else 0  # the first is not the origin
        return round(LEFT + inset + share * (WIDTH - LEFT - RIGHT - inset), 1)

    def y(self, value: float) -> float:
        """Place of an ordinate, in units from above; zero is at the foot."""
        share = value / self.top
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def x_text(self, value: float) -> str:
        """An abscissa as its tick is written."""
        return self._texts.get(value, f'{value:.4g}')

    def anchor(self, tick: Tuple[float, str]) -> str:
        """Which part of the text of a tick is at its place."""
        place, half = self.x(tick[0]), CHARACTER * len(tick[1]) / 2
        return 'end' if place + half > WIDTH else 'middle'

    def _apart(self, ticks: Ticks) -> Ticks:
        """Those whose texts do not touch; the last one is always there."""
        shown: Ticks = []
        for value, text in reversed(ticks):
            place, half = self.x(value), CHARACTER * len(text) / 2
            if not shown or place + half + GAP <= self.x(shown[0][0]) - (
                    CHARACTER * len(shown[0][1]) / 2):
                shown.insert(0, (value, text))
        return shown


def round_ticks(most: float) -> Ticks:
    """Round numbers from zero, three to six, the last not under ``most``.

    Each step is 1, 2, 2.5 or 5 times a power of ten.
    """
    size = 10.**math.floor(math.log10(most))
    for step in (0.2 * size, 0.25 * size, 0.5 * size, size, 2 * size):
        count = math.ceil(most / step - 1e-9)
        if count <= 5:
            break
    exponent = math.floor(math.log10(step) + 1e-9)
    digits = max(0, (2.1 < step / 10.**exponent < 4) - exponent)  # 2.5 has one
    return [(i * step, f'{i * step:.{digits}f}') for i in range(count + 1)]
