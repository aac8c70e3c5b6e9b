"""Reads the fields of a credential or a step: an empty text and null mean the default, and every bound is in the error.

The platform gives numbers and times as text. An error is an `InvalidField`, which is a `ValueError`, of one line: the
field, what was expected, what was found.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shipmate.errors import InvalidField
from shipmate.kit.moments import moment as read_moment
from shipmate.kit.moments import pattern_of
from shipmate.session.values import choice, decimal, flag, number, required, text

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})")

__all__ = ["body_of", "choice", "decimal", "flag", "moment", "number", "required", "text", "texts", "tidy"]


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


def tidy(value: Any, schema: Mapping[str, Any] | None = None) -> Any:
    """Return the body of a message without empty members, and with numbers where its schema has them, at any depth.

    Mappings give empty texts and null for what is not there, and people type numbers as text.

    >>> price = {"type": "number"}
    >>> tidy({"name": "Pen", "price": "2.50", "note": ""}, {"properties": {"price": price}})
    {'name': 'Pen', 'price': 2.5}

    Args:
        value: The body, or a value in it.
        schema: Its schema; members that it lacks keep their types.

    Raises:
        InvalidField: A text is no number; the error names its place.
    """
    return _tidy(value, schema or {}, "")


def _tidy(value: Any, schema: Mapping[str, Any], place: str) -> Any:
    if isinstance(value, dict):
        known = schema.get("properties") or {}
        return {
            name: _tidy(each, known.get(name) or {}, f"{place}.{name}" if place else name)
            for name, each in value.items()
            if each is not None and each != ""
        }
    if isinstance(value, list):
        # Schemas of older components have the properties of the items at the list.
        return [_tidy(each, schema.get("items") or schema, f"{place}.{index}") for index, each in enumerate(value)]
    kinds = schema.get("type")
    if not isinstance(value, str) or not {"number", "integer"} & {
        *([kinds] if isinstance(kinds, str) else kinds or ())
    }:
        return value
    if _NUMBER.fullmatch(value.strip()) is None:
        raise InvalidField(f"{place}: expected a number, found {pattern_of(value)}")
    found = float(value)
    return int(value) if value.strip().lstrip("+-").isdecimal() else int(found) if found.is_integer() else found


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
        raise InvalidField(
            f"{name}: expected a moment such as 2026-01-31T09:30:00Z, found {pattern_of(given)}"
        ) from None
