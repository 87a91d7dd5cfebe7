"""How fast a test goes, and how long the rest of it takes."""
import time
from typing import Callable, Optional

# What a clean image costs. It takes less time than that share of an attack,
# which goes back through the network too.
CLEAN_COST = 1.


class Pace:
    """Work of a test, in attack steps x images.

    The speed is that of attacks, from image to image: what lies between the
    rows, and clean images, would make it another one.

    Args:
        cost (float): All of the work.
        clock (callable): Gives the seconds. Defaults to time.monotonic.
    """

    def __init__(self, cost: float,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.cost_left = cost
        self.clock = clock
        self._cost = 0.
        self._seconds = 0.
        self._since = clock()

    def begin(self) -> None:
        """A row begins now."""
        self._since = self.clock()

    def advance(self, cost: float) -> None:
        """One image of this cost is done."""
        now = self.clock()
        if cost > CLEAN_COST:
            self._cost += cost
            self._seconds += now - self._since
        self.cost_left -= cost
        self._since = now

    @property
    def seconds_left(self) -> Optional[float]:
        """float: Time of the rest; None before an image was attacked."""
        if not self._cost:
            return None
        return max(0., self.cost_left) * self._seconds / self._cost
