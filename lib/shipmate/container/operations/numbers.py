"""Counters and histograms to which any thread adds without a lock, at the cost of one append.

Added values wait in a list, since an append is one step of the interpreter. They are counted when the list is long, or
when somebody reads the numbers.
"""

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

_MOST_PENDING: Final = 1024

_T = TypeVar("_T")
_Name = TypeVar("_Name", bound=Hashable)


class _Numbers(Generic[_T]):
    __slots__ = ("_lock", "_pending")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[_T] = []

    def add(self, item: _T) -> None:
        """Add a value, on any thread."""
        pending = self._pending
        pending.append(item)
        if len(pending) > _MOST_PENDING:
            self._count()

    def _count(self) -> None:
        """Count the waiting values."""
        with self._lock:
            # Both steps keep the values that other threads append meanwhile.
            items = self._pending[:]
            del self._pending[: len(items)]
            self._take(items)

    def _take(self, items: list[_T]) -> None:
        raise NotImplementedError


class Count(_Numbers[_Name]):
    """Counts things by their name."""

    __slots__ = ("_total",)

    def __init__(self, names: Iterable[_Name] = ()) -> None:
        """Begin with 0 for these names, so that the first increase of each can be seen."""
        super().__init__()
        self._total: Counter[_Name] = Counter(dict.fromkeys(names, 0))

    @property
    def total(self) -> dict[_Name, int]:
        """The counts by name.

        >>> count = Count(["data"])
        >>> count.add("error")
        >>> count.total
        {'data': 0, 'error': 1}
        """
        self._count()
        return dict(self._total)

    def _take(self, items: list[_Name]) -> None:
        self._total.update(items)


class Sum(_Numbers[tuple[_Name, float]]):
    """Adds up seconds by name."""

    __slots__ = ("_total",)

    def __init__(self, names: Iterable[_Name] = ()) -> None:
        """Begin with 0 for these names."""
        super().__init__()
        self._total: dict[_Name, float] = dict.fromkeys(names, 0.0)

    @property
    def total(self) -> dict[_Name, float]:
        """The seconds by name."""
        self._count()
        return dict(self._total)

    def _take(self, items: list[tuple[_Name, float]]) -> None:
        for name, seconds in items:
            self._total[name] = self._total.get(name, 0.0) + seconds


class Histogram(_Numbers[float]):
    """Counts durations by their size."""

    __slots__ = ("_bounds", "_counts", "_seconds")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin empty.

        Args:
            bounds: The longest duration of each bucket but the last, in seconds, ascending.
        """
        super().__init__()
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        """The number of durations up to each bound, and the number of all."""
        self._seconds = 0.0

    @property
    def total(self) -> tuple[list[tuple[str, int]], float]:
        """The bound of each bucket with the number of durations up to it, and the sum of all durations.

        >>> histogram = Histogram((0.5, 1.0))
        >>> histogram.add(0.75)
        >>> histogram.total
        ([('0.5', 0), ('1.0', 1), ('+Inf', 1)], 0.75)
        """
        self._count()
        with self._lock:
            return list(self._buckets()), self._seconds

    def _buckets(self) -> Iterator[tuple[str, int]]:
        yield from zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True)

    def _take(self, items: list[Any]) -> None:
        items.sort()
        for index, bound in enumerate(self._bounds):
            self._counts[index] += bisect_right(items, bound)
        self._counts[-1] += len(items)
        self._seconds += sum(items)
