"""JSON values: plain copies of them, their bytes, and how they are read."""

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final, NoReturn

from shipmate.errors import InvalidMessage

_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})
# orjson.loads turns integers of more than 64 bits into floats; none of fewer than 19 digits is that long.
_DIGITS: Final = bytes(ord("0") if chr(code).isdecimal() and code < 128 else ord(" ") for code in range(256))
_MAYBE_BIG_INTEGER: Final = b"0" * 19
# Of any 19 characters in a row, three are among every sixth one: a look at these mostly suffices.
_SAMPLED: Final = 6
_MAYBE_DIGITS: Final = b"000"


class _NotJson(Exception):
    """A value that has no JSON form; collects the way to it while it rises."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found
        self.way: list[str] = []

    def pointer(self) -> str:
        """Return the JSON pointer of the value. Source: RFC 6901 §3."""
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in reversed(self.way))


def plain(value: Any) -> Any:
    """Return a deep copy that consists of JSON only: dates as text, NaN and infinities as None, tuples as lists.

    Raises:
        InvalidMessage: Something in it has no JSON form; the text has its place, never the value.
    """
    try:
        return _plain(value)
    except _NotJson as refused:
        where = f"at {refused.pointer()}" if refused.way else "at the top"
        raise InvalidMessage(f"Not JSON: {refused.found} {where}") from None
    except RecursionError:
        raise InvalidMessage("Not JSON: nested too deeply, or containing itself") from None


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return _plain_object(value)
    if kind is list or kind is tuple:
        return _plain_array(value)
    if kind is float:
        return value if math.isfinite(value) else None
    return _plain_other(value)


def _plain_object(value: Mapping[Any, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    name: Any = None
    try:
        for name, member in value.items():
            if type(name) is not str:
                given, name = name, None  # a refused name is no step of the way
                name = _plain_name(given)
            copy[name] = member if type(member) in _AS_THEY_ARE else _plain(member)
    except _NotJson as refused:
        if name is not None:
            refused.way.append(name)
        raise
    return copy


def _plain_name(name: object) -> str:
    if isinstance(name, str) and not isinstance(name, Enum):
        return str.__str__(name)
    raise _NotJson(f"a name of type {type(name).__name__}, not text,")


def _plain_array(value: "list[Any] | tuple[Any, ...]") -> list[Any]:
    copy: list[Any] = []
    try:
        for member in value:
            copy.append(member if type(member) in _AS_THEY_ARE else _plain(member))
    except _NotJson as refused:
        refused.way.append(str(len(copy)))
        raise
    return copy


def _plain_other(value: object) -> Any:
    """Encode the rarer kinds; subclasses of what JSON has lose what JSON has not."""
    match value:
        case Enum():
            raise _NotJson(f"found {type(value).__name__}")
        case Mapping():
            return _plain_object(value)
        case list() | tuple():
            return _plain_array(value)
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return _plain(float.__float__(value))
        case datetime():
            return _datetime_text(value)
        case date() | time():
            return value.isoformat()
    raise _NotJson(f"found {type(value).__name__}")


def _datetime_text(moment: datetime) -> str:
    """Return ISO 8601 text; UTC the way that JavaScript writes it, because the other runtimes do.

    >>> from datetime import timezone
    >>> _datetime_text(datetime(2026, 1, 2, 3, 4, 5, 678000, timezone.utc))
    '2026-01-02T03:04:05.678Z'
    """
    if moment.utcoffset() != timedelta(0):
        return moment.isoformat()
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def to_json(value: Any) -> bytes:
    """Return the value as JSON in UTF-8.

    Raises:
        InvalidMessage: Something in it has no JSON form; the text has its place, never the value.
    """
    import marshal

    import orjson  # 4 ms that a command without output does not need

    try:
        # Refuses what orjson would write in its own way: enumerations, UUIDs, subclasses. Much faster than `plain`.
        marshal.dumps(value)
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return encode(plain(value))


def encode(value: Any) -> bytes:
    """Return JSON for a value that `plain` made; without another walk through it."""
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:  # integers over 64 bits, lone surrogates, more than 254 levels
        return _encode_slowly(value)


def _encode_slowly(value: Any) -> bytes:
    import json

    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, TypeError, RecursionError):
        raise InvalidMessage("Not JSON: an integer that is too long, or a value that was not made plain") from None


def from_json(data: bytes | bytearray | memoryview | str) -> Any:
    """Return the value of JSON text; integers of any length and lone surrogates survive.

    Raises:
        ValueError: It is not JSON; the text has line and column, and nothing of the content.
    """
    import orjson

    if not isinstance(data, str):
        data = bytes(data)
    searched = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if not _may_have_big_integer(searched):
        try:
            return orjson.loads(searched)
        except ValueError:  # not JSON, or with lone surrogates, or more than 1024 levels
            pass
    return _decode_slowly(data)


class StoredJson:
    """A value of which many copies are made; that is quickest from its JSON.

    >>> stored = StoredJson({"next": 7})
    >>> stored.copy()["next"] = 8
    >>> stored.copy()
    {'next': 7}
    """

    __slots__ = ("_json", "_load")

    def __init__(self, value: Any) -> None:
        """Keep a value.

        Raises:
            InvalidMessage: It has no JSON form.
        """
        import orjson

        self._json = to_json(value)
        # Looked at once, and not for each copy: what orjson reads as it was written, it always does.
        self._load: Callable[[bytes], Any] = from_json if _may_have_big_integer(self._json) else orjson.loads
        self.copy()

    def copy(self) -> Any:
        """Return a copy."""
        try:
            return self._load(self._json)
        except ValueError:  # lone surrogates, or many levels
            self._load = from_json
            return from_json(self._json)


def _may_have_big_integer(text: bytes) -> bool:
    if _MAYBE_DIGITS not in text[::_SAMPLED].translate(_DIGITS):
        return False
    return _MAYBE_BIG_INTEGER in text.translate(_DIGITS)


def _decode_slowly(data: bytes | str) -> Any:
    import json

    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:  # it holds the whole text, hence not chained
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
