"""Decodes the escapes that encoders write, and maps places in the decoded text back to the original text."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

_MOST_ROUNDS: Final = 4
"""The number of times that a text may have been encoded, one time upon the other."""
_HEX: Final = "[0-9a-fA-F]"
# A run of backslashes counts as one: JSON inside JSON doubles them. Bytes of one character of UTF-8 stand together.
_ESCAPE: Final = re.compile(
    rf"""(
    \\++(?:
        x[c-fC-F]{_HEX}(?:\\++x[89abAB]{_HEX}){{1,3}} | x{_HEX}{{2}}
        | u[dD][89abAB]{_HEX}{{2}}\\++u[dD][c-fC-F]{_HEX}{{2}} | u{_HEX}{{4}} | u\{{{_HEX}{{1,6}}\}} | U{_HEX}{{8}}
        | [01][0-7]{{2}} | [bfnrt]
    )?
    | %[c-fC-F]{_HEX}(?:%[89abAB]{_HEX}){{1,3}} | %{_HEX}{{2}}
    | &(?:\#[0-9]{{1,7}} | \#[xX]{_HEX}{{1,6}} | [A-Za-z]{{2,12}});
    )""",
    re.VERBOSE,
)
_BLANKS: Final = re.compile(r"(\s+)")
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _Replacement:
    """Replaces parts of a text, and maps places in the new text back."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        """Keep the parts of both texts, by turns the unchanged ones and the replaced ones."""
        self._before, self._after = before, after
        self._ends: tuple[list[int], list[int]] | None = None

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original text of a place in the new text, with the whole of each replaced part."""
        if self._ends is None:  # only where a secret was found
            self._ends = list(accumulate(map(len, self._before))), list(accumulate(map(len, self._after)))
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

    def replaced(self, parts: Sequence[str], new: Sequence[str]) -> "View":
        """Return a view with other parts, by turns the unchanged ones and the replaced ones."""
        return View("".join(new), (*self._replacements, _Replacement(parts, new)))

    def without_blanks(self) -> "View":
        """Return a view without whitespace: base64 may be wrapped."""
        parts = _BLANKS.split(self.text)
        kept = parts.copy()
        kept[1::2] = [""] * (len(parts) // 2)
        return self.replaced(parts, kept)


def decoded(text: str) -> View:
    r"""Return a text without the escapes of URLs, JSON, Python, JavaScript and HTML, whichever it has.

    >>> decoded("a%2Fb, \\u00fc, %C3%BC, \\xc3\\xbc, \\\\\\\"q\\\\\\\", &lt;, %2541").text
    'a/b, ü, ü, ü, "q", <, A'
    """
    view = View(text)
    if "%" not in text and "\\" not in text and not ("&" in text and ";" in text):
        return view
    decode = _Decode()
    for _ in range(_MOST_ROUNDS):
        parts = _ESCAPE.split(view.text)
        if len(parts) == 1:
            break
        new = parts.copy()
        new[1::2] = map(decode.__getitem__, parts[1::2])
        if new == parts:
            break
        view = view.replaced(parts, new)
    return view


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
    kind = escape.lstrip("\\")
    if not kind:
        return ""
    if kind[0] in _CONTROLS:
        return _CONTROLS[kind[0]]
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
