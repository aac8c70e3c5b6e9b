"""Makes log records: with the fields of the message in work and the code of the text, and without secrets."""

import logging
from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Any, Final

from shipmate.logs.codes import code_of
from shipmate.logs.fields import bound_fields
from shipmate.logs.redaction import Redactor

_OWN_FIELDS: Final = frozenset({"threadId", "messageId", "parentMessageId", "err"})
_RESERVED: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LONGEST_TEXT: Final = 100_000
"""The most characters of a text in a record: a message, a traceback, a field. A log that is read needs no more."""
_TRACEBACKS: Final = logging.Formatter()


class RecordFactory:
    """Makes log records without secrets: no handler receives a secret, not even a handler of the component."""

    def __init__(self, redactor: Redactor, make: Callable[..., logging.LogRecord]) -> None:
        """Make records with ``make`` and remove the secrets that ``redactor`` knows."""
        self.make = make
        self.redactor = redactor

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Return a record; the arguments are those of `logging.LogRecord`."""
        redact = partial(self.redactor.redact, longest=_LONGEST_TEXT)
        record = self.make(*args, **kwargs)
        code = code_of(record.name, record.msg)
        record.msg, record.args = redact(_message_of(record)), None
        record.name = redact(record.name)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        if record.exc_info and record.exc_info[1] is not None:
            _redact_exception(record, record.exc_info[1], self.redactor)
        bound = bound_fields(record.name)
        record.__dict__ = fields = _RedactedFields(record.__dict__, self.redactor)
        for name, value in bound.items():
            fields[name] = value
        if code is not None:
            fields["code"] = code
        return record


class _RedactedFields(dict[str, Any]):
    """The attributes of a record; logging adds the members of ``extra`` one by one after the record was made.

    A member with the name of an attribute gets another name: ``name_``.
    """

    def __init__(self, fields: Mapping[str, Any], redactor: Redactor) -> None:
        super().__init__(fields)
        self._redactor = redactor

    def __contains__(self, name: object) -> bool:
        """Hide the fields that a record has: logging refuses an ``extra`` with their names."""
        return name not in _OWN_FIELDS and name not in _RESERVED and super().__contains__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name in _RESERVED:
            name = renamed(name, self)
        try:
            value = self._redactor.redact_json(value, name, _LONGEST_TEXT)
        except Exception:  # an author's __str__, or a value that contains itself
            value = f"({type(value).__name__})"
        super().__setitem__(self._redactor.redact(name, _LONGEST_TEXT) if isinstance(name, str) else name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain dict: records travel to other processes in queues."""
        return dict, (dict(self),)


def renamed(name: str, taken: Container[str]) -> str:
    """Return a name for a field that may not have its own name.

    >>> renamed("name", {"name", "name_"})
    'name__'
    """
    name += "_"
    while name in taken:
        name += "_"
    return name


def without_reserved_names(extra: object) -> Mapping[str, Any]:
    """Return what a logger gets as ``extra`` with names that logging allows.

    >>> without_reserved_names({"message": 1, "id": 2}), without_reserved_names(["a"])
    ({'message_': 1, 'id': 2}, {'extra': ['a']})
    """
    if not isinstance(extra, Mapping):
        return {"extra": extra}
    return {renamed(name, extra) if name in _RESERVED else name: value for name, value in extra.items()}


def excerpt(text: str, limit: int, *, ending: str = "") -> str:
    """Return the beginning of a foreign text without the secrets that this process knows: redacted first, then cut.

    Args:
        text: The text.
        limit: The most characters.
        ending: Follows them if there are more.

    >>> excerpt("token=abcdef, and so on", 14, ending="...")
    'token=***, and...'
    """
    whole = redacted(text)
    return whole if len(whole) <= limit else whole[:limit] + ending


def redacted(text: str) -> str:
    """Return a text without the secrets that the log of this process hides."""
    make = logging.getLogRecordFactory()
    return (make.redactor if isinstance(make, RecordFactory) else Redactor()).redact(text)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # logging would print the arguments, with their secrets, to standard error
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        return f"{text} (arguments do not fit)"


def _redact_exception(record: logging.LogRecord, error: BaseException, redactor: Redactor) -> None:
    """Format the exception now; the record keeps the exception itself only if its text contains no secret."""
    text = _TRACEBACKS.formatException((type(error), error, error.__traceback__))
    record.exc_text = redactor.redact(text, _LONGEST_TEXT)
    err = {
        "message": redactor.redact(_text_of(error), _LONGEST_TEXT),
        "name": type(error).__name__,
        "stack": record.exc_text,
    }
    code = getattr(error, "code", None)
    if isinstance(code, str | int) and not isinstance(error, SystemExit):
        err["code"] = redactor.redact_json(code, longest=_LONGEST_TEXT)
    record.__dict__["err"] = err
    if record.exc_text != text:
        record.exc_info = None


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an author's __str__ may raise
        return type(error).__name__
