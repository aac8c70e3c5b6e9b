"""The threads that process messages: as many as may be processed at once, started when they are needed."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Workers(Generic[_T]):
    """Hands items to threads in order; the threads end with the process."""

    def __init__(self, count: int, work: Callable[[_T], None]) -> None:
        """Start nothing yet.

        Args:
            count: The most threads that there are at once.
            work: Processes one item; it must not raise.
        """
        self._count = count
        self._work = work
        self._items: SimpleQueue[_T] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0
        self._lock = threading.Lock()

    def submit(self, item: _T) -> None:
        """Have an item processed by an idle thread, a new one, or the next that has time."""
        self._items.put(item)
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if self._threads == self._count:
                return
            self._threads += 1
            name = f"shipmate-worker-{self._threads}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while True:
            self._work(self._items.get())
            self._idle.release()
