"""Members of nested objects, named by a path: ``meta.total``."""

from collections.abc import Mapping
from typing import Any


def has_member(value: Any, path: str) -> bool:
    """Return whether the member at a path exists, be it null.

    >>> has_member({"data": None}, "data"), has_member({"data": None}, "items")
    (True, False)
    """
    for name in path.split(".") if path else ():
        if not isinstance(value, Mapping) or name not in value:
            return False
        value = value[name]
    return True


def wrapped(value: Any, path: str) -> Any:
    """Return an object with the value at a path; the value itself for an empty path.

    >>> wrapped({"name": "Ada"}, "data.contact")
    {'data': {'contact': {'name': 'Ada'}}}
    """
    for name in reversed(path.split(".")) if path else ():
        value = {name: value}
    return value


def is_missing(value: Any) -> bool:
    """Return whether a value is not filled in; 0 and False are values.

    >>> [is_missing(value) for value in (None, "", 0, False)]
    [True, True, False, False]
    """
    return value is None or value == ""
