"""Numbers and values as text, written as JavaScript writes them."""

import json
import math
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.utils import Utils

from shipmate.flow.dialect.values import is_function

_FIFTEEN_DIGITS: Final = Context(prec=15, rounding=ROUND_HALF_UP, Emax=999, Emin=-999)
_DECIMAL_UP_TO: Final = 1e21
_DECIMAL_FROM: Final = 1e-6
_EXACT: Final = 10**15
_INDENT: Final = "  "


def number_text(value: float) -> str:
    """Return a number as JavaScript's ``String(value)``.

    >>> [number_text(each) for each in (110.00000000000001, 5.0, 1e21, 1.5e-7, 0.000001, 123456789012345680000.0)]
    ['110.00000000000001', '5', '1e+21', '1.5e-7', '0.000001', '123456789012345680000']
    """
    if isinstance(value, int) and abs(value) < _EXACT:
        return str(value)
    value = float(value)
    if value == 0 or (value.is_integer() and abs(value) < _EXACT):
        return str(int(value))
    digits, _, exponent = repr(value).partition("e")
    if _DECIMAL_FROM <= abs(value) < _DECIMAL_UP_TO:
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"


def rounded(value: float) -> float:
    """Return a number with its first 15 digits: so ``$string`` hides the last bits of sums and products.

    >>> rounded(100 * 1.1)
    110.0
    """
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    return float(_FIFTEEN_DIGITS.create_decimal(Decimal(float(value))))


def string(value: Any, *, is_pretty: bool = False) -> str:
    """Return a value as ``$string`` does: text as it is, anything else as JSON.

    Args:
        value: A value of the evaluator, not undefined.
        is_pretty: Whether to put each member on a line of its own.

    Raises:
        JException: The value is infinite or no number (D3001).
    """
    if isinstance(value, Utils.JList) and value.outer_wrapper:
        value = value[0]
    if isinstance(value, str):
        return value
    if is_function(value):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        raise JException("D3001", -1, value)
    return "".join(_written(value, "\n" if is_pretty else None))


def _written(value: Any, line: str | None) -> Iterator[str]:
    """Yield the parts of the JSON of a value; ``line`` is the current line break with its indentation."""
    if isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    elif value is True or value is False:
        yield "true" if value else "false"
    elif value is None or value is Utils.NULL_VALUE:
        yield "null"
    elif isinstance(value, int | float):
        if not math.isfinite(value):
            raise JException("D1001", -1, value)
        yield number_text(rounded(value))
    elif is_function(value):
        yield '""'
    elif (to_json := getattr(value, "to_json", None)) is not None:
        yield from _written(to_json(), line)
    elif isinstance(value, dict):
        yield from _bracketed("{", "}", list(value.items()), _member, line)
    else:
        yield from _bracketed("[", "]", list(value), _written, line)


def _member(member: tuple[str, Any], line: str | None) -> Iterator[str]:
    yield json.dumps(member[0], ensure_ascii=False)
    yield ":" if line is None else ": "
    yield from _written(member[1], line)


def _bracketed(
    opening: str,
    closing: str,
    members: list[Any],
    written: Callable[[Any, str | None], Iterator[str]],
    line: str | None,
) -> Iterator[str]:
    yield opening
    inner = None if line is None else line + _INDENT
    for index, member in enumerate(members):
        yield "," if index else ""
        yield inner or ""
        yield from written(member, inner)
    if members and line is not None:
        yield line
    yield closing
