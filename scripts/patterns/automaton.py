"""The position automaton of a pattern: each state is a character of the pattern and the letter it read.

Lookarounds of one character, word boundaries, anchors and the ends of possessive repeats are conditions on the letters
before and after a place. Other restrictions are left out: the automaton has all paths of the matcher, and perhaps more.
Those that the matcher has for sure are marked with ``must``.

Source: Glushkov, The abstract theory of automata (Russian Mathematical Surveys 16, 1961).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from re import _constants  # type: ignore[attr-defined]
from typing import Final, NamedTuple

from scripts.patterns.alphabet import Alphabet
from scripts.patterns.syntax import (
    Anchor,
    Atomic,
    Characters,
    Choice,
    Guess,
    Look,
    Node,
    Repeat,
    Sequence,
    Spans,
    UnprovableError,
)

_MOST_COPIES: Final = 64
"""A part that repeats more often at least is treated as one without limits."""
_MOST_OPTIONAL_COPIES: Final = 16
_MOST_POSITIONS: Final = 1000
START: Final = 0
"""The position before the pattern."""

State = tuple[int, int]
"""A position and the letter before it: the one it read, or for the start the one that stands there."""

Moves = dict[int, list[int]]
"""By letter, the positions that read it next."""


class Use(Enum):
    """How a pattern is applied to a text."""

    SEARCH = "search"
    MATCH = "match"
    FULLMATCH = "fullmatch"


class Ways(NamedTuple):
    """The pairs of letters between which the matcher gets from one position to the next, as bits."""

    some: int
    many: int
    """It gets there in more than one way."""
    must: int
    """It surely gets there."""

    def then(self, other: "Ways") -> "Ways":
        """Return the ways that lead through both."""
        many = (self.many & other.some) | (self.some & other.many)
        return Ways(self.some & other.some, many, self.must & other.must)

    def plus(self, other: "Ways") -> "Ways":
        """Return the ways that lead through either."""
        many = self.many | other.many | (self.some & other.some)
        return Ways(self.some | other.some, many, self.must | other.must)

    def unsure(self) -> "Ways":
        """Return the same ways, none of them sure."""
        return self._replace(must=0)


Links = dict[int, Ways]


@dataclass(frozen=True, slots=True)
class _Part:
    """The positions of a part of the pattern that are at its ends."""

    empty: Ways
    """The ways through the part that read nothing."""
    first: Links
    last: Links
    is_greedy: bool
    """The matcher prefers to read on to leaving the part."""


_NOTHING: Final = Ways(0, 0, 0)


class Automaton:
    """The automaton of one pattern in one use."""

    def __init__(self, tree: Node, use: Use) -> None:
        """Build it.

        Raises:
            UnprovableError: When it gets too large.
        """
        self.alphabet = alphabet = Alphabet(_sets(tree))
        self._all = Ways(alphabet.all_pairs, 0, alphabet.all_pairs)
        self._letters = [(1 << alphabet.edge) - 1]
        """The letters that each position reads."""
        self._next: list[Links] = [{}]
        self._moves: dict[tuple[State, bool], Moves] = {}
        whole = self._part(tree)
        self._accepts: Links = {START: whole.empty, **whole.last}
        if use is Use.FULLMATCH:
            at_end = self._if(alphabet.pairs_after(1 << alphabet.edge))
            self._accepts = {position: ways.then(at_end) for position, ways in self._accepts.items()}
        self._next[START] = dict(whole.first)
        if use is Use.SEARCH:
            self._next[START][START] = self._all

    def moves(self, state: State, *, must: bool = False) -> Moves:
        """Return where each letter leads from a state: all ways, or only those that the matcher surely tries."""
        if (found := self._moves.get((state, must))) is None:
            found = self._moves[state, must] = {}
            for position, ways in self._next[state[0]].items():
                pairs = ways.must if must else ways.some
                letters = pairs >> state[1] * self.alphabet.width & self._letters[position]
                while letters:
                    found.setdefault((letters & -letters).bit_length() - 1, []).append(position)
                    letters &= letters - 1
        return found

    def is_ambiguous(self, state: State, following: State) -> bool:
        """Tell whether more than one way leads from a state to the following one."""
        many = self._next[state[0]].get(following[0], _NOTHING).many
        return bool(many >> (state[1] * self.alphabet.width + following[1]) & 1)

    def accepts(self, state: State, letter: int, *, must: bool = False) -> bool:
        """Tell whether the pattern may (or surely does) match up to a state that the letter or the edge follows."""
        ways = self._accepts.get(state[0], _NOTHING)
        return bool((ways.must if must else ways.some) >> (state[1] * self.alphabet.width + letter) & 1)

    def _if(self, some: int, must: int | None = None) -> Ways:
        return Ways(some, 0, some if must is None else must)

    def _part(self, node: Node) -> _Part:
        match node:
            case Characters(spans):
                return self._position(self.alphabet.letters(spans))
            case Sequence(items):
                return reduce(self._join, map(self._part, items), self._skip(self._all))
            case Choice(items):
                return self._choice([self._part(item) for item in items])
            case Repeat():
                return self._repeat(node)
            case Atomic(body):
                begin = len(self._letters)
                return self._atomic(self._part(body), range(begin, len(self._letters)))
            case Look():
                return self._look(node, self._part(node.body))
            case Anchor():
                return self._skip(self._anchor(node))
            case Guess(body):
                return self._unsure(self._part(body))

    def _position(self, letters: int) -> _Part:
        position = len(self._letters)
        if position == _MOST_POSITIONS:
            raise UnprovableError(f"more than {_MOST_POSITIONS} characters after its repeats are written out")
        self._letters.append(letters)
        self._next.append({})
        return _Part(_NOTHING, {position: self._all}, {position: self._all}, is_greedy=True)

    def _skip(self, ways: Ways) -> _Part:
        return _Part(ways, {}, {}, is_greedy=True)

    def _unsure(self, part: _Part) -> _Part:
        last = {position: ways.unsure() for position, ways in part.last.items()}
        return _Part(part.empty.unsure(), part.first, last, part.is_greedy)

    def _link(self, before: _Part, after: _Part, *, sure: bool = True) -> None:
        for start, leaving in before.last.items():
            for end, entering in after.first.items():
                ways = leaving.then(entering)
                _add(self._next[start], end, ways if sure else ways.unsure())

    def _join(self, left: _Part, right: _Part) -> _Part:
        self._link(left, right)
        first, last = dict(left.first), dict(right.last)
        for position, ways in right.first.items():
            _add(first, position, left.empty.then(ways))
        for position, ways in left.last.items():
            _add(last, position, ways.then(right.empty))
        return _Part(left.empty.then(right.empty), first, last, left.is_greedy and right.is_greedy)

    def _choice(self, parts: list[_Part]) -> _Part:
        empty, first, last = _NOTHING, dict[int, Ways](), dict[int, Ways]()
        for part in parts:
            empty = empty.plus(part.empty)
            first.update(part.first)
            last.update(part.last)
        is_greedy = all(part.is_greedy for part in parts) and not any(part.empty.some for part in parts[:-1])
        return _Part(empty, first, last, is_greedy)

    def _optional(self, part: _Part, *, is_lazy: bool) -> _Part:
        return _Part(part.empty.plus(self._all), part.first, part.last, part.is_greedy and not is_lazy)

    def _repeat(self, node: Repeat) -> _Part:
        """Write out the copies that must be there, then a loop or a few optional copies."""
        copies = [self._part(node.body) for _ in range(min(node.least, _MOST_COPIES))]
        if node.most is not None and node.most - node.least <= _MOST_OPTIONAL_COPIES and node.least <= _MOST_COPIES:
            tail = self._skip(self._all)
            for _ in range(node.most - node.least):
                tail = self._optional(self._join(self._part(node.body), tail), is_lazy=node.is_lazy)
            return reduce(self._join, [*copies, tail])
        looped = copies.pop() if copies else self._part(node.body)
        self._link(looped, looped, sure=node.most is None)
        # The matcher also tries one more round that reads nothing.
        once_more = self._all.plus(looped.empty)
        last = {position: ways.then(once_more) for position, ways in looped.last.items()}
        tail = _Part(looped.empty, looped.first, last, looped.is_greedy and not node.is_lazy)
        if not node.least:
            tail = self._optional(tail, is_lazy=node.is_lazy)
        whole = reduce(self._join, [*copies, tail])
        return whole if node.least <= _MOST_COPIES else self._unsure(whole)

    def _atomic(self, part: _Part, inside: range) -> _Part:
        """Keep the matcher inside where the part can surely read on, because it gives nothing back."""
        if not part.is_greedy:
            return self._unsure(part)
        is_deterministic = self._is_deterministic(part.first) and all(
            self._is_deterministic(self._next[position]) for position in inside
        )

        def leave(ways: Ways, following: Links) -> Ways:
            stays, may_stay = 0, 0
            for position, entering in following.items():
                read = self.alphabet.pairs_after(self._letters[position])
                may_stay |= entering.some & read
                if part.last.get(position, _NOTHING).must == self.alphabet.all_pairs:
                    stays |= entering.must & read
            return Ways(ways.some & ~stays, 0, ways.must & ~may_stay if is_deterministic else 0)

        last = {position: leave(ways, self._next[position]) for position, ways in part.last.items()}
        return _Part(leave(part.empty, part.first), part.first, last, is_greedy=True)

    def _is_deterministic(self, links: Links) -> bool:
        read = 0
        for position, ways in links.items():
            pairs = ways.some & self.alphabet.pairs_after(self._letters[position])
            if pairs & read or pairs & ways.many:
                return False
            read |= pairs
        return True

    def _look(self, node: Look, body: _Part) -> _Part:
        """Turn a lookaround into a condition; a lookahead also costs the paths of its body, which end there."""
        some, must = body.empty.some, body.empty.must
        everything = self.alphabet.all_pairs
        near, far = (body.first, body.last) if node.is_ahead else (body.last, body.first)
        for position, ways in near.items():
            letters = self._letters[position]
            pairs = self.alphabet.pairs_after(letters) if node.is_ahead else self.alphabet.pairs_before(letters)
            some |= pairs & ways.some
            if far.get(position, _NOTHING).must == everything:
                must |= pairs & ways.must
        if node.is_negative:
            some, must = everything & ~must, everything & ~some
        return _Part(self._if(some, must), body.first if node.is_ahead else {}, {}, is_greedy=True)

    def _anchor(self, node: Anchor) -> Ways:
        before, after = self.alphabet.pairs_before, self.alphabet.pairs_after
        letters, edge = self.alphabet.letters(node.characters.spans), 1 << self.alphabet.edge
        others = (edge - 1) & ~letters | edge
        word_edge = (before(letters) & after(others)) | (before(others) & after(letters))
        match node.code:
            case _constants.AT_BEGINNING | _constants.AT_BEGINNING_STRING:
                return self._if(before(edge))
            case _constants.AT_BEGINNING_LINE:
                return self._if(before(edge | letters))
            case _constants.AT_END:
                return self._if(after(edge | letters), after(edge))
            case _constants.AT_END_STRING:
                return self._if(after(edge))
            case _constants.AT_END_LINE:
                return self._if(after(edge | letters))
            case _constants.AT_BOUNDARY:
                return self._if(word_edge)
            case _constants.AT_NON_BOUNDARY:
                return self._if(self.alphabet.all_pairs & ~word_edge)
        raise UnprovableError(f"an anchor that this check does not know: {node.code}")


def _add(links: Links, position: int, ways: Ways) -> None:
    links[position] = links[position].plus(ways) if position in links else ways


def _sets(node: Node) -> Iterator[Spans]:
    match node:
        case Characters(spans):
            yield spans
        case Anchor(_, characters):
            yield characters.spans
        case Sequence(items) | Choice(items):
            for item in items:
                yield from _sets(item)
        case Repeat(body) | Atomic(body) | Look(body) | Guess(body):
            yield from _sets(body)
