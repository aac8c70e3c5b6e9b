"""Counts the events of a call that are on their way to the sink, and refuses events after its end. Pure; no I/O."""

import logging
import threading
from typing import Final

from shipmate.errors import MessageEnded

_log: Final = logging.getLogger("shipmate.invocation")


class Gate:
    """Counts events in and out until it is closed."""

    __slots__ = ("_count", "_has_background", "_is_closed", "_is_ended", "_lock", "_one_left", "_stays_open")

    def __init__(self, *, stays_open: bool) -> None:
        """Open the gate; if it ``stays_open``, an ``end`` event does not keep other events out."""
        self._stays_open = stays_open
        self._lock = threading.Lock()
        self._one_left: threading.Condition | None = None
        self._count = 0
        self._is_closed = self._is_ended = self._has_background = False

    def enter(self, event: str, *, is_background: bool = False) -> bool:
        """Count an event in; return False for a second ``end``, which is not counted.

        Args:
            event: The name of the event.
            is_background: Whether another thread delivers the event.

        Raises:
            MessageEnded: The gate is closed, or an ``end`` has closed it to other events.
        """
        with self._lock:
            if self._is_ended and event == "end":
                _log.warning("the function has emitted end twice: the second one is ignored")
                return False
            if self._is_closed:  # the thread that emits may drop the exception
                _log.error('"%s" was emitted after the end of its message: it is lost', event)
            if self._is_closed or (self._is_ended and not self._stays_open):
                raise MessageEnded(f'"{event}" was emitted after the end of its message')
            self._count += 1
            self._is_ended |= event == "end"
            self._has_background |= is_background
            return True

    def enter_always(self) -> None:
        """Count an event in that a closed gate lets pass as well."""
        with self._lock:
            self._count += 1

    def leave(self) -> None:
        """Count an event out: it is safe, or has failed."""
        with self._lock:
            self._count -= 1
            if self._one_left is not None:
                self._one_left.notify_all()

    def wait_for_others(self) -> None:
        """Wait until the caller's event is the only one inside."""
        with self._lock:
            self._wait_until_left(1)

    def close(self) -> None:
        """Refuse further events and wait until all have left."""
        with self._lock:
            self._is_closed = True
            self._wait_until_left(0)

    def close_if_alone(self) -> bool:
        """Refuse further events if the caller's is the only one inside and none was in the background; tell if so."""
        with self._lock:
            self._is_closed = is_alone = self._count == 1 and not self._has_background
            return is_alone

    def _wait_until_left(self, count: int) -> None:
        while self._count > count:
            self._one_left = self._one_left or threading.Condition(self._lock)
            self._one_left.wait()
