"""Regular expressions of JavaScript, translated for the package regex, which can end a search that takes too long."""

import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import regex
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata

if TYPE_CHECKING:
    from jsonata.regex_engine import RegexFlags

_SPACE: Final = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_LINE_ENDS: Final = r"\n\r\u2028\u2029"
_MEMBERS: Final = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACE}
"""The members of the classes of characters. Source: ECMA-262 §22.2.2.9."""
_NEGATED_IN_CLASS: Final = {
    "D": r"\x00-/:-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "S": r"\x00-\x08\x0e-\x1f!-\u009f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
         r"\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff",
}  # fmt: skip
_BOUNDARIES: Final = {"b": r"(?a:\b)", "B": r"(?a:\B)"}
_SAME_IN_PYTHON: Final = frozenset("ntrfv123456789")
_NUMBERED: Final = {"x": 2, "u": 4}
_QUANTIFIER: Final = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")


class Pattern:
    """A compiled pattern of an expression, with the methods that jsonata-python asks of one.

    Raises:
        regex.error: The pattern is none.
    """

    __slots__ = ("_compiled",)

    def __init__(self, pattern: str, *, ignores_case: bool = False, is_multiline: bool = False) -> None:
        """Translate and compile the pattern.

        Args:
            pattern: The text between the slashes.
            ignores_case: Whether the flag ``i`` stands behind it.
            is_multiline: Whether the flag ``m`` stands behind it.
        """
        flags = regex.IGNORECASE if ignores_case else 0
        translation = translated(pattern, is_multiline=is_multiline)
        self._compiled = regex.compile(translation, flags)  # pattern: each search has a limit of time

    def finditer(self, text: str) -> "Iterator[regex.Match[str]]":
        """Yield the matches.

        Raises:
            JException: A match is empty, and the text goes on behind it (D1004): the platform would find it again.
                Or the time of the evaluation is over (D1012).
        """
        position = 0
        while (match := self._next(text, position)) is not None:
            if position and not match.group():
                raise JException("D1004", -1)
            yield match
            position = match.end()
            if position >= len(text):
                return
            if not match.group():
                raise JException("D1004", -1)

    def _next(self, text: str, position: int) -> "regex.Match[str] | None":
        with _bounded() as seconds:
            return self._compiled.search(text, position, timeout=seconds)

    def search(self, text: str) -> "regex.Match[str] | None":
        """Return the first match, None if there is none."""
        return next(self.finditer(text), None)

    def sub(self, replacement: str, text: str, count: int = 0) -> str:
        """Replace matches as Python does; `shipmate.flow.dialect.matching` has the platform's way."""
        with _bounded() as seconds:
            replaced: str = self._compiled.sub(replacement, text, count, timeout=seconds)
        return replaced

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        """Split at matches as Python does; `shipmate.flow.dialect.matching` has the platform's way."""
        with _bounded() as seconds:
            parts: list[str] = self._compiled.split(text, maxsplit, timeout=seconds)
        return parts


@contextmanager
def _bounded() -> Iterator[float | None]:
    """Give the seconds that the present evaluation has left, None for any number.

    Raises:
        JException: The time is over (D1012).
    """
    evaluation = getattr(Jsonata.CURRENT, "jsonata", None)
    seconds: float = getattr(evaluation, "deadline", math.inf) - time.monotonic()
    try:
        if seconds <= 0:
            raise TimeoutError
        yield None if math.isinf(seconds) else seconds
    except TimeoutError:
        raise JException("D1012", -1, f"{getattr(evaluation, 'timeout_seconds', math.inf):g}") from None


def compile_pattern(pattern: str, flags: "RegexFlags") -> Pattern:
    """Compile the pattern of a regular expression literal; jsonata-python calls this function.

    Raises:
        JException: The pattern is invalid (S0301 has no place for a reason, hence a code of our own).
    """
    try:
        return Pattern(pattern, ignores_case=flags.case_insensitive, is_multiline=flags.multiline)
    except (regex.error, OverflowError, RecursionError) as error:
        reason = error.msg if isinstance(error, regex.error) else "it is too large"
        raise JException(INVALID_PATTERN, -1, reason) from None


