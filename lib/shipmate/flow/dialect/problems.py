"""Words the errors of JSONata without the values that caused them: these are parts of a message."""

import re
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.utils import Utils

from shipmate.flow.dialect.patterns import INVALID_PATTERN
from shipmate.flow.dialect.values import TOO_LARGE, is_function
from shipmate.jsonvalue import kind_of

_PLACEHOLDER: Final = re.compile(r"\{\{\{?(\w+)\}?\}\}")
_OWN: Final = frozenset({"D3137", "D3141"})
"""The codes of ``$error`` and ``$assert``, whose texts are the author's."""
_OF_MESSAGE: Final = frozenset({"value", "value2", "exp"})
"""The placeholders that stand for values; the others stand for parts of the expression."""
_TEXTS: Final = {
    INVALID_PATTERN: "The regular expression is invalid: {{token}}",
    TOO_LARGE: "The result is larger than 10 MB, the limit of a message",
    "D1011": "The expression is nested too deeply, or a function calls itself too often before its last step",
    "D1012": "The expression takes longer than {{token}} seconds",
    "D3140": "A URL has a wrong escape",
}


def problem(error: Exception, *, is_static: bool = False) -> tuple[str, str, int | None]:
    """Return what is wrong in an expression: JSONata's code, a sentence, and a position in characters.

    Args:
        error: The exception of jsonata-python, or any that escapes from it.
        is_static: Whether the expression was compiled, not evaluated.
    """
    match error:
        case JException():
            position = error.location if error.location is not None and error.location > 0 else None
            return _code(error), _sentence(error), position
        case RecursionError():
            return "D1011", _TEXTS["D1011"], None
        case MemoryError():
            return TOO_LARGE, _TEXTS[TOO_LARGE], None
        case OverflowError():
            return "D1001", "A number is out of range", None
    if is_static:
        return "S0201", "Syntax error", None
    # The texts of other exceptions quote values.
    return "D0000", f"The expression cannot be evaluated ({type(error).__name__})", None


def _code(error: JException) -> str:
    if error.error == "S0301" and error.current is not None:
        return "S0103"
    return error.error if re.fullmatch("[A-Z][0-9]{4}|[a-z]+", error.error) else "D0000"


def _sentence(error: JException) -> str:
    code = _code(error)
    template = _TEXTS.get(code) or JException.error_codes.get(code)
    if template is None:
        # Some errors of jsonata-python have a sentence instead of a code.
        return error.error if " " in error.error else "The expression cannot be evaluated"
    parts = iter((error.current, error.expected, error.extra))
    is_static = error.error.startswith("S")

    def filled(placeholder: "re.Match[str]") -> str:
        part = next(parts, None)
        if placeholder[1] in _OF_MESSAGE and not is_static:
            return _kind(part)
        return str(part)

    if error.error in _OWN:
        return str(error.current)
    return _PLACEHOLDER.sub(filled, template).replace(" Object ", " function ")


def _kind(value: Any) -> str:
    if value is Utils.NULL_VALUE:
        return "null"
    return "a function" if is_function(value) else kind_of(value)
