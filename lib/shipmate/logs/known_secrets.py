"""Finds known secrets in a text, however the text encodes them, in linear time."""

import re
import threading
from array import array
from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import quote, quote_plus

from shipmate.logs.decoding import decoded
from shipmate.logs.secret_patterns import MOST_PLACES

_SHORTEST: Final = 6
"""Shorter values are ignored: they occur by chance."""
_SHORTEST_LINE: Final = 16
"""The lines of a longer secret count as secrets themselves from this length on."""
_WRAPPED: Final = re.compile(r"(?<![\w+/-])[\w+/-]{16,}+\s")
"""A line of base64, perhaps, that goes on in the next line."""
_STANDARD_BASE64: Final = str.maketrans("-_", "+/")
_URL_SAFE_BASE64: Final = str.maketrans("+/", "-_")
_MOST_CHOICES: Final = 64
"""The number of places in a secret that are compared for the rarest windows."""

_T = TypeVar("_T")
_Shape = tuple[int, int]
"""The place of a window in a text, and the length of the text."""


class KnownSecrets:
    """The secrets of a process; several threads may add secrets and search at once."""

    def __init__(self) -> None:
        """Start without secrets."""
        self._lock = threading.Lock()
        self._raw = _Index()
        """The secrets, also in base64."""
        self._decoded = _Index()
        """The secrets without escapes."""
        self._base64 = _Index()

    def add(self, secret: str) -> None:
        """Learn a secret; a very short one is ignored."""
        with self._lock:
            for index, form in self._forms(secret):
                index.add(form)

    def remove(self, secret: str) -> None:
        """Forget a secret that was added."""
        with self._lock:
            for index, form in self._forms(secret):
                index.remove(form)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the places of all secrets in a text, in order; none overlaps another."""
        if not self._raw:
            return []
        found = self._raw.places(text)
        view = decoded(text)
        if view.text is not text or "+" in text:
            found += [view.source(*place) for place in self._decoded.places(_without_plus(view.text))]
        if view.text is not text or _WRAPPED.search(text):
            packed = view.without_blanks()
            found += [packed.source(*place) for place in self._base64.places(packed.text.translate(_STANDARD_BASE64))]
        return _merged(found) if found else found

    def _forms(self, secret: str) -> Iterator["tuple[_Index, str]"]:
        """Yield the texts to search for, each with the index of the view that it is searched in."""
        import json

        if len(secret) < _SHORTEST:
            return
        lines = [line for line in secret.splitlines() if _SHORTEST_LINE <= len(line) < len(secret)]
        for part in dict.fromkeys((secret, *lines)):
            yield self._raw, part
            plain = _without_plus(decoded(part).text)
            if len(plain) >= _SHORTEST:
                yield self._decoded, plain
            else:  # a secret of escapes
                yield from ((self._raw, form) for form in _escaped(part) if form != part)
        data = secret.encode("utf-8", "surrogatepass")
        yield from ((self._raw, form) for form in (data.hex(), data.hex().upper()))
        texts = (data, quote(data, safe="").encode(), quote_plus(data).encode(), json.dumps(secret)[1:-1].encode())
        cores = (_base64_core(each, length) for each in dict.fromkeys(texts) for length in range(3))
        for core in dict.fromkeys(cores):
            if len(core) >= _SHORTEST:
                yield self._base64, core
                for form in {core, core.translate(_URL_SAFE_BASE64)}:
                    yield self._raw, form


class _Index:
    """Texts to search for."""

    def __init__(self) -> None:
        self._long = _Windows(size=8, stride=8)
        self._short = _Windows(size=4, stride=3)

    def __bool__(self) -> bool:
        return bool(self._long or self._short)

    def add(self, form: str) -> None:
        self._windows(form).add(form)

    def remove(self, form: str) -> None:
        self._windows(form).remove(form)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the places of all forms in a text."""
        return self._long.places(text) + self._short.places(text)

    def _windows(self, form: str) -> "_Windows":
        return self._long if len(form) >= self._long.shortest else self._short


