"""The threads that process messages: as many as may be processed at once, started when they are needed.

A thread that is woken for each message costs more than a quick function, and threads that all want to compute only
keep each other from it. So while functions do not wait for anything, messages wait for a thread that is awake already,
and others are woken when none has come for a moment; functions that wait, for an API, get a thread each at once.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_QUICK_SECONDS: Final = 0.001
_LOOK_SECONDS: Final = 0.003
_NEWEST_SHARE: Final = 0.2
"""How much the last item counts in what items usually wait."""
_LONGEST_SECONDS: Final = 0.004
"""No single item counts for more: a thread may have to wait for a processor, too."""


class Workers(Generic[_T]):
    """Hands items to threads in order; the threads end with the process."""

    def __init__(
        self, count: int, work: Callable[[_T], None], later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        """Start nothing yet.

        Args:
            count: The most threads that there are at once.
            work: Processes one item; it must not raise.
            later: Calls a function after some seconds, on the thread that submits.
        """
        self._count = count
        self._work = work
        self._later = later
        self._lock = threading.Lock()
        self._items: deque[_T] = deque()
        self._asleep: list[threading.Lock] = []
        """What the threads without work wait for; the last one to fall asleep is woken first."""
        self._threads = 0
        self._taken = 0
        self._usual_seconds = 0.0
        """How long items usually wait for something."""
        self._is_watched = False

    def submit(self, item: _T) -> None:
        """Have an item processed; always called on one and the same thread."""
        with self._lock:
            self._items.append(item)
            is_awaited = self._threads > len(self._asleep) and self._usual_seconds < _QUICK_SECONDS
            started = 0 if is_awaited else self._rouse(1)
            is_to_watch = is_awaited and not self._is_watched and self._has_others()
            seen = self._taken
        self._start(started)
        if is_to_watch:
            self._is_watched = True
            self._later(_LOOK_SECONDS, lambda: self._look(seen, 1))

    def _look(self, seen: int, count: int) -> None:
        """Wake more and more threads as long as items wait and nobody takes one."""
        with self._lock:
            if not self._items or not self._has_others():
                self._is_watched = False
                return
            is_stuck = self._taken == seen
            started = self._rouse(min(count, len(self._items))) if is_stuck else 0
            seen = self._taken
        self._start(started)
        self._later(_LOOK_SECONDS, lambda: self._look(seen, count * 2 if is_stuck else 1))

    def _has_others(self) -> bool:
        """Tell, with the lock held, whether a thread could be woken; those that are awake look before they sleep."""
        return bool(self._asleep) or self._threads < self._count

    def _rouse(self, count: int) -> int:
        """Wake idle threads, with the lock held, and return how many are to be started besides."""
        woken = min(count, len(self._asleep))
        for _ in range(woken):
            self._asleep.pop().release()
        started = min(count - woken, self._count - self._threads)
        self._threads += started
        return started

    def _start(self, count: int) -> None:
        for _ in range(count):
            threading.Thread(target=self._run, name="shipmate-worker", daemon=True).start()

    def _run(self) -> None:
        turn = threading.Lock()
        turn.acquire()
        busy = time.thread_time()
        while True:
            with self._lock:
                if self._items:
                    item = self._items.popleft()
                    self._taken += 1
                    is_idle = False
                else:
                    self._asleep.append(turn)
                    is_idle = True
            if is_idle:
                turn.acquire()
                continue
            begun = time.perf_counter()
            self._work(item)
            del item  # a large message must not live until the next one comes
            seconds, waited = time.perf_counter() - begun, 0.0
            if seconds >= _QUICK_SECONDS:
                # What is left when every thread that is awake, and the one that submits, has computed for as long. The
                # quick items since the last look are among that: this thread has not been looked at for each of them.
                busy, before = time.thread_time(), busy
                rivals = self._threads - len(self._asleep) + 1
                waited = min(max(0.0, seconds - rivals * (busy - before)), _LONGEST_SECONDS)
            self._usual_seconds += _NEWEST_SHARE * (waited - self._usual_seconds)
