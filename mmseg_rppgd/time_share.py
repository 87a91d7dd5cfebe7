"""How much of the training time goes into attacks."""
import time
from typing import Optional


class TimeShare:
    """Share of an iteration's time that was spent attacking.

    An iteration lasts from one attack to the next, so its share is known
    when the next one begins. Nothing waits for a device.
    """

    def __init__(self) -> None:
        self._start: Optional[float] = None
        self._attack_seconds = 0.0

    def pause(self) -> None:
        """Leave out the current iteration, as something else follows it."""
        self._start = None

    def begin(self) -> Optional[float]:
        """Begin an iteration; return the last one's share in [0, 1]."""
        now, start = time.perf_counter(), self._start
        self._start = now
        if start is None:
            return None
        return min(self._attack_seconds / max(now - start, 1e-9), 1.0)

    def spent(self, seconds: float) -> None:
        """Note the attack's time in the current iteration."""
        self._attack_seconds = seconds
