"""The letters of a pattern: code points that all its sets of characters treat alike count as one letter."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from scripts.patterns.syntax import Spans

_ASCII: Final = sorted(range(128), key=lambda point: (not chr(point).isalnum(), not chr(point).isprintable(), point))


class Alphabet:
    """Numbers letters, and represents sets of letters and of pairs of neighbours as the bits of integers.

    The number after the last letter, ``edge``, stands for what is before and behind the text. The pair (before, after)
    has the bit ``before * width + after``.
    """

    def __init__(self, sets: Iterable[Spans]) -> None:
        """Split Unicode by the borders of all sets."""
        known = sorted(set(sets))
        changes: defaultdict[int, int] = defaultdict(int)
        for index, spans in enumerate(known):
            for border in (border for span in spans for border in span):
                changes[border] ^= 1 << index
        changes[0] ^= 0
        borders = sorted(changes)
        members, points = 0, dict[int, list[range]]()
        for start, end in zip(borders, [*borders[1:], 0x110000], strict=True):
            members ^= changes[start]
            points.setdefault(members, []).append(range(start, end))
        points = {members: ranges for members, ranges in points.items() if any(ranges)}
        self.characters = [_example(ranges) for ranges in points.values()]
        """An example of each letter."""
        self.edge = len(points)
        self.width = self.edge + 1
        self.all_pairs = (1 << self.width**2) - 1
        self._bits = {
            spans: sum(1 << letter for letter, members in enumerate(points) if members >> index & 1)
            for index, spans in enumerate(known)
        }
        self._column = sum(1 << before * self.width for before in range(self.width))

    def letters(self, spans: Spans) -> int:
        """Return the letters of a set, which is one of those that the alphabet was made for."""
        return self._bits[spans]

    def pairs_before(self, letters: int) -> int:
        """Return the pairs whose first is one of the letters."""
        row = (1 << self.width) - 1
        return sum(row << before * self.width for before in range(self.width) if letters >> before & 1)

    def pairs_after(self, letters: int) -> int:
        """Return the pairs whose second is one of the letters."""
        return letters * self._column

    def text(self, letters: Iterable[int]) -> str:
        """Return a text that consists of the letters."""
        return "".join(self.characters[letter] for letter in letters)


def _example(ranges: list[range]) -> str:
    """Return the most readable character."""
    return chr(next((point for point in _ASCII if any(point in each for each in ranges)), ranges[0].start))
