"""Spreads the requests of all threads over time, so that an API's limit of calls per second is kept."""

import threading


class Pace:
    """The next free moment for a request; threads share it."""

    def __init__(self) -> None:
        """Start with every moment free."""
        self._lock = threading.Lock()
        self._next = 0.0

    def wait_seconds(self, calls_per_second: float, now: float) -> float:
        """Take the next free moment, and return the seconds until then.

        >>> pace = Pace()
        >>> [pace.wait_seconds(4, now=100.0) for _ in range(3)]
        [0.0, 0.25, 0.5]

        Args:
            calls_per_second: The most requests in a second.
            now: Monotonic seconds.
        """
        with self._lock:
            start = max(self._next, now)
            self._next = start + 1 / calls_per_second
        return start - now


class Paces:
    """The paces of the accounts of this process."""

    def __init__(self) -> None:
        """Start without any."""
        self._paces: dict[object, Pace] = {}

    def of(self, account: object) -> Pace:
        """Return the pace of an account, always the same one."""
        return self._paces.setdefault(account, Pace())
