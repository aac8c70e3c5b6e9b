"""Formats log records: readable lines for a terminal, and the platform's JSON lines."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from shipmate.logs.fields import COMPONENT, is_runtime

_RECORD_FIELDS: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "err"}
_BUNYAN_FIELDS: Final = frozenset({"name", "level", "msg", "time", "v", "pid", "hostname", "tag", "logger", "err"})


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes the lines of this package; the type tells it from handlers that a component adds."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; characters that the stream cannot encode are escaped."""
        try:
            line = self.format(record) + self.terminator
            encoding = self.stream.encoding or "utf-8"
            self.stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
            self.flush()
        except Exception:
            self.handleError(record)


class ReadableFormatter(logging.Formatter):
    """``12:30:01.250 INFO  component: contact created id=7``"""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return time, level, logger, message and extra fields in one line."""
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        extra = _extra_fields(record)
        if is_runtime(record.name):
            extra.pop("code", None)  # for those who count lines; a reader has the text
        fields = "".join(f" {name}={_readable(value)}" for name, value in extra.items())
        return f"{moment}.{int(record.msecs):03} {record.levelname:<5} {record.name}: {record.message}{fields}"


class BunyanFormatter(logging.Formatter):
    """``{"name": "component", "level": 30, "msg": "contact created", "time": "...", ...}`` in one line.

    Source: contract §13.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Add these fields to every line."""
        super().__init__()
        self._fixed = {"hostname": os.uname().nodename, "pid": os.getpid(), **fields}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record in bunyan's format, in ASCII: other characters may end a line for some readers."""
        import json

        line: dict[str, Any] = {"name": "sailor" if is_runtime(record.name) else COMPONENT, **self._fixed}
        if record.name != COMPONENT:
            line["logger"] = record.name
        for name, value in _extra_fields(record).items():
            line[f"{name}_" if name in line or name in _BUNYAN_FIELDS else name] = value
        line["level"] = bunyan_level(record.levelno)
        if err := record.__dict__.get("err"):
            line["err"] = err
        line["msg"] = record.getMessage() + (f"\n{record.stack_info}" if record.stack_info else "")
        line["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        line["v"] = 0
        return json.dumps(line, default=str, skipkeys=True)


def bunyan_level(level: int) -> int:
    """Return bunyan's number for a logging level: ten more, and 10 for all levels below DEBUG.

    >>> [bunyan_level(level) for level in (5, logging.DEBUG, logging.INFO)]
    [10, 20, 30]
    """
    return level + 10 if level >= logging.DEBUG else 10


def _readable(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if text and not any(character.isspace() or character == '"' for character in text) else repr(text)


def _extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _RECORD_FIELDS}
