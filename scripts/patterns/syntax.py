"""The syntax tree of a regular expression: flags resolved, sets of characters spelled out as ranges of code points."""

import re
import sys
from dataclasses import dataclass
from functools import cache
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # the standard library's own parser
from typing import Any, Final

Spans = tuple[tuple[int, int], ...]
"""Ranges of code points, each with its first and the one after its last: ``((48, 58),)`` for ASCII digits."""


class UnprovableError(Exception):
    """The pattern holds something whose cost the proof cannot bound."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of a set."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts that follow each other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, the preferred one first."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part that matches several times; ``most`` is None without a limit."""

    body: "Node"
    least: int
    most: int | None
    is_lazy: bool


@dataclass(frozen=True, slots=True)
class Atomic:
    """A part that is never entered again after it matched: ``(?>...)``, ``*+``."""

    body: "Node"


@dataclass(frozen=True, slots=True)
class Look:
    """A lookahead or lookbehind."""

    body: "Node"
    is_ahead: bool
    is_negative: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the text, such as ``$``, with the set of characters that defines it: newline or word characters."""

    code: Any
    characters: Characters


@dataclass(frozen=True, slots=True)
class Guess:
    """A part that matches at most where its body does: a back reference, a condition."""

    body: "Node"


Node = Characters | Sequence | Choice | Repeat | Atomic | Look | Anchor | Guess

_UNICODE: Final = "".join(map(chr, range(sys.maxunicode + 1)))
_NEWLINE: Final = Characters(((10, 11),))
_REPEATS: Final = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}
_PLACES: Final = {
    (_constants.AT_BEGINNING, True): _constants.AT_BEGINNING_LINE,
    (_constants.AT_END, True): _constants.AT_END_LINE,
}


def parse(pattern: str | bytes, flags: int = 0) -> Node:
    """Return the tree of a pattern.

    Args:
        pattern: The pattern; the bytes of a pattern of bytes count as code points.
        flags: The flags it is compiled with, such as ``re.IGNORECASE``.

    Raises:
        UnprovableError: When a back reference repeats a part that has conditions.
        re.error: When the pattern is invalid.
    """
    if isinstance(pattern, bytes):
        pattern, flags = pattern.decode("latin-1"), flags | re.ASCII
    if flags & re.ASCII:
        flags &= ~re.UNICODE
    parsed = _parser.parse(pattern, flags)
    return _Reader().sequence(parsed, parsed.state.flags)


class _Reader:
    """Turns what the standard library's parser returns into the tree; remembers groups for back references."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[Any, int]] = {}

    def sequence(self, parsed: Any, flags: int) -> Node:
        return Sequence(tuple(self._item(code, value, flags) for code, value in parsed))

    def _item(self, code: Any, value: Any, flags: int) -> Node:
        if code in _REPEATS:
            least, most, body = value
            limit = None if most is _constants.MAXREPEAT else most
            repeat = Repeat(self.sequence(body, flags), least, limit, code is _constants.MIN_REPEAT)
            return Atomic(repeat) if code is _constants.POSSESSIVE_REPEAT else repeat
        if code is _constants.BRANCH:
            return Choice(tuple(self.sequence(each, flags) for each in value[1]))
        if code is _constants.SUBPATTERN:
            group, added, removed, body = value
            flags = _compiler._combine_flags(flags, added, removed)
            self._groups[group] = body, flags
            return self.sequence(body, flags)
        if code is _constants.ATOMIC_GROUP:
            return Atomic(self.sequence(value, flags))
        if code in (_constants.ASSERT, _constants.ASSERT_NOT):
            direction, body = value
            return Look(self.sequence(body, flags), direction > 0, code is _constants.ASSERT_NOT)
        if code is _constants.AT:
            return self._anchor(value, flags)
        if code is _constants.GROUPREF:
            body, own_flags = self._groups[value]
            return Guess(_without_conditions(self.sequence(body, own_flags | (flags & re.IGNORECASE))))
        if code is _constants.GROUPREF_EXISTS:
            _, present, absent = value
            return Guess(Choice((self.sequence(present, flags), self.sequence(absent or [], flags))))
        relevant = flags & (re.IGNORECASE | re.ASCII | re.UNICODE | re.DOTALL)
        return Characters(_spans(code, tuple(value) if isinstance(value, list) else value, relevant))

    def _anchor(self, place: Any, flags: int) -> Anchor:
        place = _PLACES.get((place, bool(flags & re.MULTILINE)), place)
        if place in (_constants.AT_BOUNDARY, _constants.AT_NON_BOUNDARY):
            word = ((_constants.CATEGORY, _constants.CATEGORY_WORD),)
            return Anchor(place, Characters(_spans(_constants.IN, word, flags & (re.ASCII | re.UNICODE))))
        return Anchor(place, _NEWLINE)


@cache
def _spans(code: Any, value: Any, flags: int) -> Spans:
    """Return the code points that an item of one character matches, by matching it against all of Unicode."""
    if code is _constants.LITERAL and not flags & re.IGNORECASE:
        return ((value, value + 1),)
    state = _parser.State()
    state.flags = flags
    item = _parser.SubPattern(state, [(code, list(value) if isinstance(value, tuple) else value)])
    run = _parser.SubPattern(state, [(_constants.MAX_REPEAT, (1, _constants.MAXREPEAT, item))])
    return tuple(found.span() for found in _compiler.compile(run, flags).finditer(_UNICODE))


def _without_conditions(node: Node) -> Node:
    match node:
        case Look() | Anchor():
            raise UnprovableError("a back reference to a group that holds an anchor or a lookaround")
        case Sequence(items) | Choice(items):
            for item in items:
                _without_conditions(item)
        case Repeat(body) | Atomic(body) | Guess(body):
            _without_conditions(body)
    return node
