"""The number of items to process at once, found by trial. Pure; no clock, no lock."""

from dataclasses import dataclass, field
from typing import Final

_FEWEST: Final = 2
_FIRST: Final = 20
_FEWER: Final = 0.4
_MORE: Final = 1.6
"""A trial of fewer or of more items at once changes the limit by these factors."""
_WORTH_A_TRIAL: Final = 0.8
"""Not fewer than this part of the items at once: a smaller change saves little."""
_MOST_GROWTH: Final = 10
_MOST_LOSS: Final = 0.7
"""Fewer items at once are kept if they make more than this part of the items. The rate of a busy machine changes by as
much from one look to the next; functions that wait lose more, `_FEWER`."""
_LEAST_GAIN: Final = 0.6
_ENOUGH_GAIN: Final = 1.6
"""More items at once are kept if they make this part of the gain that waiting functions would make, or enough."""
_BUSY: Final = 0.7
"""The share of one processor from which a process is busy, where it can have a processor."""
_LESS_BUSY: Final = 0.7
"""A process for which more items at once were no gain is busy from this part of its share at that time."""
_IDLE: Final = 0.05
"""The share of one processor below which a process whose items do not end waits, whatever else the machine does."""
_MARGIN: Final = 1.3
_LONGEST_PAUSE_SECONDS: Final = 4.0


