"""Decides whether a pattern costs more than linear time on some text, and finds such a text."""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, product
from typing import Final, TypeVar

from scripts.patterns.automaton import START, Automaton, Moves, State, Use
from scripts.patterns.syntax import parse

_MOST_SUBSETS: Final = 2000

NodeT = TypeVar("NodeT", bound=Hashable)
_Triple = tuple[int, int, int, int]
"""Three positions on the same text, and the letter that all of them read last."""
_Subset = tuple[frozenset[int], int]
"""All positions that one attempt can be at, and the letter that they read last."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A text, ``prefix + pump * n + suffix``, for which the time may grow faster than n."""

    is_exponential: bool
    prefix: str
    pump: str
    suffix: str

    def __str__(self) -> str:
        """Say it in one line."""
        grows = "exponentially" if self.is_exponential else "with the square of n or faster"
        parts = [repr(self.prefix)] if self.prefix else []
        parts += [f"{self.pump!r} * n", *([repr(self.suffix)] if self.suffix else [])]
        return f"time may grow {grows} on {' + '.join(parts)}"


def growth(pattern: str | bytes, flags: int = 0, use: Use = Use.SEARCH) -> Growth | None:
    """Return a text that may cost more than linear time, or None when it is proven that there is none.

    >>> print(growth(r"[a-z]+="))
    time may grow with the square of n or faster on 'a' + 'a' * n
    >>> growth(r"[a-z]++=", use=Use.MATCH)

    Raises:
        UnprovableError: When the pattern is beyond this check.
    """
    return _Proof(Automaton(parse(pattern, flags), use)).growth()


class _Proof:
    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._edge = automaton.alphabet.edge
        self._begin: State = (START, self._edge)
        self._sure: dict[_Subset, bool] = {}
        self._failing: dict[State, Moves] = {}

    def growth(self) -> Growth | None:
        """Return a text that is expensive, or None."""
        return next(self._repeated_steps(), None) or next(self._pairs_of_loops(), None)

    @cached_property
    def _loops(self) -> list[frozenset[State]]:
        """The sets of states that lead to each other."""
        return list(_cycles([self._begin], self._next_states))

    @cached_property
    def _failing_loops(self) -> list[frozenset[State]]:
        """The sets of states that lead to each other on texts for which the attempt can still fail."""
        states = [state for loop in self._loops for state in loop if state[0] != START]
        return list(_cycles(states, lambda state: _states(self._failing_moves(state))))

    def _next_states(self, state: State) -> list[State]:
        return _states(self._automaton.moves(state))

    def _failing_moves(self, state: State) -> Moves:
        """Return the moves from a state without those after which the attempt surely succeeds.

        The matcher never goes back to before such a move, so an attempt makes it at most once in each place.
        """
        if (found := self._failing.get(state)) is None:
            moves = self._automaton.moves(state)
            found = {letter: positions for letter, positions in moves.items() if not self._succeeds(state, letter)}
            self._failing[state] = found
        return found

    def _succeeds(self, state: State, letter: int) -> bool:
        """Tell whether the pattern matches when a letter follows a state, whatever follows the letter."""
        if self._automaton.accepts(state, letter, must=True):
            return True
        start = (self._read({state[0]}, state[1], letter, must=True), letter)
        if start in self._sure:
            return self._sure[start]
        seen, waiting = {start}, [start]
        while waiting:
            positions, letter = waiting.pop()
            if not positions or self._sure.get((positions, letter)) is False or len(seen) > _MOST_SUBSETS:
                self._sure[start] = False
                return False
            for following in range(self._edge + 1):
                if not any(self._automaton.accepts((each, letter), following, must=True) for each in positions):
                    subset = (self._read(positions, letter, following, must=True), following)
                    if subset not in seen:
                        seen.add(subset)
                        waiting.append(subset)
        self._sure |= dict.fromkeys(seen, True)
        return True

    def _read(self, positions: Iterable[int], letter: int, following: int, *, must: bool = False) -> frozenset[int]:
        moves = (self._automaton.moves((each, letter), must=must) for each in positions)
        return frozenset(chain.from_iterable(each.get(following, ()) for each in moves))

    def _repeated_steps(self) -> Iterator[Growth]:
        """Yield loops with a step that the matcher can make in two ways, so that each round doubles the time."""
        for loop in self._failing_loops:

            def stay(state: State, loop: frozenset[State] = loop) -> list[State]:
                return [each for each in _states(self._failing_moves(state)) if each in loop]

            for state in loop:
                for following in stay(state):
                    if self._automaton.is_ambiguous(state, following):
                        path = _path([following], state, stay)
                        yield self._witness(state, [letter for _, letter in path], is_exponential=True)

    def _pairs_of_loops(self) -> Iterator[Growth]:
        """Yield pairs of loops on the same text, which also leads from the first loop to the second."""
        for second in self._failing_loops:
            for first in self._loops:
                yield from self._pair(first, second)

    def _pair(self, first: frozenset[State], second: frozenset[State]) -> Iterator[Growth]:
        """Read one text in both loops and on the way from the first to the second.

        A step back from (p, q, q) to (p, p, q) closes a cycle if and only if a text leads from (p, p, q) to (p, q, q).
        """

        def moves(triple: _Triple) -> list[_Triple]:
            one, two, three, letter = triple
            ones, twos = self._automaton.moves((one, letter)), self._automaton.moves((two, letter))
            return [
                (*positions, read)
                for read, threes in self._failing_moves((three, letter)).items()
                for positions in product(ones.get(read, ()), twos.get(read, ()), threes)
                if (positions[0], read) in first and (positions[2], read) in second
            ]

        def moves_or_back(triple: _Triple) -> list[_Triple]:
            one, two, three, letter = triple
            back = [(one, one, three, letter)] if one != two == three else []
            return moves(triple) + back

        starts = [(p, p, q, letter) for q, letter in second for p, other in first if letter == other and p != q]
        for cycle in _cycles(starts, moves_or_back):
            for one, two, three, letter in cycle:
                start, end = (one, one, three, letter), (one, three, three, letter)
                if one == two != three and end in cycle:
                    pump = [each[-1] for each in _path([start], end, moves)[1:]]
                    is_exponential = (three, letter) in first and (one, letter) in second
                    yield self._witness((one, letter), pump, is_exponential=is_exponential)

    def _witness(self, state: State, pump: list[int], *, is_exponential: bool) -> Growth:
        prefix = [letter for _, letter in _path([self._begin], state, self._next_states)[1:]]
        text = self._automaton.alphabet.text
        return Growth(is_exponential, text(prefix), text(pump), text(self._hopeless(prefix + pump * 3)))

    def _hopeless(self, letters: list[int]) -> list[int]:
        """Return what follows the letters so that no attempt under way succeeds; nothing when that is not found."""
        positions, last = frozenset({START}), self._edge
        for letter in letters:
            positions, last = self._read(positions, last, letter), letter

        def moves(subset: _Subset) -> list[_Subset]:
            return [
                (self._read(subset[0], subset[1], letter), letter)
                for letter in range(self._edge + 1)
                if not any(self._automaton.accepts((each, subset[1]), letter) for each in subset[0])
            ]

        path = _path([(positions - {START}, last)], (frozenset[int](), self._edge), moves, most=_MOST_SUBSETS)
        return [letter for _, letter in path[1:-1]]


