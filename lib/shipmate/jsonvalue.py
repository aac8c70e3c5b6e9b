"""JSON: plain copies of values, writing, strict reading, JSON pointers, and the words for kinds of values."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NoReturn
from uuid import UUID

from shipmate.errors import InvalidMessage
from shipmate.wording import not_utf8

_UNCHANGED: Final = frozenset({str, int, bool, type(None)})
# orjson.loads turns integers of more than 64 bits into floats; they have 19 digits or more.
_DIGITS: Final = bytes(ord("0") if chr(code).isdecimal() and code < 128 else ord(" ") for code in range(256))
_MAYBE_BIG_INTEGER: Final = b"0" * 19
# A run of 19 digits contains three characters of any sample of every sixth one, so the sample rules out most texts.
_SAMPLED: Final = 6
_MAYBE_DIGITS: Final = b"000"
_DECIMAL_DIGITS: Final = 19
"""The most digits before or zeros after the point of a decimal that becomes a number; more could take all memory."""
_SCALARS: Final = (str, int, float)
_NUMBERS: Final = (int, float)

BOM: Final = "\ufeff"
"""The byte order mark, which some programs write before JSON in UTF-8. Source: RFC 8259 §8.1."""

KINDS: Final[Mapping[str, str]] = {
    "object": "an object", "array": "an array", "string": "text", "boolean": "a boolean", "null": "nothing",
    "integer": "a whole number", "number": "a number",
}  # fmt: skip
"""The words for the types of JSON Schema."""
_TYPE_NAMES: Final = ((Mapping, "object"), ((list, tuple), "array"), (str, "string"), (bool, "boolean"),
                      (type(None), "null"))  # fmt: skip


class InvalidJson(ValueError):
    """A text is not JSON; the message completes "expected JSON, found ..." and quotes nothing of the text."""


class _NoJsonForm(Exception):
    """A value has no JSON form; each level that the exception passes adds its step to the path."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found
        self.path: list[str | int] = []
        """The innermost step first."""


def plain(value: Any) -> Any:
    """Return a deep copy that consists of JSON only: dates as text, NaN and infinities as None, tuples as lists.

    Raises:
        InvalidMessage: A part has no JSON form; the message has its JSON pointer, never the value.
    """
    try:
        return _plain(value)
    except _NoJsonForm as error:
        place = f"at {pointer_to(*reversed(error.path))}" if error.path else "at the top"
        raise InvalidMessage(f"Not JSON: {error.found} {place}") from None
    except RecursionError:
        raise InvalidMessage("Not JSON: nested too deeply, or containing itself") from None


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _UNCHANGED:
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
                original, name = name, None  # a refused name is no step of the path
                name = _plain_name(original)
            copy[name] = member if type(member) in _UNCHANGED else _plain(member)
    except _NoJsonForm as error:
        if name is not None:
            error.path.append(name)
        raise
    return copy


def _plain_name(name: object) -> str:
    if isinstance(name, Enum):
        name = name.value
    if isinstance(name, str):
        return str.__str__(name)
    raise _NoJsonForm(f"a name of type {type(name).__name__}, not text: use str(...),")


def _plain_array(value: "list[Any] | tuple[Any, ...]") -> list[Any]:
    copy: list[Any] = []
    try:
        for member in value:
            copy.append(member if type(member) in _UNCHANGED else _plain(member))
    except _NoJsonForm as error:
        error.path.append(len(copy))
        raise
    return copy


def _plain_other(value: object) -> Any:
    """Copy the rarer types; a subclass of a JSON type becomes that type."""
    match value:
        case Enum():
            return _plain(value.value)
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
        case Decimal():
            return _plain_decimal(value)
        case UUID():
            return str(value)
    return _plain_record(value)


def _plain_decimal(value: Decimal) -> int | float | str | None:
    """Return a number if that loses nothing, otherwise text; None for NaN and infinities, as for floats.

    >>> [_plain_decimal(Decimal(text)) for text in ("4.02", "7", "0.1234567890123456789", "1E+999999", "NaN")]
    [4.02, 7, '0.1234567890123456789', '1E+999999', None]
    """
    if not value.is_finite():
        return None
    if abs(value.adjusted()) < _DECIMAL_DIGITS:
        if value == value.to_integral_value():
            return int(value)
        # The shortest text of a float that reads back as it: what stands in the JSON.
        if Decimal(repr(number := float(value))) == value:
            return number
    return str(value)


