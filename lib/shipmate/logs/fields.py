"""The fields that log records carry besides their message: the ids of the message in work, and its delivery.

Source: contract §13.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Final

RUNTIME: Final = "shipmate"
"""The logger of the runtime; those below it have its records, too."""
COMPONENT: Final = "component"
"""The logger of the component's author."""

_message: Final[ContextVar[Mapping[str, Any]]] = ContextVar("shipmate_message", default={})  # noqa: B039  never changed
_delivery: Final[ContextVar[Mapping[str, Any]]] = ContextVar("shipmate_delivery", default={})  # noqa: B039  never changed


class _Bound:
    """Binds a context variable within a ``with`` block; `contextlib.contextmanager` takes microseconds more."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Mapping[str, Any]], value: Mapping[str, Any]) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)


def message_fields(
    thread_id: str | None, message_id: str | None, parent_message_id: str | None
) -> AbstractContextManager[None]:
    """Add the ids of a message to all records that this thread or task makes within the block."""
    return _Bound(_message, ids(thread_id, message_id, parent_message_id))


def logger_fields(fields: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Add the fields of a logger, in place of those of `message_fields`, to all records made within the block."""
    return _Bound(_message, fields)


def delivery_fields(fields: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Add the fields of a delivery to the runtime's records that this thread or task makes within the block."""
    return _Bound(_delivery, fields)


def bound_fields(logger_name: str) -> Mapping[str, Any]:
    """Return the fields that a record of this logger gets now: only the runtime's records name the delivery."""
    return {**_delivery.get(), **_message.get()} if is_runtime(logger_name) else _message.get()


def ids(thread_id: str | None, message_id: str | None, parent_message_id: str | None) -> dict[str, str]:
    """Return the ids that are known, by their names in log records."""
    named = (("threadId", thread_id), ("messageId", message_id), ("parentMessageId", parent_message_id))
    return {name: value for name, value in named if value is not None}


def is_runtime(logger_name: str) -> bool:
    """Return whether a logger is the runtime's."""
    return logger_name == RUNTIME or logger_name.startswith(RUNTIME + ".")
