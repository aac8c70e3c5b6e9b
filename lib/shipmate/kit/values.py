"""Reads the fields of a credential or a step: an empty text and null mean the default, and every bound is in the error.

The platform gives numbers and times as text. An error is an `InvalidField`, which is a `ValueError`, of one line: the
field, what was expected, what was found.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shipmate.errors import InvalidField
from shipmate.kit.moments import form_of
from shipmate.kit.moments import moment as read_moment
from shipmate.session.values import choice, decimal, flag, number, required, text

__all__ = ["body_of", "choice", "decimal", "flag", "moment", "number", "required", "text", "texts"]


def body_of(msg: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the body of a message, which must be an object.

    Raises:
        ValueError: The body is something else.
    """
    body = msg.get("body")
    if not isinstance(body, dict):
        raise ValueError(f"the body of the message: expected an object, found {type(body).__name__}")
    return dict(body)


def texts(cfg: Mapping[str, Any], name: str) -> list[str]:
    """Return a field with any number of texts, as of a ``MultiSelectView``: a list, or a text with commas.

    >>> texts({"fields": ["Id", "Name"]}, "fields"), texts({"fields": "Id, Name"}, "fields"), texts({}, "fields")
    (['Id', 'Name'], ['Id', 'Name'], [])
    """
    given = cfg.get(name) or []
    found = given if isinstance(given, list) else str(given).split(",")
    return [name for each in found if (name := str(each).strip())]


def moment(cfg: Mapping[str, Any], name: str) -> datetime | None:
    """Return a field as a moment in UTC, None if it is empty; a time without a zone counts as UTC.

    >>> moment({"startTime": "2026-01-31T10:30:00+01:00"}, "startTime")
    datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.timezone.utc)

    Raises:
        InvalidField: The field has no time, or a time that allows two readings.
    """
    given = cfg.get(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    try:
        return read_moment(given).when
    except (ValueError, OverflowError):
        raise InvalidField(f"{name}: expected a moment such as 2026-01-31T09:30:00Z, found {form_of(given)}") from None
