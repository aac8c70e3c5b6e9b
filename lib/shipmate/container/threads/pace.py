"""The pace of items: whether they are usually quick, or wait for something. Pure; no clock, no lock."""

from dataclasses import dataclass, field


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