class _Windows:
    """Finds texts by a few of their windows: a window of each occurrence starts at a multiple of ``stride``.

    The windows of a text are its rarest ones, so that many secrets with a common start or end cost no more than one.
    A window is a number: the lowest bytes of its characters.
    """

    def __init__(self, *, size: int, stride: int) -> None:
        self.shortest = size + stride - 1
        self._size, self._stride = size, stride
        self._forms: dict[str, int] = {}
        """The start of the first window of each text."""
        self._shapes: dict[int, tuple[_Shape, ...]] = {}
        """For each window: where it is in texts, and how long those texts are, each combination once."""
        # Nearly all are there once: a count for each would take more memory than all else.
        self._more_forms: Counter[str] = Counter()
        """How often texts were added after the first time."""
        self._more_shapes: Counter[tuple[int, _Shape]] = Counter()
        """How many texts more have a combination than the first one."""

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, form: str) -> None:
        """Add a text; each change makes a new tuple, because other threads read without the lock."""
        if form in self._forms:
            self._more_forms[form] += 1
            return
        self._forms[form] = start = self._rarest(form)
        for offset, window in self._windows(form, start):
            single = _single(offset, len(form))
            known = self._shapes.get(window, ())
            if single[0] in known:
                self._more_shapes[window, single[0]] += 1
            else:
                self._shapes[window] = known + single if known else single

    def remove(self, form: str) -> None:
        """Remove a text once; it stays if it was added more often."""
        if _taken(self._more_forms, form):
            return
        for offset, window in self._windows(form, self._forms.pop(form)):
            shape = offset, len(form)
            if _taken(self._more_shapes, (window, shape)):
                continue
            if rest := tuple(other for other in self._shapes[window] if other != shape):
                self._shapes[window] = rest
            else:
                del self._shapes[window]

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the places of all texts."""
        if not self._shapes:
            return []
        windows = self._numbers(text, self._stride)
        if self._shapes.keys().isdisjoint(windows):
            return []
        places = list(islice(self._found(text, windows), MOST_PLACES))
        if len(places) == MOST_PLACES:
            places[-1] = places[-1][0], len(text)
        return places

    def _found(self, text: str, windows: "array[int]") -> Iterator[tuple[int, int]]:
        for number, window in enumerate(windows):
            for offset, length in self._shapes.get(window, ()):
                start = number * self._stride - offset
                if start >= 0 and text[start : start + length] in self._forms:
                    yield start, start + length

    def _windows(self, form: str, start: int) -> list[tuple[int, int]]:
        part = form[start : start + self.shortest]
        return list(enumerate(self._numbers(part, 1), start))

    def _numbers(self, text: str, stride: int) -> "array[int]":
        """Return the windows at each multiple of ``stride``, made by C code only."""
        data = text.encode("ascii") if text.isascii() else text.encode("utf-32-le", "surrogatepass")[::4]
        count = max(0, (len(data) - self._size) // stride + 1)
        packed = bytearray(self._size * count)
        for number in range(self._size):
            packed[number :: self._size] = data[number::stride][:count]
        return array("Q" if self._size == 8 else "I", bytes(packed))

    def _rarest(self, form: str) -> int:
        """Return where the rarest windows of a text start; the last ones first, since tokens start alike."""
        last = len(form) - self.shortest
        most: dict[int, int] = {}
        for start in range(last, max(-1, last - _MOST_CHOICES), -1):
            most[start] = max(len(self._shapes.get(window, ())) for _, window in self._windows(form, start))
            if not most[start]:
                return start
        return min(most, key=most.__getitem__)


@lru_cache(maxsize=4096)
def _single(offset: int, length: int) -> tuple[_Shape]:
    """Return the same object for the same combination: tokens of one provider are equally long."""
    return ((offset, length),)


def _taken(counts: Counter[_T], key: _T) -> bool:
    """Take one from a count, and return whether there was one."""
    if key not in counts:
        return False
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
    return True


def masked(text: str, places: list[tuple[int, int]], mask: str) -> str:
    """Return a text with a mask in these places, which are in order and do not overlap."""
    parts, position = [], 0
    for start, end in places:
        parts += [text[position:start], mask]
        position = end
    return "".join([*parts, text[position:]])


def _merged(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _without_plus(text: str) -> str:
    """Return a text with blanks in place of plus signs, which stand for blanks in forms."""
    return text.replace("+", " ")


def _escaped(value: str) -> Iterator[str]:
    """Yield the forms in JSON, and in JSON inside JSON."""
    import json

    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _base64_core(data: bytes, prefix_length: int) -> str:
    """Return the part of the base64 text that does not depend on the bytes before and after the data."""
    encoded = b2a_base64(b"x" * prefix_length + data, newline=False).decode("ascii")
    unsure_at_start = (0, 2, 3)[prefix_length]
    unsure_at_end = (0, 3, 2)[(prefix_length + len(data)) % 3]
    return encoded[unsure_at_start : len(encoded) - unsure_at_end]
