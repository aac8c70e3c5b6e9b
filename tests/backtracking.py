"""A backtracking matcher that counts its steps: how Python's own one works, written the obvious way."""

import re
from collections.abc import Callable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser
from typing import Any

Then = Callable[[int], bool]


class TooManyStepsError(Exception):
    """The matcher gave up."""


class Backtracking:
    """Applies one pattern to one text."""

    def __init__(self, pattern: str, text: str, most_steps: int = 100_000) -> None:
        """Parse the pattern."""
        self._pattern = _parser.parse(pattern)
        self._text = text
        self._most_steps = most_steps
        self._groups: dict[int | None, str | None] = {}
        self.steps = 0

    def match(self, start: int = 0, *, whole: bool = False) -> int | None:
        """Return the end of the match that begins at the start."""
        ends: list[int] = []

        def accept(at: int) -> bool:
            if whole and at != len(self._text):
                return False
            ends.append(at)
            return True

        return ends[0] if self._items(list(self._pattern), start, accept) else None

    def search_all(self) -> list[tuple[int, int]]:
        """Return the spans of all matches, as ``finditer`` does for patterns that do not match empty text."""
        at, spans = 0, []
        while at <= len(self._text):
            end = self.match(at)
            if end is None:
                at += 1
            else:
                spans.append((at, end))
                at = max(end, at + 1)
        return spans

    def _items(self, items: list[Any], at: int, then: Then) -> bool:
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooManyStepsError
        if not items:
            return then(at)
        (code, value), *rest = items

        def go_on(position: int) -> bool:
            return self._items(rest, position, then)

        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(code, value, at, go_on)
        if code is op.POSSESSIVE_REPEAT:
            end = self._once([(op.MAX_REPEAT, value)], at)
            return end is not None and go_on(end)
        if code is op.ATOMIC_GROUP:
            end = self._once(list(value), at)
            return end is not None and go_on(end)
        if code is op.BRANCH:
            return any(self._items([*each, *rest], at, then) for each in value[1])
        if code is op.SUBPATTERN:
            return self._group(value[0], list(value[3]), at, go_on)
        if code is op.GROUPREF:
            part = self._groups.get(value)
            return part is not None and self._text.startswith(part, at) and go_on(at + len(part))
        if code in (op.ASSERT, op.ASSERT_NOT):
            direction, body = value
            start = at if direction > 0 else at - body.getwidth()[0]
            is_met = start >= 0 and self._once(list(body), start) is not None
            return is_met is (code is op.ASSERT) and go_on(at)
        if code is op.AT:
            return self._is_at(value, at) and go_on(at)
        return at < len(self._text) and self._reads(code, value, self._text[at]) and go_on(at + 1)

    def _group(self, number: int | None, items: list[Any], at: int, then: Then) -> bool:
        def leave(end: int) -> bool:
            before, self._groups[number] = self._groups.get(number), self._text[at:end]
            if then(end):
                return True
            self._groups[number] = before
            return False

        return self._items(items, at, leave)

    def _once(self, items: list[Any], at: int) -> int | None:
        ends: list[int] = []
        return ends[0] if self._items(items, at, lambda end: ends.append(end) or True) else None

    def _repeat(self, code: Any, value: Any, at: int, then: Then) -> bool:
        least, most, body = value

        def go_round(count: int, position: int, previous: int | None) -> bool:
            def again() -> bool:
                return (
                    count < most
                    and position != previous
                    and self._items(list(body), position, lambda end: go_round(count + 1, end, position))
                )

            if count < least:
                return self._items(list(body), position, lambda end: go_round(count + 1, end, position))
            return (again() or then(position)) if code is op.MAX_REPEAT else (then(position) or again())

        return go_round(0, at, None)

    def _is_at(self, place: Any, at: int) -> bool:
        names = {op.AT_BEGINNING: "^", op.AT_END: "$", op.AT_BOUNDARY: r"\b", op.AT_NON_BOUNDARY: r"\B"}
        names |= {op.AT_BEGINNING_STRING: r"\A", op.AT_END_STRING: r"\Z"}
        return re.compile(names[place]).match(self._text, at) is not None

    def _reads(self, code: Any, value: Any, character: str) -> bool:
        if code is op.ANY:
            return character != "\n" or bool(self._pattern.state.flags & re.DOTALL)
        if code is op.IN:
            (first, _), *_ = value
            return any(self._reads(*each, character) for each in value if each[0] is not op.NEGATE) is (
                first is not op.NEGATE
            )
        if code is op.RANGE:
            return bool(value[0] <= ord(character) <= value[1])
        if code is op.CATEGORY:
            # Tests use the categories \w and \W only.
            return (character.isalnum() or character == "_") is (value is op.CATEGORY_WORD)
        return bool((ord(character) == value) is (code is op.LITERAL))
