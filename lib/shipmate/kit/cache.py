"""Keeps what is read from an API for a while, such as the description of an object."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Values that live for some minutes: ``Cache(300).get((cache_key(cfg), "Contact"), lambda: read("Contact"))``.

    All messages of a process share it, so the account must be a part of the key. Threads may share it.
    """

    def __init__(self, seconds: float, *, most: int = 100, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep nothing yet.

        Args:
            seconds: How long a value is kept.
            most: The most values; with one more, all others are dropped.
            clock: Returns monotonic seconds.
        """
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, T]] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the value of a key; ``read`` is called if there is none, and may be called by two threads at once."""
        now = self._clock()
        with self._lock:
            kept = self._known.get(key)
        if kept is not None and now - kept[0] < self._seconds:
            return kept[1]
        value = read()
        with self._lock:
            if len(self._known) >= self._most and key not in self._known:
                self._known.clear()
            self._known[key] = (now, value)
        return value

    def __len__(self) -> int:
        """Return the number of values, old ones included."""
        return len(self._known)


def cache_key(cfg: Mapping[str, Any]) -> str:
    """Return a hash of a configuration, by which a `Cache` tells accounts and settings apart.

    The configuration names the account, and has secrets.
    """
    return hashlib.sha256(json.dumps(cfg, sort_keys=True, default=str).encode()).hexdigest()
