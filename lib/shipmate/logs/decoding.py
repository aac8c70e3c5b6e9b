"""Decodes the escapes that encoders write, and maps places in the decoded text back to the original text."""

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Final

_MOST_ROUNDS: Final = 4
"""The number of times that a text may have been encoded, one time upon the other."""
_HEX: Final = "[0-9a-fA-F]"
# Bytes of one character of UTF-8 stand together. Before each backslash there is none: a run of them counts as one.
_ESCAPE: Final = re.compile(
    rf"""(
    \\(?:
        x[c-fC-F]{_HEX}(?:\\x[89abAB]{_HEX}){{1,3}} | x{_HEX}{{2}}
        | u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}} | u{_HEX}{{4}} | u\{{{_HEX}{{1,6}}\}} | U{_HEX}{{8}}
        | [01][0-7]{{2}}
    )
    | %[c-fC-F]{_HEX}(?:%[89abAB]{_HEX}){{1,3}} | %{_HEX}{{2}}
    | &(?:\#[0-9]{{1,7}} | \#[xX]{_HEX}{{1,6}} | [A-Za-z]{{2,12}});
    )""",
    re.VERBOSE,
)
_BLANKS: Final = re.compile(r"(\s+)")
_RUN: Final = re.compile(r"(\\{2,})")
_CONTROL: Final = re.compile(r"(\\[bfnrt])")
_BACKSLASH: Final = re.compile(r"(\\)")
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _Replacement:
    """A replacement of parts of a text, which maps places in the new text back."""

    def __init__(self, text: str, pattern: re.Pattern[str], translate: Callable[[str], str]) -> None:
        """Keep the original text, the pattern of the replaced parts as its only group, and their translation."""
        self._text, self._pattern, self._translate = text, pattern, translate
        self._ends: tuple[list[int], list[int]] | None = None

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original text of a place in the new text, with the whole of each replaced part."""
        if self._ends is None:  # only where a secret was found
            parts = self._pattern.split(self._text)  # by turns the unchanged ones and the replaced ones
            before = list(accumulate(map(len, parts)))
            parts[1::2] = map(self._translate, parts[1::2])
            self._ends = before, list(accumulate(map(len, parts)))
        before, after = self._ends
        return _place(before, after, start, is_end=False), _place(before, after, end - 1, is_end=True)


def _place(before: list[int], after: list[int], position: int, *, is_end: bool) -> int:
    part = bisect_right(after, position)
    if part % 2:
        return before[part if is_end else part - 1]
    start_after, start_before = (after[part - 1], before[part - 1]) if part else (0, 0)
    return start_before + position - start_after + is_end


class View:
    """A decoded text that knows the place in the original text of each of its characters."""

    __slots__ = ("_replacements", "text")

    def __init__(self, text: str, replacements: tuple[_Replacement, ...] = ()) -> None:
        """Keep the text and the replacements that led to it, the first one first."""
        self.text = text
        self._replacements = replacements

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original text of a place in this one."""
        for replacement in reversed(self._replacements):
            start, end = replacement.source(start, end)
        return start, end

    def replaced(self, pattern: re.Pattern[str], translate: Callable[[str], str], text: str) -> "View":
        """Return a view of another text, in which the parts that match the pattern are translated."""
        return (
            self
            if text == self.text
            else View(text, (*self._replacements, _Replacement(self.text, pattern, translate)))
        )

    def without_blanks(self) -> "View":
        """Return a view without whitespace: base64 may be wrapped."""
        return self.replaced(_BLANKS, _nothing, "".join(self.text.split()))


def decoded(text: str) -> View:
    r"""Return a text without the escapes of URLs, JSON, Python, JavaScript and HTML, whichever it has.

    >>> decoded("a%2Fb, \\u00fc, %C3%BC, \\xc3\\xbc, \\\\\\\"q\\\\\\\", &lt;, %2541").text
    'a/b, ü, ü, ü, "q", <, A'
    """
    view = View(text)
    if "%" not in text and "\\" not in text and not ("&" in text and ";" in text):
        return view
    decode = _Decode().__getitem__
    for _ in range(_MOST_ROUNDS):
        before = view
        view = view.replaced(_RUN, lambda run: run[0], _with_single_backslashes(view.text))
        view = view.replaced(_CONTROL, lambda escape: _CONTROLS[escape[1]], _with_controls(view.text))
        parts = _ESCAPE.split(view.text)
        parts[1::2] = map(decode, parts[1::2])
        view = view.replaced(_ESCAPE, decode, "".join(parts))
        if view is before:
            break
    return view.replaced(_BACKSLASH, _nothing, view.text.replace("\\", ""))


# str.replace takes a tenth of the time of a pattern, which is needed only for a text with a secret.
def _with_single_backslashes(text: str) -> str:
    while "\\\\" in text:
        text = text.replace("\\\\", "\\")
    return text


def _with_controls(text: str) -> str:
    if "\\" in text:
        for letter, control in _CONTROLS.items():
            text = text.replace(f"\\{letter}", control)
    return text


def _nothing(_: str) -> str:
    return ""


class _Decode(dict[str, str]):
    """The characters of the escapes of one text; a text has few different ones."""

    def __missing__(self, escape: str) -> str:
        self[escape] = characters = _characters(escape)
        return characters


def _characters(escape: str) -> str:
    if escape[0] == "&":
        from html import unescape

        return unescape(escape)
    if escape[0] == "%":
        return _text_of(bytes.fromhex(escape.replace("%", "")))
    kind = escape[1:]
    if kind[0] == "x":
        return _text_of(bytes(int(part[:2], 16) for part in kind.split("x")[1:]))
    if kind[0] in "uU":
        codes = [int(part.strip("\\{}"), 16) for part in kind[1:].split("u")]
        if len(codes) == 2:
            return chr(0x10000 + ((codes[0] & 0x3FF) << 10) + (codes[1] & 0x3FF))
        return chr(codes[0]) if codes[0] < 0x110000 else escape
    return chr(int(kind, 8))


def _text_of(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
