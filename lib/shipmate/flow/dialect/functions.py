"""The built-in functions that have other results in jsonata-python than in JavaScript."""

import base64
import copy
import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.signature import Signature
from jsonata.utils import Utils

from shipmate.flow.dialect import matching, texts
from shipmate.flow.dialect.values import LARGEST_RESULT, TOO_LARGE, is_function, is_truthy
from shipmate.flow.zone import local_zone

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
_TIME: Final = re.compile(
    r"[0-9]{4}(?:-[01][0-9]){0,2}(?:-[0-3][0-9]){0,2}(?:T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]){0,2}(?:\.[0-9]+)?"
    r"(?:[+-][0-2][0-9]:?[0-5][0-9]|Z)?"
)
"""The texts that ``$toMillis`` accepts; some of them are no times."""
_LONGEST_TIME: Final = 200
"""The most characters of a text that a picture can match."""
_PARTS: Final = re.compile(
    r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?(?:T([0-9:]{8})(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NOT_BASE64: Final = re.compile("[^A-Za-z0-9+/]")
_MALFORMED_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RESERVED: Final = frozenset(";/?:@&=+$,#")
_ESCAPES: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")


class _Signature(Signature):  # type: ignore[misc]  # jsonata-python has no types
    """The signature of a function that tells null from undefined."""

    def get_symbol(self, value: Any) -> str:
        return "l" if value is Utils.NULL_VALUE else str(super().get_symbol(value))


class NativeFunction(Jsonata.JFunction):  # type: ignore[misc]  # jsonata-python has no types
    """A function in Python, with its signature in JSONata: ``NativeFunction("sum", "<a<n>:n>", total)``."""

    def __init__(self, name: str, signature: str, function: Callable[..., Any]) -> None:
        """Create the function.

        Args:
            name: Its name, without ``$``.
            signature: Its signature in JSONata.
            function: Takes the arguments by position; one that is left out is None, undefined.
        """
        super().__init__(None, None)
        self.function_name = name
        self.signature = _Signature(signature, name)
        self._function = function
        self._arguments = len(inspect.signature(function).parameters)

    def call(self, input: Any, args: list[Any] | None) -> Any:
        """Call the function; jsonata-python names the parameters."""
        given = list(args or ())
        given += [None] * (self._arguments - len(given))
        return _number(self._function(*given))

    def get_number_of_args(self) -> int:
        """Return the number of arguments that a partial application may give."""
        return self._arguments


def _number(value: Any) -> Any:
    """Return a whole number as ``int``: jsonata-python takes only these as an index or an end of a range."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sum(numbers: list[float] | None) -> float | None:
    """Add from left to right; ``sum`` of newer Pythons corrects the last bits."""
    return None if numbers is None else functools.reduce(lambda total, each: total + each, numbers, 0.0)


def _average(numbers: list[float] | None) -> float | None:
    total = _sum(numbers)
    return total / len(numbers) if numbers and total is not None else None


def _string(value: Any, is_pretty: bool | None) -> str | None:
    return None if value is None else texts.string(value, is_pretty=bool(is_pretty))


def _lowercase(text: Any) -> str | None:
    return None if text is None else text.lower()


def _pad(text: Any, width: float | None, filler: str | None) -> str | None:
    if width is not None and abs(width) > LARGEST_RESULT:
        raise JException(TOO_LARGE, -1)
    return Functions.pad(text, width, filler)  # type: ignore[no-any-return]


def _parsed(text: Any) -> float | None:
    """Return ``$number``: text has to be a number of JSON."""
    if text is None:
        return None
    if isinstance(text, int | float):
        return float(text) if isinstance(text, float) else int(text)
    if isinstance(text, str) and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return int(text) if text.lstrip("-").isdigit() else number
    raise JException("D3030", -1, text)


def _power(base: Any, exponent: Any) -> float | None:
    if base is None:
        return None
    if exponent is None:
        raise JException("D3061", -1, base, exponent)
    try:
        result: Any = float(base) ** float(exponent)
    except (OverflowError, ZeroDivisionError):
        result = math.inf
    if isinstance(result, complex) or not math.isfinite(result):
        raise JException("D3061", -1, base, exponent)
    return float(result)


def _distinct(values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    seen, distinct = set(), []
    for each in values:
        if (key := _key(each)) not in seen:
            seen.add(key)
            distinct.append(each)
    return Utils.create_sequence_from_iter(distinct) if Utils.is_sequence(values) else distinct


def _key(value: Any) -> Any:
    """Return a key that is the same for equal values only: true and 1 are not equal."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, dict):
        return "object", frozenset((name, _key(member)) for name, member in value.items())
    if isinstance(value, list):
        return "list", tuple(map(_key, value))
    return value if isinstance(value, str | int | float) else ("other", id(value))


def _sort(values: list[Any] | None, comparator: Any) -> Any:
    """Sort by a comparator, or numbers and texts by their values."""
    if values is None or len(values) <= 1:
        return values
    if comparator is not None:
        return _merge_sorted(values, comparator)
    if not (Utils.is_array_of_numbers(values) or Utils.is_array_of_strings(values)):
        raise JException("D3070", -1)
    return sorted(values, key=_code_units if isinstance(values[0], str) else None)


def _merge_sorted(values: list[Any], is_behind: Any) -> list[Any]:
    """Sort as the platform does: a comparator says only whether one value has to stand behind another."""
    if len(values) <= 1:
        return list(values)
    middle = len(values) // 2
    left, right = _merge_sorted(values[:middle], is_behind), _merge_sorted(values[middle:], is_behind)
    merged, first, second = [], 0, 0
    while first < len(left) and second < len(right):
        if is_truthy(Functions.func_apply(is_behind, [left[first], right[second]])):
            merged.append(right[second])
            second += 1
        else:
            merged.append(left[first])
            first += 1
    return [*merged, *left[first:], *right[second:]]


def _code_units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _base64encode(text: Any) -> str | None:
    """Encode the low bytes of the characters, as ``btoa`` does."""
    if text is None:
        return None
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")[::2]).decode("ascii")


def _base64decode(text: Any) -> str | None:
    """Decode into characters up to U+00FF, as ``atob`` does; what is no Base64 is skipped."""
    if text is None:
        return None
    digits = _NOT_BASE64.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    digits = digits[: -1 if len(digits) % 4 == 1 else None]
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1")


def _encoder(name: str, unreserved: str) -> Callable[[Any], str | None]:
    def encode(text: Any) -> str | None:
        try:
            return None if text is None else quote(text, safe=unreserved)
        except UnicodeEncodeError:
            raise JException("D3140", -1, text, name) from None

    return encode


def _decoder(name: str, kept: frozenset[str]) -> Callable[[Any], str | None]:
    def decoded(escapes: "re.Match[str]") -> str:
        text = unquote(escapes.group(), errors="strict")
        return "".join(quote(each, safe="") if each in kept else each for each in text)

    def decode(text: Any) -> str | None:
        if text is None:
            return None
        if _MALFORMED_ESCAPE.search(text):
            raise JException("D3140", -1, text, name)
        try:
            return _ESCAPES.sub(decoded, text)
        except UnicodeDecodeError:
            raise JException("D3140", -1, text, name) from None

    return decode


def clone(value: Any) -> Any:
    """Return a deep copy whose nulls are the evaluator's; the copy of a function is an empty text, as in JSON."""
    if isinstance(value, Mapping) and type(value) is dict:
        return {name: clone(member) for name, member in value.items()}
    if isinstance(value, list):
        return [clone(member) for member in value]
    return value


def _format_number(value: Any, picture: str, options: Any) -> Any:
    """Round the decimal digits that a number is written with, not those of its binary value, and halves to even."""
    has_exponent = (options or {}).get("exponent-separator", "e") in picture
    if isinstance(value, float) and math.isfinite(value) and not has_exponent:
        digits = _fraction_digits(picture.split(";")[-1 if value < 0 else 0], options or {})
        value = round(Decimal(repr(value)), digits)
    return Functions.format_number(value, picture, options)


def _fraction_digits(picture: str, options: Mapping[str, str]) -> int:
    """Return how many digits of a number's fraction a picture shows, at most."""
    fraction = picture.partition(options.get("decimal-separator", "."))[2]
    digits = sum(each.isdigit() or each == options.get("digit", "#") for each in fraction)
    if options.get("percent", "%") in picture:
        return digits + 2
    return digits + 3 if options.get("per-mille", "\u2030") in picture else digits


def _parse_integer(text: Any, picture: Any) -> Any:
    try:
        return Functions.parse_integer(text, picture)
    except (KeyError, ValueError):
        return math.nan


def _to_millis(text: Any, picture: Any) -> Any:
    """Return the milliseconds since 1970 of a time, NaN for one that does not exist."""
    if text is None or picture is not None:
        # The pattern of jsonata-python for a picture backtracks: its time grows with a power of the text's length.
        return None if len(text or "") > _LONGEST_TIME else Functions.datetime_to_millis(text, picture)
    if not _TIME.fullmatch(text):
        raise JException("D3110", -1, text)
    if (parts := _PARTS.fullmatch(text)) is None:
        return math.nan
    year, month, day, clock, fraction, zone = parts.groups()
    written = f"{year}-{month or '01'}-{day or '01'}T{clock or '00:00:00'}{(fraction or '')[:7]}{zone or ''}"
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return math.nan
    if time.tzinfo is None:
        time = time.replace(tzinfo=local_zone() if clock else UTC)
    return (time - EPOCH) // timedelta(milliseconds=1)


def _type(value: Any) -> Any:
    return "function" if value is not None and is_function(value) else Functions.type(value)


def _now(picture: Any, zone: Any) -> Any:
    return Functions.datetime_from_millis(Jsonata.CURRENT.jsonata.timestamp, picture, zone)


def _millis() -> Any:
    return Jsonata.CURRENT.jsonata.timestamp


_SIGNATURES: Final[Mapping[str, tuple[str, Callable[..., Any]]]] = {
    "sum": ("<a<n>:n>", _sum),
    "average": ("<a<n>:n>", _average),
    "string": ("<x-b?:s>", _string),
    "lowercase": ("<s-:s>", _lowercase),
    "pad": ("<s-ns?:s>", _pad),
    "match": ("<s-f<s:o>n?:a<o>>", matching.match),
    "contains": ("<s-(sf):b>", matching.contains),
    "replace": ("<s-(sf)(sf)n?:s>", matching.replace),
    "split": ("<s-(sf)n?:a<s>>", matching.split),
    "number": ("<(nsb)-:n>", _parsed),
    "power": ("<n-n:n>", _power),
    "distinct": ("<x:x>", _distinct),
    "sort": ("<af?:a>", _sort),
    "base64encode": ("<s-:s>", _base64encode),
    "base64decode": ("<s-:s>", _base64decode),
    "encodeUrlComponent": ("<s-:s>", _encoder("encodeUrlComponent", "-_.!~*'()")),
    "encodeUrl": ("<s-:s>", _encoder("encodeUrl", "-_.!~*'();/?:@&=+$,#")),
    "decodeUrlComponent": ("<s-:s>", _decoder("decodeUrlComponent", frozenset())),
    "decodeUrl": ("<s-:s>", _decoder("decodeUrl", _RESERVED)),
    "clone": ("<(oa)-:o>", clone),
    "formatNumber": ("<n-so?:s>", _format_number),
    "parseInteger": ("<s-s:n>", _parse_integer),
    "toMillis": ("<s-s?:n>", _to_millis),
    "type": ("<x:s>", _type),
    "now": ("<s?s?:s>", _now),
    "millis": ("<:n>", _millis),
}


def _with_nulls(function: Any) -> Any:
    """Return a copy of a function of jsonata-python whose signature tells null from undefined."""
    corrected = copy.copy(function)
    corrected.signature = copy.copy(function.signature)
    corrected.signature.__class__ = _Signature
    return corrected


FUNCTIONS: Final = {
    **{name: _with_nulls(function) for name, function in Jsonata.static_frame.bindings.items()},
    **{name: NativeFunction(name, signature, function) for name, (signature, function) in _SIGNATURES.items()},
}
"""All functions by name, without ``$``."""