@dataclass(slots=True)
class ThreadLimit:
    """Limits the items in work to as many as are of use.

    Python runs on one thread at a time. While functions wait for an API, more of them at once are a gain. Where the
    answers come at once, more threads only take the interpreter from each other: a hundred of them cost as much CPU
    time for that as for the work itself. Which of both it is cannot be seen from outside, so a busy process tries
    fewer items at once, or more, now and then. One that is not busy tries more.

    A process can be busy at a small share of a processor: where its container may use no more, or where other processes
    use the rest. Then more items at once are no gain, and the limit remembers this share.

    >>> limit = ThreadLimit(100)
    >>> looks = [  # seconds, CPU seconds, items
    ...     (0.0, 0.00, 0),
    ...     (0.1, 0.03, 40),  # not busy: more at once
    ...     (0.2, 0.10, 150),  # a gain: they stay
    ...     (0.4, 0.28, 370),  # busy: fewer
    ...     (0.5, 0.37, 480),  # no loss: they suffice
    ... ]
    >>> for now, cpu, items in looks:
    ...     grown = limit.measured(now, cpu_seconds=cpu, items=items, waiting=9, quickest_seconds=0.001)
    ...     print(grown, limit.now)
    0 20
    27 47
    0 47
    0 18
    0 18
    """

    most: int
    """The number of items that can be here."""
    interval_seconds: float = 0.1
    """The time between two measurements, at least."""
    now: int = field(init=False)
    """The number of items to process at once."""
    _busy: float = field(default=_BUSY, init=False)
    """The share of one processor from which this process is busy, as far as is known."""
    _due: float = field(default=-1.0, init=False)
    _begun: float = field(default=0.0, init=False)
    _cpu_seconds: float = field(default=0.0, init=False)
    _items: int = field(default=0, init=False)
    _before: int | None = field(default=None, init=False)
    """The limit before a trial, None without one."""
    _rate: float = field(default=0.0, init=False)
    """Items a second before the trial."""
    _share: float = field(default=0.0, init=False)
    """The share of one processor before the trial."""
    _is_next_smaller: bool = field(default=True, init=False)
    _next_trial: float = field(default=0.0, init=False)
    _pause_seconds: float = field(default=0.1, init=False)

    def __post_init__(self) -> None:
        """Begin with some: functions that wait get more at once, those that need the processor do not want them."""
        self.now = min(self.most, _FIRST)

    def is_due(self, now_seconds: float) -> bool:
        """Tell whether it is time for `measured`."""
        return now_seconds >= self._due

    def measured(
        self, now_seconds: float, *, cpu_seconds: float, items: int, waiting: int, quickest_seconds: float
    ) -> int:
        """Adapt the limit; return by how many it has grown.

        Args:
            now_seconds: The time.
            cpu_seconds: CPU time of the process so far.
            items: Number of items that were begun so far.
            waiting: Number of items that wait for a thread.
            quickest_seconds: The shortest time of an item since the last measurement.
        """
        seconds, used, done = now_seconds - self._begun, cpu_seconds - self._cpu_seconds, items - self._items
        is_first = self._due < 0
        self._begun, self._cpu_seconds, self._items = now_seconds, cpu_seconds, items
        # Items that wait together end together: a shorter time has either all of their ends or none.
        self._due = now_seconds + max(self.interval_seconds, quickest_seconds)
        if is_first or seconds <= 0:
            return 0
        before, rate, share = self.now, done / seconds, used / seconds
        if self._before is not None:
            self._judge(now_seconds, rate)
        elif share < self._busy:
            if waiting:
                # As many as would keep the processor busy, if all of them do as much as these.
                self._try(int(self.now * min(self._busy / max(share, 0.01), _MOST_GROWTH)) + 1, rate, share)
        elif now_seconds >= self._next_trial:
            # Each item takes as long as the quickest one, at least: with fewer items at once, the rate would be lower.
            fewest = int(_MARGIN * rate * quickest_seconds) + 1
            other = max(int(self.now * _FEWER), fewest) if self._is_next_smaller else int(self.now * _MORE) + 1
            if (self._is_next_smaller and other > self.now * _WORTH_A_TRIAL) or not self._try(other, rate, share):
                self._is_next_smaller = not self._is_next_smaller
        return max(0, self.now - before)

    def stalled(self, now_seconds: float, *, cpu_seconds: float, items: int) -> int:
        """Double the limit if no item has ended for an interval and the process is not busy; return by how many.

        `measured` is called when items end. Those that wait for hours, or for each other, never let it see more.

        Args:
            now_seconds: The time.
            cpu_seconds: CPU time of the process so far.
            items: Number of items that were begun so far.

        >>> limit = ThreadLimit(50)
        >>> [limit.stalled(now, cpu_seconds=0.0, items=20) for now in (7.0, 7.05, 7.15, 7.3, 7.5)]
        [0, 0, 20, 10, 0]
        """
        is_first, seconds = self._due < 0, now_seconds - self._begun
        if not is_first and seconds < self.interval_seconds:
            return 0
        used = cpu_seconds - self._cpu_seconds
        self._begun, self._cpu_seconds, self._items = now_seconds, cpu_seconds, items
        self._due = now_seconds + self.interval_seconds
        if is_first or used / seconds >= max(self._busy, _IDLE):
            return 0
        before, self.now, self._before = self.now, min(self.most, 2 * self.now), None
        return self.now - before

    def _try(self, other: int, rate: float, share: float) -> bool:
        """Try another limit; return False if it is the present one."""
        other = min(self.most, max(min(_FEWEST, self.most), other))
        if other == self.now:
            return False
        self._before, self._rate, self._share, self.now = self.now, rate, share, other
        return True

    def _judge(self, now_seconds: float, rate: float) -> None:
        """Keep the limit of a trial if it was good: fewer items without a loss, or more with a gain."""
        before, self._before = self._before or self.most, None
        is_smaller = self.now < before
        if is_smaller:
            is_good = rate > self._rate * _MOST_LOSS
        else:
            gain = min(1 + _LEAST_GAIN * (self.now / before - 1), _ENOUGH_GAIN)
            is_good = rate > self._rate * gain
            # A share that did not grow with the items is all that this process gets.
            self._busy = _BUSY if is_good else min(_BUSY, _LESS_BUSY * self._share)
        if is_good:
            self._pause_seconds = self.interval_seconds
        else:
            self.now = before
            self._is_next_smaller = not is_smaller
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._next_trial = now_seconds + self._pause_seconds
