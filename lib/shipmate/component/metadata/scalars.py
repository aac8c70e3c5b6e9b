"""Makes sample texts and numbers."""

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any, Final

from shipmate.component.metadata.differences import fraction_of, is_regular_expression
from shipmate.component.metadata.schemas import Schema

_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:30:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "idn-email": "ada@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/name",
    "regex": "^a+$",
    "time": "09:30:00Z",
    "uri": "https://example.com/",
    "uri-reference": "/name",
    "url": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_LONGEST: Final = 10_000
# Tried in turn for a pattern, alone and repeated.
_TEXTS: Final = (
    *("text", "Text", "a", "A", "1", "0", "12.50", "+491234567", "a-b", "A1", "EUR", "#1a2b3c", "a/b", "a, b"),
    *_FORMATS.values(),
)
_KEYWORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "string": ("format", "pattern", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def text_of(schema: Schema, nth: int) -> str:
    """Return the nth of several different texts that a schema allows."""
    least, most = min(schema.get("minLength", 0), _LONGEST), schema.get("maxLength", math.inf)
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and is_regular_expression(pattern):
        fits = re.compile(pattern).search  # pattern: an author's schema, for commands that run the author's code, too
        fitting = (text for text in _texts() if least <= len(text) <= most and fits(text))
        candidates = list(islice(fitting, nth + 1))
        return candidates[-1] if candidates else "text"
    text = _FORMATS.get(str(schema.get("format")), "")
    if text and not nth and least <= len(text) <= most:
        return text
    suffix = str(nth) if nth else ""
    text = (text or "text") + suffix
    text += "x" * max(0, least - len(text))
    return text if len(text) <= most else f"{text[: max(0, int(most) - len(suffix))]}{suffix}"[: int(most)]


def number_of(schema: Schema, nth: int) -> int | float:
    """Return the nth of several different numbers that a schema allows, the first if there are fewer."""
    number = next(islice(_numbers(schema), nth, None), None)
    return number if number is not None else next(_numbers(schema), 0)


def listed(value: Any) -> list[Any]:
    """Return a list unchanged, and any other value as the only item of a list."""
    return value if isinstance(value, list) else [value]


def type_of(schema: Schema) -> str:
    """Return the type of a sample: the first declared type, or the type to which the schema's keywords belong."""
    types = [kind for kind in listed(schema.get("type", [])) if kind != "null"]
    if types or "type" in schema:
        return str(types[0]) if types else "null"
    return next((kind for kind, words in _KEYWORDS.items() if any(word in schema for word in words)), "string")


def _numbers(schema: Schema) -> Iterator[int | float]:
    """Yield different numbers within the bounds, the simplest first."""
    step = fraction_of(schema.get("multipleOf", 1))
    low, high = _bound(schema, "minimum", "exclusiveMinimum", 1), _bound(schema, "maximum", "exclusiveMaximum", -1)
    start = low if low is not None else min(Fraction(1), high) if high is not None else Fraction(1)
    direction = -1 if low is None and high is not None else 1
    first = (math.ceil if direction > 0 else math.floor)(start / step)
    if not _whole(schema) and "multipleOf" not in schema and first * step != start:
        yield float(start)  # between two whole numbers
    for index in range(200):
        number = (first + index * direction) * step
        is_inside = (high is None or number <= high) and (low is None or number >= low)
        if is_inside and (number.denominator == 1 or not _whole(schema)):
            yield int(number) if number.denominator == 1 else float(number)


def _bound(schema: Schema, inclusive: str, exclusive: str, direction: int) -> Fraction | None:
    """Return the first number that is allowed: the least with direction 1, the greatest with -1.

    An exclusive bound is a number since draft 6, and before a boolean that changes the other bound.
    """
    bound, excluded = schema.get(inclusive), schema.get(exclusive)
    if excluded is True:
        bound, excluded = None, bound
    bounds = [] if bound is None else [fraction_of(bound)]
    if excluded is not None and not isinstance(excluded, bool):
        whole = (math.floor(excluded) + 1) if direction > 0 else (math.ceil(excluded) - 1)
        bounds.append(fraction_of(whole if _whole(schema) else math.nextafter(excluded, direction * math.inf)))
    return (max if direction > 0 else min)(bounds, default=None)


def _whole(schema: Schema) -> bool:
    return type_of(schema) == "integer"


def _texts() -> Iterator[str]:
    yield from _TEXTS
    for length in range(1, 65):
        for text in ("a", "A", "0", "1", "aB3"):
            yield (text * length)[:length]
