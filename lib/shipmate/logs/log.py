"""The process's log: readable on a terminal, one JSON object per line elsewhere, and without secrets in any record.

Redaction happens when a record is made, so it holds for every handler, whoever has added it.

Source: contract §13.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Final, TextIO

from shipmate.logs.formats import _BunyanFormatter, _Handler, _is_runtime, _ReadableFormatter
from shipmate.logs.redaction import Redactor

__all__ = [
    "TRACE",
    "LoggingHandle",
    "MessageLogger",
    "Redactor",
    "configure",
    "message_fields",
    "message_logger",
    "parse_level",
]

TRACE: Final = 5

_LEVELS: Final[Mapping[str, int]] = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}

_OWN_FIELDS: Final = frozenset({"threadId", "messageId", "parentMessageId", "err"})
_TRACEBACKS: Final = logging.Formatter()

_message: Final[ContextVar[Mapping[str, Any]]] = ContextVar("shipmate_message", default={})  # noqa: B039  never changed
_delivery: Final[ContextVar[Mapping[str, Any]]] = ContextVar("shipmate_delivery", default={})  # noqa: B039  likewise


def parse_level(text: str | None) -> int:
    """Return the logging level for bunyan's name in any case, or bunyan's number; INFO for everything else.

    >>> [parse_level(text) for text in ("TRACE", "warn", "20", None)]
    [5, 30, 10, 20]
    """
    text = (text or "").strip().lower()
    if text.isdecimal() and 10 <= int(text) <= 60:
        return max(int(text) - 10, TRACE)
    return _LEVELS.get(text, logging.INFO)


class _Meanwhile:
    """Gives a variable a value for the time of a block; a generator costs microseconds."""

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
    """Have every record that this thread or task makes meanwhile carry the ids of the message."""
    return _Meanwhile(_message, _ids(thread_id, message_id, parent_message_id))


def delivery_fields(place: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Have every record of the runtime that this thread or task makes meanwhile say which delivery it is about."""
    return _Meanwhile(_delivery, place)


def _fields_of(name: str) -> Mapping[str, Any]:
    """Return what a record carries besides what it says. Source: contract §13."""
    return {**_delivery.get(), **_message.get()} if _is_runtime(name) else _message.get()


def _ids(thread_id: str | None, message_id: str | None, parent_message_id: str | None) -> dict[str, str]:
    named = (("threadId", thread_id), ("messageId", message_id), ("parentMessageId", parent_message_id))
    return {name: value for name, value in named if value is not None}


class MessageLogger(logging.Logger):
    """A standard logger with ``trace`` whose records carry the ids of a message; not registered, gone with its call."""

    def __init__(self, name: str, ids: Mapping[str, Any]) -> None:
        """Log below the registered logger of this name, with its level and handlers."""
        super().__init__(name)
        self.parent = logging.getLogger(name)
        self._ids = ids

    def trace(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at the level below DEBUG."""
        if self.isEnabledFor(TRACE):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            self._log(TRACE, msg, args, **kwargs)

    def child(self, fields: Mapping[str, Any]) -> "MessageLogger":
        """Return a logger for the same message whose records carry these fields as well."""
        return MessageLogger(self.name, {**self._ids, **fields})

    def getChild(self, suffix: str) -> "MessageLogger":
        """Return a logger below this one, for the same message."""
        return MessageLogger(f"{self.name}.{suffix}", self._ids)

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a record that has the ids."""
        token = _message.set(self._ids)
        try:
            return super().makeRecord(*args, **kwargs)
        finally:
            _message.reset(token)


def message_logger(
    name: str, *, thread_id: str | None, message_id: str | None, parent_message_id: str | None
) -> MessageLogger:
    """Return a logger for one message."""
    return MessageLogger(name, _ids(thread_id, message_id, parent_message_id))


class _Fields(dict[str, Any]):
    """The attributes of a record; ``extra`` is put into them one by one, after the record was made."""

    def __init__(self, fields: Mapping[str, Any], redactor: Redactor) -> None:
        super().__init__(fields)
        self._redactor = redactor

    def __contains__(self, name: object) -> bool:
        """Let ``extra`` replace what only this module has put there: logging refuses what a record has."""
        return name not in _OWN_FIELDS and super().__contains__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        try:
            value = self._redactor.redact_json(value, name)
        except Exception:  # an author's __str__, or a value that contains itself
            value = f"({type(value).__name__})"
        super().__setitem__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes, in queues, as a plain dict."""
        return dict, (dict(self),)


class _RecordFactory:
    """Makes records that have no secrets in them."""

    def __init__(self, redactor: Redactor, make: Callable[..., logging.LogRecord]) -> None:
        self.make = make
        self._redactor = redactor

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        redact = self._redactor.redact
        record = self.make(*args, **kwargs)
        record.msg, record.args = redact(_text(record)), None
        record.name = redact(record.name)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        if record.exc_info and record.exc_info[1] is not None:
            _redact_exception(record, record.exc_info[1], self._redactor)
        record.__dict__ = _Fields({**_fields_of(record.name), **record.__dict__}, self._redactor)
        return record


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # logging would print the arguments, unredacted, to standard error
        return f"{type(record.msg).__name__ if not isinstance(record.msg, str) else record.msg} (unfit arguments)"


def _redact_exception(record: logging.LogRecord, error: BaseException, redactor: Redactor) -> None:
    """Format the exception now; the exception itself is kept for handlers only if it has no secret in it."""
    text = _TRACEBACKS.formatException((type(error), error, error.__traceback__))
    record.exc_text = redactor.redact(text)
    err = {"message": redactor.redact(_error_text(error)), "name": type(error).__name__, "stack": record.exc_text}
    code = getattr(error, "code", None)
    if isinstance(code, str | int) and not isinstance(error, SystemExit):
        err["code"] = redactor.redact_json(code)
    record.__dict__["err"] = err
    if record.exc_text != text:
        record.exc_info = None


def _error_text(error: BaseException | None) -> str:
    try:
        return str(error)
    except Exception:  # an author's __str__ may raise
        return type(error).__name__


class LoggingHandle:
    """What `configure` has changed, and how to undo that; also a context that undoes it."""

    def __init__(self, undo: Callable[[], None]) -> None:
        """Keep the way back."""
        self.restore = undo

    def __enter__(self) -> "LoggingHandle":
        """Do nothing more."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave logging as it was."""
        self.restore()


def configure(
    level: int, redactor: Redactor, *, stream: TextIO, as_json: bool, fields: Mapping[str, str] | None = None
) -> LoggingHandle:
    """Send all records of this level and above to ``stream``, in place of an earlier call's, without secrets.

    Args:
        level: The lowest level; that of single loggers may differ.
        redactor: Knows the secrets.
        stream: Where lines go.
        as_json: Whether they are bunyan's JSON instead of being for a person.
        fields: What every JSON line has besides, like ``ELASTICIO_FLOW_ID``.
    """
    logging.addLevelName(TRACE, "TRACE")
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:], make
    handler = _Handler(stream)
    handler.setFormatter(_BunyanFormatter(fields or {}) if as_json else _ReadableFormatter())
    root.handlers[:] = [*(one for one in root.handlers if not isinstance(one, _Handler)), handler]
    root.setLevel(level)
    logging.setLogRecordFactory(_RecordFactory(redactor, make.make if isinstance(make, _RecordFactory) else make))

    def undo() -> None:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        logging.setLogRecordFactory(before[2])

    return LoggingHandle(undo)
