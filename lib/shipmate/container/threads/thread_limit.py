"""The number of items to process at once, found by trial. Pure; no clock, no lock."""

from dataclasses import dataclass, field
from typing import Final

_FEWEST: Final = 2
_FIRST: Final = 20
_LONGEST_PAUSE_SECONDS: Final = 4.0


@dataclass(slots=True)
class ThreadLimit:
    """Limits the items in work to as many as are of use.

    Python runs on one thread at a time. While functions wait for an API, more of them at once are a gain. Where the
    answers come at once, more threads only take the interpreter from each other: a hundred of them cost as much CPU
    time for that as for the work itself. Which of both it is cannot be seen from outside, so a busy process tries
    fewer items at once, or more, now and then.

    >>> limit = ThreadLimit(100)
    >>> limit.measured(0.0, cpu_seconds=0.0, items=0, waiting=0), limit.now
    (0, 20)
    >>> limit.measured(0.1, cpu_seconds=0.01, items=40, waiting=80), limit.now  # they wait: more at once
    (20, 40)
    >>> limit.measured(0.2, cpu_seconds=0.11, items=140, waiting=60), limit.now  # busy: try fewer
    (0, 24)
    >>> limit.measured(0.3, cpu_seconds=0.21, items=240, waiting=76), limit.now  # no loss: they suffice
    (0, 24)
    """

    most: int
    """The number of items that can be here."""
    interval_seconds: float = 0.1
    """The time between two measurements."""
    busy: float = 0.7
    """The share of one processor from which a process is busy; below it, more items are processed at once."""
    now: int = field(init=False)
    """The number of items to process at once."""
    _due: float = field(default=-1.0, init=False)
    _begun: float = field(default=0.0, init=False)
    _cpu_seconds: float = field(default=0.0, init=False)
    _items: int = field(default=0, init=False)
    _before: int | None = field(default=None, init=False)
    """The limit before a trial, None without one."""
    _rate: float = field(default=0.0, init=False)
    """Items a second before the trial."""
    _is_next_smaller: bool = field(default=True, init=False)
    _next_trial: float = field(default=0.0, init=False)
    _pause_seconds: float = field(default=0.1, init=False)

    def __post_init__(self) -> None:
        """Begin with some: functions that wait get more at once, those that need the processor do not want them."""
        self.now = min(self.most, _FIRST)

    def is_due(self, now_seconds: float) -> bool:
        """Tell whether it is time for `measured`."""
        return now_seconds >= self._due

    def measured(self, now_seconds: float, *, cpu_seconds: float, items: int, waiting: int) -> int:
        """Adapt the limit; return by how many it has grown.

        Args:
            now_seconds: The time.
            cpu_seconds: CPU time of the process so far.
            items: Number of items that were begun so far.
            waiting: Number of items that wait for a thread.
        """
        seconds, used, done = now_seconds - self._begun, cpu_seconds - self._cpu_seconds, items - self._items
        is_first = self._due < 0
        self._begun, self._cpu_seconds, self._items = now_seconds, cpu_seconds, items
        self._due = now_seconds + self.interval_seconds
        if is_first or seconds <= 0:
            return 0
        before = self.now
        if self._before is not None:
            self._judge(now_seconds, done / seconds)
        elif used / seconds < self.busy:
            if waiting:
                self.now = min(self.most, 2 * self.now)
        elif now_seconds >= self._next_trial:
            self._try_another(done / seconds)
        return max(0, self.now - before)

    def _try_another(self, rate: float) -> None:
        other = (
            min(self.now, max(_FEWEST, int(self.now * 0.6)))
            if self._is_next_smaller
            else min(self.most, self.now * 3 // 2 + 1)
        )
        if other == self.now:
            self._is_next_smaller = not self._is_next_smaller
            return
        self._before, self._rate, self.now = self.now, rate, other

    def _judge(self, now_seconds: float, rate: float) -> None:
        """Keep the limit of a trial if it was good: fewer items without a loss, or more with a gain."""
        if rate > self._rate * (0.85 if self._is_next_smaller else 1.15):
            self._pause_seconds = self.interval_seconds
        else:
            self.now = self._before or self.most
            self._is_next_smaller = not self._is_next_smaller
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._before = None
        self._next_trial = now_seconds + self._pause_seconds
