"""The main thread of a process that has one thing to do: it hears signals and looks at the clock meanwhile."""

import faulthandler
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeVar

from shipmate.errors import ServiceTimeout
from shipmate.signals import SignalQueue

_STOP: Final = (signal.SIGTERM, signal.SIGINT)
# For work that lets no other thread run, as a regular expression without an end does.
_STUCK_SECONDS: Final = 10

_T = TypeVar("_T")


class Stopped(Exception):
    """A signal came that asks the process to end."""

    def __init__(self, number: signal.Signals) -> None:
        """Say which one."""
        super().__init__(number.name)
        self.number = number


@dataclass(frozen=True, slots=True)
class Limit:
    """How long the work may take."""

    seconds: int
    text: str
    """What is said when it takes longer."""

    @contextmanager
    def watched(self, inbox: SignalQueue[object]) -> Iterator[None]:
        """Tell the main thread when it is reached, and end the process if nobody lets the main thread hear that."""
        timer = threading.Timer(self.seconds, inbox.put, (self,))
        timer.daemon = True
        timer.start()
        faulthandler.dump_traceback_later(self.seconds + _STUCK_SECONDS, exit=True, file=2)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            timer.cancel()


class Deadline:
    """The main thread, which hears signals while other threads do the work."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._inbox: SignalQueue[object] = SignalQueue()

    def hearing(self) -> AbstractContextManager[None]:
        """Hear signals meanwhile."""
        return self._inbox.hearing(_STOP, lambda number: number)

    def outcome(self, work: Callable[[], _T], *, limit: Limit | None = None) -> _T:
        """Return what the work returns, or raise what it raises.

        Raises:
            ServiceTimeout: It has not ended in time; it goes on, and nobody listens.
            Stopped: A signal came first.
        """
        from concurrent.futures import Future  # 5 ms

        ended: Future[_T] = Future()

        def do() -> None:
            try:
                ended.set_result(work())
            except BaseException as error:  # raised in the main thread
                ended.set_exception(error)
            self._inbox.put(ended)

        with limit.watched(self._inbox) if limit is not None else nullcontext():
            threading.Thread(target=do, name="function", daemon=True).start()
            while (what := self._inbox.get()) is not ended:
                if isinstance(what, signal.Signals):
                    raise Stopped(what)
                if limit is not None and what is limit:
                    raise ServiceTimeout(limit.text)
        return ended.result()
