"""Writes SOQL; names are checked and values of messages are escaped, so that they cannot change the query.

Source: SOQL and SOSL Reference, Date Formats and Date Literals.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from shipmate.kit.moments import moment as read_moment
from shipmate.kit.objects.filters import soql_text
from shipmate.kit.polling.bound import iso
from shipmate.kit.values import required, texts

Cfg = Mapping[str, Any]

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def api_name(cfg: Cfg, name: str) -> str:
    """Return a field of the step with the name of an object or of a field."""
    return _checked(required(cfg, name), name)


def api_names(cfg: Cfg, name: str) -> list[str]:
    """Return a field of the step with any number of names."""
    return [_checked(each, name) for each in texts(cfg, name)]


def literal(value: Any, kind: str) -> str:
    r"""Return a value as a literal for a field; ``kind`` is its type in a description.

    >>> literal("12.5", "currency"), literal("2025-02-03T04:05:06+01:00", "datetime")
    ('12.5', '2025-02-03T03:05:06.000Z')
    >>> print(literal("O'Hara", "string"))
    'O\'Hara'

    Raises:
        ValueError: The value does not fit the type.
    """
    expected, write = _KINDS.get(kind, _TEXT)
    if value is None or value == "" or isinstance(value, dict | list):
        raise ValueError(f"value: expected {expected}, found {'nothing' if not value else 'several values'}")
    try:
        return write(str(value).strip() if kind in _KINDS else str(value))
    except ValueError:
        raise ValueError(f"value: expected {expected}, found something else") from None


def moment(text: str) -> str:
    """Return a time as a literal; a time without a zone is in UTC."""
    return iso(read_moment(text).when)


def select(fields: Sequence[str], name: str, *clauses: str) -> str:
    """Return a query; the names must be API names, and the values literals.

    >>> select(["Id", "Name"], "Account", "WHERE Name = 'Acme'", "LIMIT 2")
    "SELECT Id, Name FROM Account WHERE Name = 'Acme' LIMIT 2"
    """
    return " ".join(["SELECT", ", ".join(dict.fromkeys(["Id", *fields])), "FROM", name, *clauses])


def _checked(value: str, place: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{place}: expected an API name such as Account or Amount__c, found {value!r}")
    return value


def _matching(pattern: str, end: str = "") -> Callable[[str], str]:
    def write(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text.removesuffix(end) + end

    return write


_Kind = tuple[str, Callable[[str], str]]
"""What a value of a type looks like, and the function that writes it."""

_TEXT: Final[_Kind] = ("text", soql_text)
_NUMBER: Final[_Kind] = ("a number", _matching(r"[+-]?[0-9]+(\.[0-9]+)?"))
_KINDS: Final[dict[str, _Kind]] = {
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), _NUMBER),
    "boolean": ("true or false", _matching("(?i:true|false)")),
    "date": ("a date such as 2025-02-03", lambda text: date.fromisoformat(text).isoformat()),
    "datetime": ("a moment such as 2025-02-03T04:05:06Z", moment),
    "time": ("a time such as 04:05:06", _matching(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?Z?", "Z")),
}