def _plain_record(value: object) -> dict[str, Any]:
    """Return the fields of a dataclass or of an attrs class; any other value has no JSON form."""
    fields = getattr(type(value), "__dataclass_fields__", None)
    if isinstance(fields, dict):
        import dataclasses

        names = [each.name for each in dataclasses.fields(value)]  # type: ignore[arg-type]  # it has fields
        return _plain_object({name: getattr(value, name) for name in names})
    attributes = getattr(type(value), "__attrs_attrs__", None)
    if isinstance(attributes, tuple):
        return _plain_object({each.name: getattr(value, each.name) for each in attributes})
    kind = type(value).__name__
    raise _NoJsonForm(f"found {kind}{_remedy(value)}")


def _remedy(value: object) -> str:
    """Return what to do with a value that has no JSON form, empty if it is not known."""
    match value:
        case set() | frozenset():
            return ", which has no order: use sorted(...) or list(...)"
        case bytes() | bytearray() | memoryview():
            return ": decode it to text, use base64, or upload it as an attachment"
        case Iterator():
            return ": use list(...)"
        case type():
            return ", a class: use an instance"
    return ": convert it to a dict, a list, text or a number" if not callable(value) else ", a function: call it"


def _datetime_text(moment: datetime) -> str:
    """Return ISO 8601 text, UTC as JavaScript writes it: with milliseconds and ``Z``, like the other runtimes.

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
        InvalidMessage: A part has no JSON form; the message has its JSON pointer, never the value.
    """
    import marshal

    import orjson  # 4 ms, which a command without output does not need

    try:
        # marshal refuses what orjson would write in its own way (enumerations, UUIDs, subclasses), and is much
        # faster than `plain`.
        marshal.dumps(value)
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return encode(plain(value))


def encode(value: Any) -> bytes:
    """Return JSON for a value that `plain` returned, without another walk through it.

    Raises:
        InvalidMessage: An integer is too long, or the value is not from `plain`.
    """
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
        raise InvalidMessage("Not JSON: an integer is too long, or the value is not a plain copy") from None


def from_json(data: bytes | bytearray | memoryview | str) -> Any:
    """Return the value of JSON text, with or without BOM; integers of any length and lone surrogates survive.

    Raises:
        InvalidJson: The text is not JSON.
    """
    import orjson

    if not isinstance(data, str):
        data = bytes(data)
    encoded = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if not _may_have_big_integer(encoded):
        try:
            return orjson.loads(encoded)
        except ValueError:  # not JSON, or with a BOM, lone surrogates, or more than 1024 levels
            pass
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(not_utf8(error)) from None
    return parse_json(text)


def parse_json(text: str, *, make_object: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of JSON text, with or without BOM, and without importing orjson.

    It is for files and options, which are read once.

    Args:
        text: The text.
        make_object: Makes an object of its pairs of name and value, the repeated names included; a dict by default.

    Raises:
        InvalidJson: The text is not JSON, or contains ``NaN`` or ``Infinity``.

    >>> parse_json('{"a": [NaN]}')
    Traceback (most recent call last):
    shipmate.jsonvalue.InvalidJson: NaN, which is not JSON
    """
    import json

    try:
        return json.loads(text.removeprefix(BOM), parse_constant=_refuse_constant, object_pairs_hook=make_object)
    except json.JSONDecodeError as error:  # not chained: it holds the whole text
        if not text.removeprefix(BOM).strip():
            raise InvalidJson("nothing") from None
        problem, position = _slip(text, error.msg, error.pos)
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        raise InvalidJson(f"an error at line {line}, column {column} ({problem})") from None
    except InvalidJson:
        raise
    except ValueError:  # sys.get_int_max_str_digits
        raise InvalidJson("a number with too many digits") from None
    except RecursionError:
        raise InvalidJson("a value that is nested too deeply") from None


class Members(dict[str, Any]):
    """A JSON object that knows which of its keys the text repeats; `parse_json` makes it with ``make_object``."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        """Keep the last of equal keys, like all JSON parsers."""
        super().__init__(pairs)
        counts: dict[str, int] = {}
        for name, _ in pairs if len(pairs) > len(self) else ():
            counts[name] = counts.get(name, 0) + 1
        self.repeated = [name for name, count in counts.items() if count > 1]


def repeated_keys(value: Any, pointer: str = "") -> Iterator[str]:
    """Yield the JSON pointers of the keys that an object within a value repeats.

    >>> list(repeated_keys(parse_json('[{"a": 1, "a": 2}]', make_object=Members)))
    ['/0/a']
    """
    if isinstance(value, Members):
        yield from (pointer + pointer_to(name) for name in value.repeated)
    for step, member in members_of(value):
        yield from repeated_keys(member, pointer + pointer_to(step))


def texts_within(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts at any depth of a value, each with its JSON pointer before it.

    >>> list(texts_within({"to": "mail", "lines": [1, "sku"]}))
    [('/to', 'mail'), ('/lines/1', 'sku')]
    """
    if isinstance(value, str):
        yield pointer, value
    for step, member in members_of(value):
        yield from texts_within(member, pointer + pointer_to(step))


def members_of(value: Any) -> Iterable[tuple[str | int, Any]]:
    """Return the members of an object or an array, each with its step of a JSON pointer."""
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()


def _slip(text: str, problem: str, position: int) -> tuple[str, int]:
    """Return the problem of a JSON text and its position: of a comma too many, and of a comma that is missing."""
    before = len(text[:position].rstrip())
    if text[position : position + 1] in ("}", "]") and text[before - 1 : before] == ",":
        return f"a comma before {text[position]}", before - 1
    if text[position : position + 1] == "," and text[before - 1 : before] == ",":
        return "two commas", position
    if problem.startswith("Illegal trailing comma"):  # Python 3.13 and later
        return f"a comma before {text[position + 1 :].lstrip()[:1]}", position
    if problem == "Expecting ',' delimiter" and "\n" in text[before:position]:
        return "a missing comma", before
    return f"{problem[:1].lower()}{problem[1:]}", position


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name}, which is not JSON")


