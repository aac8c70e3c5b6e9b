"""Configures the process's log, and makes the logger of a message.

A line is readable on a terminal and a JSON object elsewhere. Secrets are removed when a record is made, so that no
handler gets them, even one that the component adds.

Source: contract §13.
"""

import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, TextIO

from shipmate.logs.fields import delivery_fields, ids, logger_fields, message_fields
from shipmate.logs.formats import BunyanFormatter, LogHandler, ReadableFormatter
from shipmate.logs.hooks import log_what_python_reports
from shipmate.logs.levels import TRACE, parse_level
from shipmate.logs.records import RecordFactory, without_reserved_names
from shipmate.logs.redaction import Redactor

__all__ = [
    "TRACE",
    "LoggingHandle",
    "MessageLogger",
    "Redactor",
    "configure",
    "delivery_fields",
    "message_fields",
    "message_logger",
    "parse_level",
    "set_levels",
]

_EXTRA: Final = 8
"""The place of ``extra`` among the arguments of `logging.Logger.makeRecord`."""


class MessageLogger(logging.Logger):
    """A logger with ``trace`` whose records carry the ids of one message; it is not registered with logging."""

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        """Log with the level and the handlers of the registered logger of this name, and add these fields."""
        super().__init__(name)
        self.parent = logging.getLogger(name)
        self._fields = fields

    def trace(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at the level below DEBUG."""
        if self.isEnabledFor(TRACE):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            self._log(TRACE, msg, args, **kwargs)

    def child(self, fields: Mapping[str, Any]) -> "MessageLogger":
        """Return a logger for the same message that adds these fields as well."""
        return MessageLogger(self.name, {**self._fields, **fields})

    def getChild(self, suffix: str) -> "MessageLogger":
        """Return a logger for the same message with a name below this one."""
        return MessageLogger(f"{self.name}.{suffix}", self._fields)

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Return a record with the fields of this logger; an ``extra`` may have any names."""
        if len(args) > _EXTRA and args[_EXTRA]:
            args = (*args[:_EXTRA], without_reserved_names(args[_EXTRA]), *args[_EXTRA + 1 :])
        with logger_fields(self._fields):
            return super().makeRecord(*args, **kwargs)


def message_logger(
    name: str, *, thread_id: str | None, message_id: str | None, parent_message_id: str | None
) -> MessageLogger:
    """Return a logger for one message."""
    return MessageLogger(name, ids(thread_id, message_id, parent_message_id))


class LoggingHandle:
    """Undoes one call of `configure`: by `restore`, or at the end of a ``with`` block."""

    def __init__(self, restore: Callable[[], None]) -> None:
        """Keep the function that restores logging."""
        self.restore = restore

    def __enter__(self) -> "LoggingHandle":
        """Return the handle."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Restore logging."""
        self.restore()


def configure(
    level: int, redactor: Redactor, *, stream: TextIO, as_json: bool, fields: Mapping[str, str] | None = None
) -> LoggingHandle:
    """Send all records of this level and above to ``stream``, without secrets; replaces an earlier call.

    Warnings, and exceptions that nobody catches, become records, too: Python would print them with their secrets.

    Args:
        level: The lowest level; single loggers may have their own.
        redactor: Knows the secrets.
        stream: Where lines go.
        as_json: Whether lines are bunyan's JSON; otherwise they are readable.
        fields: Fields that every JSON line carries, like ``ELASTICIO_FLOW_ID``.
    """
    logging.addLevelName(TRACE, "TRACE")
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:], make
    handler = LogHandler(stream)
    handler.setFormatter(BunyanFormatter(fields or {}) if as_json else ReadableFormatter())
    root.handlers[:] = [*(other for other in root.handlers if not isinstance(other, LogHandler)), handler]
    root.setLevel(level)
    logging.setLogRecordFactory(RecordFactory(redactor, make.make if isinstance(make, RecordFactory) else make))
    restore_hooks = log_what_python_reports()

    def restore() -> None:
        restore_hooks()
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        logging.setLogRecordFactory(before[2])

    return LoggingHandle(restore)


def set_levels(levels: Mapping[str, int]) -> LoggingHandle:
    """Set the levels of single loggers: they override the level of `configure`.

    Args:
        levels: The levels by the names of the loggers: ``{"shipmate.oauth2": 10}``.
    """
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)

    def restore() -> None:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

    return LoggingHandle(restore)
