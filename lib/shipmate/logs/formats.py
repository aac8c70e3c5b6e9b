"""Formats log records: for people, and as the platform's JSON lines."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO


class _Handler(logging.StreamHandler[TextIO]):
    """Our one handler; the type tells it from those of others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; what the stream cannot encode is escaped."""
        try:
            line = self.format(record) + self.terminator
            encoding = self.stream.encoding or "utf-8"
            self.stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
            self.flush()
        except Exception:
            self.handleError(record)


class _ReadableFormatter(logging.Formatter):
    """``12:30:01.250 INFO  component: contact created id=7``"""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Put time, level, logger, message and the extra fields on a line."""
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = "".join(f" {name}={_readable(value)}" for name, value in _extra(record).items())
        return f"{moment}.{int(record.msecs):03} {record.levelname:<5} {record.name}: {record.message}{fields}"


def _readable(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if text and not any(character.isspace() or character == '"' for character in text) else repr(text)


class _BunyanFormatter(logging.Formatter):
    """``{"name": "component", "level": 30, "msg": "contact created", "time": "...", ...}`` on one line."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._fixed = {"hostname": os.uname().nodename, "pid": os.getpid(), **fields}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as bunyan writes it, in ASCII: no character in it ends the line for anyone."""
        import json

        line: dict[str, Any] = {"name": "sailor" if _is_runtime(record.name) else _COMPONENT, **self._fixed}
        if record.name != _COMPONENT:
            line["logger"] = record.name
        for name, value in _extra(record).items():
            line[f"{name}_" if name in line or name in _BUNYAN_FIELDS else name] = value
        line["level"] = bunyan_level(record.levelno)
        if err := record.__dict__.get("err"):
            line["err"] = err
        line["msg"] = record.getMessage() + (f"\n{record.stack_info}" if record.stack_info else "")
        line["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        line["v"] = 0
        return json.dumps(line, default=str, skipkeys=True)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _RECORD_FIELDS}


_RUNTIME: Final = "shipmate"
_COMPONENT: Final = "component"
_RECORD_FIELDS: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "err"}
_BUNYAN_FIELDS: Final = frozenset({"name", "level", "msg", "time", "v", "pid", "hostname", "tag", "logger", "err"})


def bunyan_level(level: int) -> int:
    """Return bunyan's number for a level of logging: ten more, except for trace."""
    return level + 10 if level >= logging.DEBUG else 10


def _is_runtime(name: str) -> bool:
    return name == _RUNTIME or name.startswith(_RUNTIME + ".")
