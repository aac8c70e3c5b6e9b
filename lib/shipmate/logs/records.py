"""Makes log records: with the fields of the message in work, and without secrets."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.logs.fields import bound_fields
from shipmate.logs.redaction import Redactor

_OWN_FIELDS: Final = frozenset({"threadId", "messageId", "parentMessageId", "err"})
_TRACEBACKS: Final = logging.Formatter()


class RecordFactory:
    """Makes records without secrets, so that no handler gets one, even a handler that the component adds."""

    def __init__(self, redactor: Redactor, make: Callable[..., logging.LogRecord]) -> None:
        """Make records with ``make`` and remove the secrets that ``redactor`` knows."""
        self.make = make
        self._redactor = redactor

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Return a record; the arguments are those of `logging.LogRecord`."""
        redact = self._redactor.redact
        record = self.make(*args, **kwargs)
        record.msg, record.args = redact(_message_of(record)), None
        record.name = redact(record.name)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        if record.exc_info and record.exc_info[1] is not None:
            _redact_exception(record, record.exc_info[1], self._redactor)
        record.__dict__ = _RedactedFields({**bound_fields(record.name), **record.__dict__}, self._redactor)
        return record


class _RedactedFields(dict[str, Any]):
    """The attributes of a record; logging adds the members of ``extra`` one by one after the record was made."""

    def __init__(self, fields: Mapping[str, Any], redactor: Redactor) -> None:
        super().__init__(fields)
        self._redactor = redactor

    def __contains__(self, name: object) -> bool:
        """Hide the fields that this package adds: logging refuses an ``extra`` with a name that a record has."""
        return name not in _OWN_FIELDS and super().__contains__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        try:
            value = self._redactor.redact_json(value, name)
        except Exception:  # an author's __str__, or a value that contains itself
            value = f"({type(value).__name__})"
        super().__setitem__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain dict: records travel to other processes in queues."""
        return dict, (dict(self),)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # logging would print the arguments, with their secrets, to standard error
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        return f"{text} (arguments do not fit)"


def _redact_exception(record: logging.LogRecord, error: BaseException, redactor: Redactor) -> None:
    """Format the exception now; the record keeps the exception itself only if its text contains no secret."""
    text = _TRACEBACKS.formatException((type(error), error, error.__traceback__))
    record.exc_text = redactor.redact(text)
    err = {"message": redactor.redact(_text_of(error)), "name": type(error).__name__, "stack": record.exc_text}
    code = getattr(error, "code", None)
    if isinstance(code, str | int) and not isinstance(error, SystemExit):
        err["code"] = redactor.redact_json(code)
    record.__dict__["err"] = err
    if record.exc_text != text:
        record.exc_info = None


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an author's __str__ may raise
        return type(error).__name__