def _states(moves: Moves) -> list[State]:
    return [(position, letter) for letter, positions in moves.items() for position in positions]


def _path(
    starts: Iterable[NodeT], end: NodeT, successors: Callable[[NodeT], Iterable[NodeT]], most: float = math.inf
) -> list[NodeT]:
    """Return the nodes of a shortest path, its ends included; nothing without a path or after ``most`` nodes."""
    before: dict[NodeT, NodeT | None] = dict.fromkeys(starts)
    waiting = list(before)
    for node in waiting:
        if node == end:
            path = [node]
            while (previous := before[path[-1]]) is not None:
                path.append(previous)
            return path[::-1]
        for successor in successors(node):
            if successor not in before and len(before) < most:
                before[successor] = node
                waiting.append(successor)
    return []


def _cycles(starts: Iterable[NodeT], successors: Callable[[NodeT], Iterable[NodeT]]) -> Iterator[frozenset[NodeT]]:
    """Yield the strongly connected components that hold a cycle.

    Source: Tarjan, Depth-first search and linear graph algorithms (SIAM Journal on Computing 1, 1972).
    """
    numbers: dict[NodeT, int] = {}
    lowest: dict[NodeT, int] = {}
    stack: list[NodeT] = []
    done: set[NodeT] = set()
    for start in starts:
        work = [] if start in numbers else [(start, iter([start]))]
        while work:
            node, remaining = work[-1]
            if node not in numbers:
                numbers[node] = lowest[node] = len(numbers)
                stack.append(node)
                remaining = iter(list(successors(node)))
                work[-1] = (node, remaining)
            following = next((each for each in remaining if each not in done), None)
            if following is not None:
                if following in numbers:
                    lowest[node] = min(lowest[node], numbers[following])
                else:
                    work.append((following, iter([])))
                continue
            work.pop()
            if work:
                lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
            if lowest[node] == numbers[node]:
                component = set[NodeT]()
                while node not in component:
                    component.add(stack.pop())
                done |= component
                if len(component) > 1 or node in successors(node):
                    yield frozenset(component)
