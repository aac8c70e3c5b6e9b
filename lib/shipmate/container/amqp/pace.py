"""The pace of items: whether they are usually quick, or wait for something, and how many to process at once.

Pure; no clock, no lock.
"""

from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)
class Pace:
    """Estimates how long an item usually waits, from the time that each one took and the CPU time that it used.

    >>> pace = Pace()
    >>> pace.slow_item_ended(0.1, cpu_seconds=0.1, running_threads=1)
    >>> pace.is_quick
    True
    >>> for _ in range(3):
    ...     pace.slow_item_ended(0.1, cpu_seconds=0.0, running_threads=1)
    >>> pace.is_quick
    False
    """

    quick_seconds: float = 0.0003
    """Below this time an item is quick; below this usual wait all items are expected to be."""
    newest_share: float = 0.2
    """Weight of the newest item in the usual wait, a moving average."""
    longest_seconds: float = 0.0014
    """Upper limit for the wait of one item, so that none decides alone: a thread may also wait for a processor."""
    look_seconds: float = 0.003
    """Interval between two looks at a busy thread."""
    computing_seconds: float = 0.0005
    """A thread that uses more CPU time than this between two looks computes; a waiting thread uses none."""
    usual_seconds: float = field(default=0.0, init=False)
    """The usual wait of an item."""

    @property
    def is_quick(self) -> bool:
        """True if items are usually quick: then the I/O thread processes them itself."""
        return self.usual_seconds < self.quick_seconds

    def is_computing(self, cpu_seconds: float) -> bool:
        """Return whether a thread computes that has used so much CPU time between two looks."""
        return cpu_seconds > self.computing_seconds

    def quick_item_ended(self) -> None:
        """Count an item that took less than `quick_seconds` as one that did not wait."""
        self.usual_seconds -= self.newest_share * self.usual_seconds

    def slow_item_ended(self, seconds: float, *, cpu_seconds: float, running_threads: int) -> None:
        """Count an item that took longer.

        The wait is wall time - CPU time * running threads, since each of them may have held the interpreter's lock for
        as long.

        Args:
            seconds: Its wall time, without I/O that its thread did meanwhile.
            cpu_seconds: CPU time of its thread since the last slow item, which includes the quick items since.
            running_threads: How many threads are awake, its own included.
        """
        waited = min(max(0.0, seconds - running_threads * cpu_seconds), self.longest_seconds)
        self.usual_seconds += self.newest_share * (waited - self.usual_seconds)

    def item_is_waiting(self) -> None:
        """Expect that items wait: one was seen waiting during a whole look."""
        self.usual_seconds = self.longest_seconds


@dataclass(slots=True)
class ThreadLimit:
    """The number of items to process at once: as many as keep the interpreter busy, and not more.

    Python runs on one thread at a time. While items wait for an API, further threads are a gain. As soon as the threads
    together use about one processor, more of them only take the interpreter from each other: at 100 threads, and an API
    that answers at once, that costs as much as the work itself.

    >>> limit = ThreadLimit(100)
    >>> limit.measured(1.0, cpu_seconds=0.0, has_waiting_items=True), limit.now
    (0, 100)
    >>> limit.measured(1.1, cpu_seconds=0.1, has_waiting_items=True), limit.now
    (0, 60)
    >>> limit.measured(1.2, cpu_seconds=0.11, has_waiting_items=True), limit.now
    (31, 91)
    """

    most: int
    """The number of items that can be here."""
    interval_seconds: float = 0.05
    """The time between two measurements."""
    busy: float = 0.9
    """The share of one processor from which the interpreter counts as busy."""
    idle: float = 0.75
    """The share below which more items are processed at once."""
    now: int = field(init=False)
    """The number of items to process at once."""
    _next: float = field(default=-1.0, init=False)
    _begun: float = field(default=0.0, init=False)
    _cpu_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Begin with all of them."""
        self.now = self.most

    def is_due(self, now_seconds: float) -> bool:
        """Tell whether it is time for `measured`."""
        return now_seconds >= self._next

    def measured(self, now_seconds: float, *, cpu_seconds: float, has_waiting_items: bool) -> int:
        """Adapt the limit to the processor time that the process used; return by how many it has grown.

        Args:
            now_seconds: The time.
            cpu_seconds: Processor time of the process so far.
            has_waiting_items: Whether items wait for a thread.
        """
        begun, used = self._begun, cpu_seconds - self._cpu_seconds
        is_first = self._next < 0
        self._begun, self._cpu_seconds = now_seconds, cpu_seconds
        self._next = now_seconds + self.interval_seconds
        if is_first or now_seconds <= begun:
            return 0
        share, before = used / (now_seconds - begun), self.now
        if share > self.busy:
            self.now = min(self.now, max(_FEWEST, int(self.now * _SHRINKING)))
        elif share < self.idle and has_waiting_items:
            self.now = min(self.most, int(self.now * _GROWING) + 1)
        return max(0, self.now - before)


_FEWEST: Final = 2
_SHRINKING: Final = 0.6
_GROWING: Final = 1.5
