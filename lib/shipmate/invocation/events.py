"""The events that a function may emit, and the conversion of their values to JSON.

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

_log: Final = logging.getLogger("shipmate.invocation")

EVENTS: Final = ("data", "error", "rebound", "snapshot", "updateSnapshot", "updateKeys", "httpReply", "end")
"""The events of a function that processes messages. Source: contract §6."""

CUSTOM: Final = "customType"
"""The event for a type of the author's own, which only the sailor proxy takes. Source: proxy §7.1."""

KEYS_ONLY: Final = ("updateKeys",)
"""The events of a function that returns an answer: metadata, choices, a verdict."""

NOTHING: Final = object()
"""The value of an event that is ignored."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way to the sink; its value is JSON already, unless the sink encodes it at once.

    ``Event("data", {"body": {"id": 7}})``, or ``Event("updateKeys", {"oauth": {...}}, account="5f2a")``
    """

    name: str
    value: Any
    account: str | None = None
    """The account of ``updateKeys``; None for the account of the step."""
    is_awaited: bool = field(default=False, compare=False)
    """True if a session waits until these keys are saved before it sends the access token."""


def ready_value(name: str, value: Any, redactor: Redactor) -> Any:
    """Return a copy of the value as JSON, without secrets in errors and reasons; `NOTHING` if the event is ignored.

    Raises:
        InvalidMessage: The value does not fit the event.
    """
    return _VALUES[name](value, redactor)


def unknown(name: object, events: tuple[str, ...]) -> UnknownEvent:
    """Return an error for a name that does not exist or is not among ``events``; its text lists those."""
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


def require_snapshot_part(value: Any) -> None:
    """Refuse a value of ``updateSnapshot`` that a container would ignore.

    Raises:
        InvalidMessage: It is not an object, or has ``$set``.
    """
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"updateSnapshot needs an object with the members to change, found {type(value).__name__}")
    if value.get("$set"):
        raise InvalidMessage("updateSnapshot needs the members to change, found $set: emit what is in it")


def _snapshot_part(value: Any, _: Redactor) -> Any:
    if not isinstance(value, Mapping):
        _log.error("updateSnapshot takes an object with the members to change: the event is ignored")
        return NOTHING
    part = plain(value)
    if part.get("$set"):
        _log.warning("updateSnapshot takes the members to change, not $set: the event is ignored")
        return NOTHING
    return part


def _object(value: Any, _: Redactor) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"This event needs an object, found {type(value).__name__}")
    return plain(value)


def _custom(value: Any, _: Redactor) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str) or not value["type"]:
        raise InvalidMessage(
            'This event needs an object with a text "type", a "payload", and perhaps "protocolVersion"'
        )
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
    CUSTOM: _custom,
    "end": _nothing_else,
}
