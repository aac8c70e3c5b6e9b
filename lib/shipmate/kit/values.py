"""Reads the fields of a credential or a step: an empty text and null mean the default, and every bound is in the error.

The platform gives numbers and times as text. An error is a `ValueError` of one line: the field, what was expected, what
was found.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shipmate.kit.moments import form_of
from shipmate.kit.moments import moment as read_moment
from shipmate.wording import closest_name


def text(cfg: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a field as text, without spaces around it.

    >>> text({"path": " /contacts "}, "path"), text({"path": None}, "path", "/")
    ('/contacts', '/')
    """
    given = cfg.get(name)
    return ("" if given is None else str(given)).strip() or default


def number(cfg: Mapping[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    """Return a field as a whole number.

    >>> [number({"pageSize": given}, "pageSize", default=100, least=1, most=500) for given in ("50", "", None, 20.0)]
    [50, 100, 100, 20]

    Raises:
        ValueError: The field has something else than a number from ``least`` to ``most``.
    """
    given = cfg.get(name)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    found = str(default if given is None else given).strip() or str(default)
    digits = found.removeprefix("-")
    is_whole = digits.isascii() and digits.isdecimal() and len(digits) <= 18 and not isinstance(given, bool)
    if not is_whole or not least <= int(found) <= most:
        raise ValueError(f"{name}: expected a number from {least} to {most}, found {found[:30]!r}")
    return int(found)


def flag(cfg: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Return whether a check box is set; older flows have the texts ``on``, ``true`` and ``Yes``.

    >>> [flag({"once": given}, "once") for given in (True, "on", "Yes", False, "", None)]
    [True, True, True, False, False, False]

    Raises:
        ValueError: The field has another text.
    """
    given = cfg.get(name)
    if given is None or given == "":
        return default
    word = str(given).strip().lower()
    if word not in _TRUE and word not in _FALSE:
        raise ValueError(f"{name}: expected true or false, found something else")
    return word in _TRUE


def choice(cfg: Mapping[str, Any], name: str, *values: str, default: str = "") -> str:
    """Return a field that has one of several texts; the first one is the default unless another is given.

    >>> choice({"emitBehavior": ""}, "emitBehavior", "emitIndividually", "emitPage")
    'emitIndividually'

    Raises:
        ValueError: The field has another text.
    """
    found = text(cfg, name, default or values[0])
    if found not in values:
        meant = closest_name(found, values, alike=0.6)
        hint = f": did you mean {meant}?" if meant is not None else ""
        raise ValueError(f"{name}: expected {' or '.join(values)}, found {found[:30]!r}{hint}")
    return found


def moment(cfg: Mapping[str, Any], name: str) -> datetime | None:
    """Return a field as a moment in UTC, None if it is empty; a time without a zone counts as UTC.

    >>> moment({"startTime": "2026-01-31T10:30:00+01:00"}, "startTime")
    datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.timezone.utc)

    Raises:
        ValueError: The field has no time, or a time that allows two readings.
    """
    given = cfg.get(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    try:
        return read_moment(given).when
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: expected a moment such as 2026-01-31T09:30:00Z, found {form_of(given)}") from None


_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})
