"""How far the work is, and how long it may take."""
import time
from typing import Callable

from ..timing import in_words


class Progress:
    """Counts pieces of work of known cost, and tells of each.

    Args:
        say (callable): Gets the lines.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.pieces = 0
        self.begun = 0
        self._cost = 0.
        self._done = 0.
        self._since = time.monotonic()

    def expect(self, cost: float) -> None:
        """Add a piece of work that is to be done.

        Args:
            cost (float): In any unit that all pieces share.
        """
        self.pieces += 1
        self._cost += cost

    def begin(self, what: str) -> None:
        """Tell of the next piece of work."""
        self.begun += 1
        spent = time.monotonic() - self._since
        left = ''
        if self._done:
            rest = (self._cost - self._done) * spent / self._done
            left = f'; {in_words(spent)} passed, about {in_words(rest)} left'
        self.say(f'[{self.begun}/{self.pieces}{left}] {what}')

    def done(self, cost: float) -> None:
        """Count a piece of work of this cost as done."""
        self._done += cost