INVALID_PATTERN: Final = "pattern"
"""The code of the error about a pattern that cannot be compiled."""


def translated(pattern: str, *, is_multiline: bool) -> str:
    """Return the pattern for Python.

    >>> print(translated(r"^(?<year>\\d+)$", is_multiline=False))
    ^(?P<year>[0-9]+)\\Z
    """
    out: list[str] = []
    position = 0
    while position < len(pattern):
        each = pattern[position]
        if each == "\\":
            text, position = _escape(pattern, position, in_class=False)
        elif each == "[":
            text, position = _character_class(pattern, position)
        elif each == "(":
            text, position = _group(pattern, position)
        elif each == "{":
            quantifier = _QUANTIFIER.match(pattern, position)
            text = quantifier.group() if quantifier else r"\{"
            position += len(quantifier.group()) if quantifier else 1
        else:
            text, position = _plain(each, is_multiline=is_multiline), position + 1
        out.append(text)
    return "".join(out)


def _plain(each: str, *, is_multiline: bool) -> str:
    match each:
        case "$":
            return f"(?=[{_LINE_ENDS}]|\\Z)" if is_multiline else r"\Z"
        case "^":
            return f"(?<![^{_LINE_ENDS}])" if is_multiline else "^"
        case ".":
            return f"[^{_LINE_ENDS}]"
        case "}":
            return r"\}"
    return each


def _group(pattern: str, position: int) -> tuple[str, int]:
    """Translate the opening of a group: JavaScript's ``(?<name>`` is ``(?P<name>`` in Python."""
    if pattern.startswith("(?<", position) and not pattern.startswith(("(?<=", "(?<!"), position):
        return "(?P<", position + 3
    return "(", position + 1


def _escape(pattern: str, position: int, *, in_class: bool) -> tuple[str, int]:
    """Translate the escape at a position; return it and the position behind it."""
    if position + 1 >= len(pattern):
        raise regex.error("\\ at end of pattern")
    each = pattern[position + 1]
    after = position + 2
    if each in _MEMBERS:
        return (_MEMBERS[each] if in_class else f"[{_MEMBERS[each]}]"), after
    if each in _NEGATED_IN_CLASS:
        return (_NEGATED_IN_CLASS[each] if in_class else f"[^{_MEMBERS[each.lower()]}]"), after
    if each in _BOUNDARIES:
        return (r"\b" if in_class and each == "b" else _BOUNDARIES[each]), after
    if each in _SAME_IN_PYTHON:
        return "\\" + each, after
    if each in _NUMBERED and re.fullmatch("[0-9a-fA-F]+", pattern[after : after + _NUMBERED[each]]):
        digits = pattern[after : after + _NUMBERED[each]]
        if len(digits) == _NUMBERED[each]:
            return f"\\{each}{digits}", after + len(digits)
    if each == "k" and not in_class and pattern.startswith("<", after) and (end := pattern.find(">", after)) > 0:
        return f"(?P={pattern[after + 1 : end]})", end + 1
    if each == "0":
        return r"\x00", after
    if each == "c" and pattern[after : after + 1].isalpha():
        return re.escape(chr(ord(pattern[after]) % 32)), after + 1
    return re.escape(each), after


def _character_class(pattern: str, position: int) -> tuple[str, int]:
    """Translate ``[...]``; JavaScript ends it at the first ``]``, even directly behind ``[``."""
    if pattern.startswith("[^]", position):
        return "(?s:.)", position + 3
    if pattern.startswith("[]", position):
        return "(?!)", position + 2
    out = ["["]
    position += 1
    if pattern.startswith("^", position):
        out.append("^")
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        each = pattern[position]
        if each == "\\":
            text, position = _escape(pattern, position, in_class=True)
        else:
            # "[", "--", "&&", "~~" and "||" are, or will be, operators in Python's classes.
            special = each in "[&~|" or (each == "-" and out[-1] in ("-", "[", "^"))
            text, position = ("\\" + each if special else each), position + 1
        out.append(text)
    if position >= len(pattern):
        raise regex.error("unterminated character set")
    return "".join([*out, "]"]), position + 1
