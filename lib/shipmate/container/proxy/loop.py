"""Waits for sockets, timers and other threads; runs turn by turn, on one thread at a time."""

import heapq
import itertools
import math
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shipmate.wake_pipe import WakePipe

_LONGEST_WAIT_MS: Final = 86_400_000
READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL
"""The events after which a socket is read: data, its end, or an error."""


class Timer:
    """An action at a later time."""

    __slots__ = ("_action", "at_seconds")

    def __init__(self, at_seconds: float, action: Callable[[], None]) -> None:
        """Prepare it; `Loop` runs it."""
        self.at_seconds = at_seconds
        self._action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the action."""
        self._action = None

    @property
    def is_cancelled(self) -> bool:
        """True if there is nothing to do any more."""
        return self._action is None

    def run(self) -> None:
        """Run the action once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Loop:
    """Sockets, timers, and a pipe by which other threads end the wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without sockets and timers; ``clock`` counts seconds."""
        self.clock = clock
        self._poll = select.poll()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._pipe = WakePipe()
        os.set_blocking(self._pipe.reader, False)
        self._poll.register(self._pipe.reader, select.POLLIN)

    def watch(self, fd: int, on_events: Callable[[int], None], *, is_writing: bool) -> None:
        """Call a function with the events of a socket: when it can be read, and written to if there is need."""
        self._watched[fd] = on_events
        self._poll.register(fd, select.POLLIN | (select.POLLOUT if is_writing else 0))

    def unwatch(self, fd: int) -> None:
        """Forget a socket."""
        if self._watched.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run an action once after some seconds."""
        timer = Timer(self.clock() + max(0.0, seconds), action)
        heapq.heappush(self._timers, (timer.at_seconds, next(self._numbers), timer))
        return timer

    def wake(self) -> None:
        """End the wait of `turn`; can be called on any thread."""
        self._pipe.wake()

    def turn(self, *, may_wait: bool) -> None:
        """Do the I/O that is possible and run the timers that are due; if there are none, wait if ``may_wait``."""
        for fd, events in self._poll.poll(self._timeout_ms() if may_wait else 0):
            if fd == self._pipe.reader:
                with suppress(BlockingIOError):
                    os.read(fd, 4096)
            elif (on_events := self._watched.get(fd)) is not None:
                on_events(events)
        self._run_timers()

    def close(self) -> None:
        """Close the pipe; a process that ends need not."""
        self._pipe.close()

    def _timeout_ms(self) -> int | None:
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        seconds = self._timers[0][0] - self.clock()
        return max(0, min(math.ceil(seconds * 1000), _LONGEST_WAIT_MS))

    def _run_timers(self) -> None:
        timers = self._timers
        if not timers:
            return
        now = self.clock()
        due = []
        while timers and timers[0][0] <= now:
            due.append(heapq.heappop(timers)[2])
        for timer in due:  # a timer that starts another one does not keep this loop busy
            timer.run()