class StoredJson:
    """A value that is copied often; parsing its JSON is the fastest way to copy it.

    >>> stored = StoredJson({"next": 7})
    >>> stored.copy()["next"] = 8
    >>> stored.copy()
    {'next': 7}
    """

    __slots__ = ("_json", "_load")

    def __init__(self, value: Any) -> None:
        """Store the JSON of a value.

        Raises:
            InvalidMessage: The value has no JSON form.
        """
        import orjson

        self._json = to_json(value)
        # Decided once and not for each copy: the text stays the same.
        self._load: Callable[[bytes], Any] = from_json if _may_have_big_integer(self._json) else orjson.loads
        self.copy()

    def copy(self) -> Any:
        """Return a copy of the value."""
        try:
            return self._load(self._json)
        except ValueError:  # lone surrogates, or many levels
            self._load = from_json
            return from_json(self._json)


def _may_have_big_integer(text: bytes) -> bool:
    if _MAYBE_DIGITS not in text[::_SAMPLED].translate(_DIGITS):
        return False
    return _MAYBE_BIG_INTEGER in text.translate(_DIGITS)


def pointer_to(*steps: str | int) -> str:
    """Return the JSON pointer of nested members and items.

    >>> pointer_to("actions", "a/b", 0)
    '/actions/a~1b/0'

    Source: RFC 6901 §3.
    """
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(pointer: str) -> list[str]:
    """Return the names and indexes in a JSON pointer.

    >>> steps_of("/actions/a~1b/0")
    ['actions', 'a/b', '0']

    Source: RFC 6901 §4.
    """
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def kind_of(value: Any) -> str:
    """Return the words for the kind of a JSON value, as error messages have them.

    >>> kind_of({}), kind_of("secret"), kind_of(None)
    ('an object', 'text', 'nothing')
    """
    return next((KINDS[name] for type_, name in _TYPE_NAMES if isinstance(value, type_)), KINDS["number"])


def object_member(value: Any, name: str) -> dict[str, Any]:
    """Return a member that is an object, or ``{}`` if it is missing or something else.

    >>> object_member({"fields": {"a": 1}}, "fields"), object_member({"fields": []}, "fields"), object_member(7, "x")
    ({'a': 1}, {}, {})
    """
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def member_at(value: Any, path: str) -> Any:
    """Return the member of nested objects at a path, None if it is missing; the value itself for an empty path.

    >>> member_at({"meta": {"total": 3}}, "meta.total"), member_at([1], "total"), member_at([1], "")
    (3, None, [1])
    """
    for name in filter(None, path.split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def is_falsy(value: Any) -> bool:
    """Return whether a value is false in JavaScript, where objects and arrays are always true.

    >>> [is_falsy(value) for value in (None, False, 0, "", math.nan)], [is_falsy(value) for value in ({}, [], "0")]
    ([True, True, True, True, True], [False, False, False])
    """
    return value is None or (isinstance(value, _SCALARS) and (not value or value != value))


def is_empty(value: Any) -> bool:
    """Return whether a value has no content for the official runtime: nothing, empty, a number, or a boolean.

    >>> [is_empty(value) for value in (None, {}, [], "", 7, True)], [is_empty(value) for value in ({"a": 1}, "text")]
    ([True, True, True, True, True, True], [False, False])
    """
    return not value or isinstance(value, _NUMBERS)
