"""Carries JSON values into the evaluator and out of it.

jsonata-python takes None for "undefined" and has a value of its own for null; a message has None for null.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.utils import Utils

from shipmate.jsonvalue import is_falsy


class Undefined:
    """The type of `UNDEFINED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Name the value."""
        return "UNDEFINED"

    def __bool__(self) -> bool:
        """Be false, as in JavaScript."""
        return False


UNDEFINED: Final = Undefined()
"""The result of an expression that yields nothing, such as the path of a missing member."""

LARGEST_RESULT: Final = 10 * 1024 * 1024
"""The most characters of a result's JSON, about: the platform's limit of a message is 10 MB."""
TOO_LARGE: Final = "size"
"""The code of the error about a result or a text that is larger than a message may be."""
_WITHOUT_NULLS: Final = frozenset({str, int, float, bool})
_NO_FUNCTIONS: Final = _WITHOUT_NULLS | {dict, list, type(None)}
_LARGEST_EXACT: Final = 2.0**53


def is_function(value: Any) -> bool:
    """Return whether a value is a function or a pattern: JSON has none of them."""
    return bool(Utils.is_function(value) or Functions.is_lambda(value) or Functions.is_regex(value))


def is_truthy(value: Any) -> bool:
    """Return whether a value of the evaluator is true in JavaScript, which is not always so in JSONata."""
    return value is not Utils.NULL_VALUE and not is_falsy(value)


def with_nulls(value: Any) -> Any:
    """Return a value of JSON whose nulls the evaluator recognises; what has no nulls is returned as it is.

    >>> with_nulls({"a": [None, 1]})
    {'a': [null, 1]}
    """
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return _members_with_nulls(value, value.items(), dict)
    if isinstance(value, list):
        return _members_with_nulls(value, enumerate(value), list)
    return value


def _members_with_nulls(
    value: dict[str, Any] | list[Any],
    members: Iterable[tuple[Any, Any]],
    copied: Callable[[Any], Any],
) -> Any:
    """Return a container whose nulls are replaced: itself if it has none, else a copy."""
    changed: Any = None
    for place, member in members:
        if type(member) in _WITHOUT_NULLS:
            continue
        ready = with_nulls(member)
        if ready is not member:
            if changed is None:
                changed = copied(value)
            changed[place] = ready
    return value if changed is None else changed


def to_json(value: Any) -> Any:
    """Return a copy of a result as JSON, `UNDEFINED` for an undefined one.

    Functions are left out of objects and are null in lists; dates become text; whole numbers lose their ``.0``.

    Raises:
        JException: The result is too large.
    """
    if value is None or is_function(value):
        return UNDEFINED
    return _Copy().of(value)


class _Copy:
    """Copies one result and counts its characters: a value that refers to parts of itself can be of any size."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = LARGEST_RESULT

    def of(self, value: Any) -> Any:
        """Copy a value; one that JSON lacks becomes null."""
        kind = type(value)
        self._left -= len(value) + 3 if kind is str else 2
        if self._left < 0:
            raise JException(TOO_LARGE, -1)
        if kind is str or kind is bool or kind is int:
            return value
        if kind is float:
            return _number(value)
        if kind is dict:
            return self._object(value)
        if isinstance(value, list):
            return [self.of(member) for member in value]
        date = getattr(value, "to_json", None)
        return self.of(date()) if date is not None else None

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        copy = {}
        for name, member in value.items():
            if type(member) in _NO_FUNCTIONS or not is_function(member):
                self._left -= len(name) + 4
                copy[name] = self.of(member)
        return copy


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= _LARGEST_EXACT else value
