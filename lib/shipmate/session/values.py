"""Reads the fields of a credential or a step: an empty text and null mean the default, and every bound is in the error.

The platform gives numbers and check boxes as text.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.errors import InvalidField
from shipmate.wording import closest_name

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_TRUE: Final = frozenset({"true", "on", "yes", "1"})
_FALSE: Final = frozenset({"false", "off", "no", "0"})


def text(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a field as text, without spaces around it.

    >>> text({"path": " /contacts "}, "path"), text({"path": None}, "path", "/")
    ('/contacts', '/')
    """
    given = fields.get(name)
    return ("" if given is None else str(given)).strip() or default


def required(fields: Mapping[str, Any], name: str) -> str:
    """Return a field that must not be empty, without spaces around it.

    Raises:
        InvalidField: The field is missing or empty.
    """
    found = text(fields, name)
    if not found:
        raise InvalidField(f"{name}: expected a value, found none")
    return found


def number(fields: Mapping[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    """Return a field as a whole number.

    >>> [number({"pageSize": given}, "pageSize", default=100, least=1, most=500) for given in ("50", "", None, 20.0)]
    [50, 100, 100, 20]

    Raises:
        InvalidField: The field has something else than a whole number from ``least`` to ``most``.
    """
    return int(_within(fields, name, _WHOLE, default, least, most))


def decimal(fields: Mapping[str, Any], name: str, *, default: float, least: float, most: float) -> float:
    """Return a field as a number that may have decimals.

    >>> [decimal({"rate": given}, "rate", default=0, least=0, most=10) for given in ("0.5", 2, "")]
    [0.5, 2.0, 0.0]

    Raises:
        InvalidField: The field has something else than a number from ``least`` to ``most``.
    """
    return float(_within(fields, name, _DECIMAL, default, least, most))


def limited(
    fields: Mapping[str, Any],
    name: str,
    *,
    default: float,
    least: float,
    most: float,
    note: Callable[[str], object] | None,
    is_whole: bool = False,
) -> float:
    """Return a field as a number; one out of range is limited, and another value is the default.

    Published components accept such values, and their accounts cannot be changed.

    >>> [limited({"retries": given}, "retries", default=3, least=0, most=10, note=str) for given in ("15", "-1", "abc")]
    [10, 0, 3]

    Args:
        fields: The fields.
        name: The name of the field.
        default: The value of an empty field, of one that is not readable, and of 0 or less if that is not allowed.
        least: The least value.
        most: The largest value.
        note: Gets one line about a value that is not used as it is; None raises it.
        is_whole: Whether only whole numbers are readable.

    Raises:
        InvalidField: The field has another value, and ``note`` is None.
    """
    form = _WHOLE if is_whole else _DECIMAL
    try:
        return _within(fields, name, form, default, least, most)
    except InvalidField as error:
        if note is None:
            raise
        found = str(fields[name]).strip()
        if not form.fullmatch(found) or float(found) <= 0 < least:
            note(f"{error}; the default is used")
            return default
        used = least if float(found) < least else most if float(found) > most else float(found)
        note(f"{error}; {used} is used")
        return used


def flag(fields: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Return whether a check box is set; older flows have the texts ``on``, ``true`` and ``Yes``.

    >>> [flag({"once": given}, "once") for given in (True, "on", "Yes", False, "", None)]
    [True, True, True, False, False, False]

    Raises:
        InvalidField: The field has another text.
    """
    given = fields.get(name)
    if given is None or given == "":
        return default
    word = str(given).strip().lower()
    if word not in _TRUE and word not in _FALSE:
        raise InvalidField(f"{name}: expected true or false, found something else")
    return word in _TRUE


def choice(fields: Mapping[str, Any], name: str, *values: str, default: str = "") -> str:
    """Return a field that has one of several texts; the first one is the default unless another is given.

    >>> choice({"emitBehavior": ""}, "emitBehavior", "emitIndividually", "emitPage")
    'emitIndividually'

    Raises:
        InvalidField: The field has another text.
    """
    found = text(fields, name, default or values[0])
    if found not in values:
        meant = closest_name(found, values, alike=0.6)
        hint = f": did you mean {meant}?" if meant is not None else ""
        raise InvalidField(f"{name}: expected one of {', '.join(values)}, found {found[:30]!r}{hint}")
    return found


def _within(
    fields: Mapping[str, Any], name: str, form: re.Pattern[str], default: float, least: float, most: float
) -> float:
    given = fields.get(name)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    found = "" if given is None else str(given).strip()
    if not found:
        return default
    if not form.fullmatch(found) or not least <= float(found) <= most:
        raise InvalidField(f"{name}: expected a number from {least} to {most}, found {found[:30]!r}")
    return float(found) if "." in found else int(found)
