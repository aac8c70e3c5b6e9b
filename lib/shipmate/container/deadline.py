"""A time limit for work, and signals that end the wait for it."""

import faulthandler
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeVar

from shipmate.errors import ServiceTimeout
from shipmate.signals import STOP_SIGNALS, Job, SignalQueue

# After the limit, for work that lets no other thread run, as some regular expressions do.
_STUCK_SECONDS: Final = 10

_T = TypeVar("_T")


class Stopped(Exception):
    """A signal asks the process to end."""

    def __init__(self, number: signal.Signals) -> None:
        """Keep the signal."""
        super().__init__(number.name)
        self.number = number


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit for work."""

    seconds: int
    text: str
    """The text of the error when the work takes longer."""

    @contextmanager
    def watched(self, queue: SignalQueue[object]) -> Iterator[None]:
        """Put the limit into the queue when the time is over, and end the process if the main thread cannot run."""
        timer = threading.Timer(self.seconds, queue.put, (self,))
        timer.daemon = True
        timer.start()
        faulthandler.dump_traceback_later(self.seconds + _STUCK_SECONDS, exit=True, file=2)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            timer.cancel()


class Deadline:
    """The main thread, which handles signals while other threads do the work."""

    def __init__(self) -> None:
        """Prepare; no signal is handled yet."""
        self._queue: SignalQueue[object] = SignalQueue()

    def receiving_signals(self) -> AbstractContextManager[None]:
        """Let signals end the wait for an outcome, within the block."""
        return self._queue.receiving(STOP_SIGNALS, lambda number: number)

    def outcome(self, work: Callable[[], _T], *, limit: Limit | None = None) -> _T:
        """Return what the work returns, or raise what it raises.

        Raises:
            ServiceTimeout: The work did not end in time; it goes on, and its outcome is dropped.
            Stopped: A signal came first.
        """
        job = Job(work, self._queue)
        with limit.watched(self._queue) if limit is not None else nullcontext():
            job.start()
            while (item := self._queue.get()) is not job:  # other items are of earlier work
                if isinstance(item, signal.Signals):
                    raise Stopped(item)
                if limit is not None and item is limit:
                    raise ServiceTimeout(limit.text)
        return job.result()
