"""Reads the fields of a step, whose values are texts."""

import re
from collections.abc import Mapping
from typing import Any, Final

Cfg = Mapping[str, Any]

DEFAULT_VERSION: Final = "64.0"
# Older versions answer an upsert without the id of the record.
_OLDEST_VERSION: Final = 46
_VERSION: Final = re.compile(r"v?(\d{2,3})(?:\.0)?", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def api_version(cfg: Cfg) -> str:
    """Return the version of the API.

    >>> api_version({"api_version": "v62.0"}), api_version({})
    ('62.0', '64.0')
    """
    given = str(cfg.get("api_version") or DEFAULT_VERSION).strip()
    match = _VERSION.fullmatch(given)
    if match is None or int(match[1]) < _OLDEST_VERSION:
        raise ValueError(f"api_version: expected a version from {_OLDEST_VERSION}.0 on, found {given!r}")
    return f"{match[1]}.0"


def text(cfg: Cfg, name: str) -> str:
    """Return a required field.

    Raises:
        ValueError: The field is empty.
    """
    value = str(cfg.get(name) or "").strip()
    if not value:
        raise ValueError(f"{name}: expected a value, found nothing")
    return value


def api_name(cfg: Cfg, name: str) -> str:
    """Return a field with the name of an object or of a field."""
    return checked_name(text(cfg, name), name)


def api_names(cfg: Cfg, name: str) -> list[str]:
    """Return a field with any number of names: a list, or a text with commas.

    >>> api_names({"fields": ["Id", "Name"]}, "fields"), api_names({"fields": "Id, Name"}, "fields")
    (['Id', 'Name'], ['Id', 'Name'])
    """
    value = cfg.get(name) or []
    names = value.split(",") if isinstance(value, str) else [str(each) for each in value]
    return [checked_name(each.strip(), name) for each in names if each.strip()]


def checked_name(value: str, place: str) -> str:
    """Return the name of an object or of a field; names are put into URLs and queries unescaped.

    Raises:
        ValueError: The value is no such name.
    """
    if not _NAME.fullmatch(value):
        raise ValueError(f"{place}: expected an API name such as Account or Amount__c, found {value!r}")
    return value


def whole_number(cfg: Cfg, name: str, default: int, *, lowest: int, highest: int) -> int:
    """Return a field with a whole number, the default if it is empty.

    Raises:
        ValueError: The value is no number from ``lowest`` to ``highest``.
    """
    given = cfg.get(name)
    digits = str(default if given is None else given).strip() or str(default)
    if not digits.isdecimal() or not lowest <= int(digits) <= highest:
        raise ValueError(f"{name}: expected a number from {lowest} to {highest}, found {digits!r}")
    return int(digits)


def choice(cfg: Cfg, name: str, *choices: str) -> str:
    """Return a field with one of several values, the first by default.

    Raises:
        ValueError: The value is none of them.
    """
    value = str(cfg.get(name) or choices[0])
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, found {value!r}")
    return value


def is_checked(value: Any) -> bool:
    """Tell whether a check box is set: older flows have ``"on"``."""
    return value is True or (isinstance(value, str) and value.lower() in ("on", "true"))
