"""Rate limits of events.

Source: contract §6.
"""

import threading
import time
from collections.abc import Callable

from shipmate import observation


class Throttle:
    """Limits the starts in fixed windows of time: excess calls wait, in order, for the next windows."""

    def __init__(
        self,
        limit: int,
        interval_ms: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Allow ``limit`` starts in each interval; any number if the limit or the interval is not positive."""
        self._limit = limit
        self._interval_seconds = interval_ms / 1000
        self._is_limited = limit > 0 and interval_ms > 0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._window_at = float("-inf")
        self._started = 0

    def wait(self, event: str = "") -> None:
        """Wait until the caller may start; observers learn of the wait under the name ``event``."""
        if self._is_limited and (seconds := self._reserve()) > 0:
            self._sleep(seconds)
            observation.current.throttled(event, seconds)

    def _reserve(self) -> float:
        """Reserve a start, and return the seconds until its window begins."""
        with self._lock:
            now = self._clock()
            if now >= self._window_at + self._interval_seconds:
                self._window_at, self._started = now, 0
            elif self._started >= self._limit:
                self._window_at, self._started = self._window_at + self._interval_seconds, 0
            self._started += 1
            return self._window_at - now
