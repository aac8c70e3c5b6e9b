"""Logs one line for each message: its outcome, time, events, size and ids, never its body."""

import logging
from collections import Counter
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final, Self

from shipmate.logs.fields import bound_fields, delivery_fields, logger_fields
from shipmate.observation import Message, Observer, Outcome

_log: Final = logging.getLogger("shipmate.access")


class AccessLog(Observer):
    """Writes one line for each message."""

    __slots__ = ()

    def message(self, metadata: Mapping[str, Any], thread_id: Any, size_bytes: int = 0) -> Message:
        """Return the line of one message, which is written at its end."""
        return _Line(size_bytes)


class _Line(Message):
    """The line of one message."""

    __slots__ = ("_begin", "_bytes", "_events", "_fields")

    def __init__(self, size_bytes: int) -> None:
        self._begin = perf_counter()
        self._bytes = size_bytes
        self._events: list[str] = []  # appended to by several threads
        self._fields: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        self._fields = bound_fields(_log.name)
        return self

    def emitted(self, event: str) -> None:
        self._events.append(event)

    def settled(self, outcome: Outcome) -> None:
        line = {
            "outcome": outcome,
            "seconds": round(perf_counter() - self._begin, 6),
            "events": dict(Counter(self._events)),
            "bytes": self._bytes,
        }
        # The thread that ends a message may work on another one.
        with delivery_fields(self._fields), logger_fields({}):
            _log.info("a message is done", extra=line)
