"""The events that a function may emit, and what becomes of their values on the way to the sink.

Source: contract §6.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.errors import InvalidMessage, UnknownEvent
from shipmate.invocation.failure import error_text, format_error
from shipmate.jsonvalue import plain
from shipmate.logs.log import Redactor
from shipmate.wording import closest_name

_log: Final = logging.getLogger("shipmate.events")

EVENTS: Final = ("data", "error", "rebound", "snapshot", "updateSnapshot", "updateKeys", "httpReply", "end")
"""What a function that processes messages may emit. Source: contract §6."""

KEYS_ONLY: Final = ("updateKeys",)
"""What a function that answers a question may emit."""

NOTHING: Final = object()
"""Stands for a value that there is nothing to be done with."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way to the sink, its value already JSON, unless the sink encodes it at once.

    ``Event("data", {"body": {"id": 7}})``, or ``Event("updateKeys", {"oauth": {...}}, account="5f2a")``
    """

    name: str
    value: Any
    account: str | None = None
    """Whose keys these are; None means the step's own."""
    is_awaited: bool = field(default=False, compare=False)
    """Whether a session sends nothing with these keys before they are saved."""


def ready_value(name: str, value: Any, redactor: Redactor) -> Any:
    """Return the value of an event as JSON, a copy, without secrets in errors; `NOTHING` when it is to be left out.

    Raises:
        InvalidMessage: The value is not what this event needs.
    """
    return _VALUES[name](value, redactor)


def unknown(name: object, events: tuple[str, ...]) -> UnknownEvent:
    """Return the error of an event that there is not, or not among ``events``; its text has those that there are."""
    known = ", ".join(events)
    if not isinstance(name, str):
        return UnknownEvent(f"The first argument of emit is the name of an event, found {type(name).__name__}: {known}")
    if name in EVENTS:
        return UnknownEvent(f'The event "{name}" is not available in this kind of call, only {known}')
    closest = closest_name(name, events, alike=0.5)
    meant = f' Did you mean "{closest}"?' if closest is not None else ""
    return UnknownEvent(f'There is no event "{name}".{meant} Known events: {known}')


def _error(value: Any, redactor: Redactor) -> Any:
    return redactor.redact_json(format_error(value))


def _reason(value: Any, redactor: Redactor) -> str:
    text = error_text(value) if isinstance(value, BaseException) else format_error(value)["message"]
    return redactor.redact(text if isinstance(text, str) else str(text))


def _copy(value: Any, _: Redactor) -> Any:
    return plain(value)


def _snapshot_part(value: Any, _: Redactor) -> Any:
    if not isinstance(value, Mapping):
        _log.error("updateSnapshot takes an object with the members to change: nothing done")
        return NOTHING
    part = plain(value)
    if part.get("$set"):
        _log.warning("updateSnapshot takes the members to change, not $set: nothing done")
        return NOTHING
    return part


def _object(value: Any, _: Redactor) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"This event needs an object, found {type(value).__name__}")
    return plain(value)


def _nothing_else(_value: Any, _: Redactor) -> None:
    return None


_VALUES: Final[Mapping[str, Callable[[Any, Redactor], Any]]] = {
    "data": _copy,
    "error": _error,
    "rebound": _reason,
    "snapshot": _copy,
    "updateSnapshot": _snapshot_part,
    "updateKeys": _object,
    "httpReply": _object,
    "end": _nothing_else,
}
