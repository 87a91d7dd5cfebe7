"""How long attacks take, and their share of a training."""
import time
from contextlib import contextmanager
from typing import Any, Iterator, Optional, Union

import torch


class Stopwatch:
    """Seconds of a device's work, without the pauses. It runs from now on.

    On a GPU the work queued so far is timed, by events in its stream: only
    to stop, to pause or to read the seconds waits for it.

    Args:
        device (torch.device | str): Where the work is.
    """

    def __init__(self, device: Union[torch.device, str]) -> None:
        self.device = torch.device(device)
        self._seconds = 0.
        self._since: Any = self._mark()

    @property
    def seconds(self) -> float:
        """float: Seconds so far."""
        if self._since is None:
            return self._seconds
        return self._seconds + self._between(self._since, self._mark())

    def stop(self) -> float:
        """Stop, and return the seconds."""
        self._seconds = self.seconds
        self._since = None
        return self._seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what happens meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self._since = self._mark()

    def _mark(self) -> Any:
        """Return this moment: a time, or an event of the GPU."""
        if self.device.type != 'cuda':
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def _between(self, start: Any, end: Any) -> float:
        if self.device.type != 'cuda':
            return end - start
        end.synchronize()
        return start.elapsed_time(end) / 1000


class TimeShare:
    """Share of an iteration's time that was spent attacking.

    An iteration lasts from its first attack to that of the next, so its
    share is known when the next one begins. Nothing waits for a device.
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
        seconds, self._attack_seconds = self._attack_seconds, 0.0
        self._start = now
        if start is None:
            return None
        return min(seconds / max(now - start, 1e-9), 1.0)

    def spent(self, seconds: float) -> None:
        """Add the time of an attack to the current iteration."""
        self._attack_seconds += seconds


def in_words(seconds: float) -> str:
    """A duration for people: 45 s, 12 min, 3 h 20 min."""
    if seconds < 60:
        return f'{seconds:.0f} s'
    hours, minutes = divmod(round(seconds / 60), 60)
    return f'{hours} h {minutes} min' if hours else f'{minutes} min'
