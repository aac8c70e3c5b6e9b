"""Calls that are due later."""

import heapq
from collections.abc import Callable
from itertools import count

Call = Callable[[], object]


class Timers:
    """Calls with their times, on a monotonic clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Call]] = []
        self._numbers = count()

    def after(self, seconds: float, call: Call) -> None:
        """Make a call due after some time."""
        heapq.heappush(self._due, (self._clock() + seconds, next(self._numbers), call))

    def next_seconds(self) -> float | None:
        """Return the time until the next call is due, None if there is none."""
        return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def run(self) -> None:
        """Make the calls that are due."""
        while self._due and self._due[0][0] <= self._clock():
            heapq.heappop(self._due)[2]()
