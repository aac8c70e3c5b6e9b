"""Writes SOQL; values of messages are escaped, so that they cannot change the query.

Source: SOQL and SOSL Reference, Quoted String Escape Sequences, Date Formats and Date Literals.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

_ESCAPES: Final = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")
_TIME: Final = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z?")
_NUMBERS: Final = frozenset({"int", "long", "double", "currency", "percent"})


def quoted(value: str) -> str:
    r"""Return a text as a literal.

    >>> print(quoted("O'Hara"))
    'O\'Hara'
    """
    return f"'{value.translate(_ESCAPES)}'"


def literal(value: Any, kind: str) -> str:
    """Return a value as a literal for a field; ``kind`` is its type in a description.

    >>> literal("12.5", "currency"), literal("2025-02-03T04:05:06+01:00", "datetime")
    ('12.5', '2025-02-03T03:05:06.000Z')

    Raises:
        ValueError: The value does not fit the type.
    """
    if value is None or value == "" or isinstance(value, dict | list):
        raise ValueError(f"value: expected {_expected(kind)}, found {'nothing' if not value else 'several values'}")
    given = str(value).strip()
    if kind in _NUMBERS and not isinstance(value, bool) and _NUMBER.fullmatch(given):
        return given
    if kind == "boolean" and given.lower() in ("true", "false"):
        return given.lower()
    if kind == "time" and _TIME.fullmatch(given):
        return given if given.endswith("Z") else f"{given}Z"
    try:
        if kind == "date":
            return date.fromisoformat(given).isoformat()
        if kind == "datetime":
            return moment(datetime.fromisoformat(given))
    except ValueError:
        pass
    if kind in ("boolean", "date", "datetime", "time") or kind in _NUMBERS:
        raise ValueError(f"value: expected {_expected(kind)}, found something else")
    return quoted(value if isinstance(value, str) else given)


def moment(when: datetime) -> str:
    """Return a time as a literal; a time without a zone is in UTC."""
    utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def select(fields: Sequence[str], name: str, *clauses: str) -> str:
    """Return a query; the names must be API names, and the values literals.

    >>> select(["Id", "Name"], "Account", "WHERE Name = 'Acme'", "LIMIT 2")
    "SELECT Id, Name FROM Account WHERE Name = 'Acme' LIMIT 2"
    """
    return " ".join(["SELECT", ", ".join(fields), "FROM", name, *clauses])


def _expected(kind: str) -> str:
    if kind in _NUMBERS:
        return "a number"
    known = {
        "boolean": "true or false",
        "date": "a date such as 2025-02-03",
        "datetime": "a moment such as 2025-02-03T04:05:06Z",
        "time": "a time such as 04:05:06",
    }
    return known.get(kind, "text")
