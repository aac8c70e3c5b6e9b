"""The progress of a trigger through a collection, which it keeps in its snapshot.

Without a since-field the collection only grows, and the next run reads the last page again. With a since-field every
run begins at the first page and emits the records that have changed since the latest change of the run before; of the
records that changed at exactly that time it emits those that it has not emitted yet. If these are too many for the
snapshot, it keeps checksums of them, and where a checksum differs, emits the records behind it again.

A record whose time is in the future is emitted once, but the position does not move to that time: the changes until
then would be lost.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.errors import CannotPoll
from shipmate.kit.moments import moment
from shipmate.kit.polling.answer import Record

# The snapshot keeps this many records, each as a hash of this many characters: it must stay below 5 KB.
# 24 bits distinguish the few hundred records of one page or of one time; pages need longer hashes.
_KEY_LENGTH: Final = 4
_MOST_KEYS: Final = 180
_PLACE_LENGTH: Final = 12
_MOST_PLACES: Final = 12
_CHECKSUMS: Final = 32
_CHECKSUM_BYTES: Final = 3
_LISTS: Final = ("done", "since_done", "latest_done", "ahead")
_NOT_KEPT: Final = frozenset({"chosen_by", "clock", "counts_time"})
_CHECKSUM_LISTS: Final = ("since_sums", "latest_sums", "read_sums")
_LONGEST_POSITION: Final = 1000
# A number is a time only in a collection that also has numbers of this kind since 2000.
_YEAR_2000: Final = 946_684_800


Position = str | int | None
"""The position of a page: a text of the API, or an offset; None is the first page."""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """One page: its records, its own position, and the position of the next page, None on the last."""

    records: list[Record]
    place: str
    next: Position


@dataclass
class Progress:
    """The progress through a collection."""

    collection: str
    position: Position = None
    done: list[str] = field(default_factory=list)
    """Keys of the records of this page that have been emitted."""
    skip: int = 0
    """The index of the first record that may not be emitted yet; above 0 only on pages with very many records."""
    seen: list[str] = field(default_factory=list)
    """Keys of the pages before this one."""
    content: str = ""
    """Key of the records of the page before this one, for paging by offset."""
    since: Any = None
    since_done: list[str] = field(default_factory=list)
    """Keys of emitted records that were changed at exactly this time."""
    since_sums: bytes = b""
    """Checksums of all these records, if they are more than the keys."""
    latest: Any = None
    """The latest change that this run has seen; it becomes ``since`` after the last page."""
    latest_done: list[str] = field(default_factory=list)
    latest_sums: bytes = b""
    read_sums: bytes = b""
    """Checksums of the records at ``since`` that this run has read, if there are ``since_sums``."""
    repeat: str = ""
    """The numbers of the checksums that differ, in two hexadecimal digits each; their records are emitted again."""
    ahead: list[str] = field(default_factory=list)
    """Keys of emitted records whose time is in the future."""
    chosen_by: str = "times"
    """The field of the trigger that chose the time; errors begin with it."""
    clock: Callable[[], float] = time.time
    counts_time: bool = False
    """Whether the numbers of this page are times."""

    @classmethod
    def resume(
        cls,
        snapshot: Any,
        collection: str,
        clock: Callable[[], float] = time.time,
        chosen_by: str = "times",
    ) -> "Progress":
        """Return the progress in a snapshot; a snapshot of another collection or component is ignored."""
        if not isinstance(snapshot, Mapping) or snapshot.get("collection") != collection:
            return cls(collection, clock=clock, chosen_by=chosen_by)
        kept = cls.__annotations__.keys() - _NOT_KEPT
        known = {name: value for name, value in snapshot.items() if name in kept}
        for name in _LISTS:
            known[name] = _cut(known.get(name, ""), _KEY_LENGTH)
        for name in _CHECKSUM_LISTS:
            known[name] = base64.b64decode(known.get(name, ""))
        known["seen"] = _cut(known.get("seen", ""), _PLACE_LENGTH)
        return cls(**known, clock=clock, chosen_by=chosen_by)

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot for the next run, at most 5 KB."""
        members: dict[str, Any] = {name: value for name, value in vars(self).items() if name not in _NOT_KEPT}
        members["seen"] = self.seen[-_MOST_PLACES:]
        members |= {name: "".join(members[name]) for name in (*_LISTS, "seen")}
        members |= {name: base64.b64encode(members[name]).decode("ascii") for name in _CHECKSUM_LISTS}
        return {name: value for name, value in members.items() if value is not None and value != ""}

    def new(self, page: ReadPage) -> list[Record]:
        """Return the records of a page that have not been emitted yet.

        Raises:
            CannotPoll: The API answers every offset with the same records, or the times are of different kinds.
        """
        self._check_times(page)
        if page.records and isinstance(self.position, int) and _content(page) == self.content:
            raise CannotPoll("paging: the API answers every offset with the same records")
        return [record for record in page.records if self._is_new(record)]

    def note(self, records: Sequence[Record]) -> None:
        """Add emitted records of this page, in their order."""
        for record in records:
            key = _key(record.identity)
            self.done.append(key)
            if len(self.done) > _MOST_KEYS:
                self.skip = record.index - _MOST_KEYS + 1
            if record.changed is not None and not self.repeat:
                self._note_time(record.changed, key)
        self.done = self.done[-_MOST_KEYS:]

    def turn(self, page: ReadPage) -> bool:
        """Move to the next page; return False on the last page.

        Raises:
            CannotPoll: The next page was read before, or its position is too long for a snapshot.
        """
        if not self.repeat:
            self._settle(page)
        if page.next is None:
            return self._end()
        if isinstance(page.next, str):
            if len(page.next) > _LONGEST_POSITION:
                raise CannotPoll(
                    f"the next page: expected at most {_LONGEST_POSITION} characters, found {len(page.next)}"
                )
            self.seen.append(_hash(page.place)[:_PLACE_LENGTH])
            if _hash(page.next)[:_PLACE_LENGTH] in self.seen:
                raise CannotPoll("paging: the API names a next page that was read before")
        else:
            self.content = _content(page)
        self.position, self.done, self.skip = page.next, [], 0
        return True

    def count_ahead(self, records: Sequence[Record]) -> int:
        """Return how many records have a time in the future."""
        return sum(self._is_ahead(record.changed) for record in records)

    def _is_new(self, record: Record) -> bool:
        key = _key(record.identity)
        if record.index < self.skip or key in self.done or key in self.ahead:
            return False
        if self.since is None or record.changed is None:
            return True
        when, since = moment(record.changed).order, moment(self.since).order
        if when == since and key not in self.since_done:
            return not self.since_sums or _number_of(key) in self._repeated
        return when > since and not self.repeat

    def _note_time(self, changed: Any, key: str) -> None:
        if self._is_ahead(changed):
            self.ahead = [*self.ahead, key][-_MOST_KEYS:]
            return
        when = moment(changed).order
        if self.latest is None or when > moment(self.latest).order:
            self.latest, self.latest_done, self.latest_sums = changed, [], b""
        if when == moment(self.latest).order:
            if len(self.latest_done) < _MOST_KEYS:
                self.latest_done = [*self.latest_done, key]
            else:
                self.latest_sums = _summed(self.latest_sums or _summed(b"", self.latest_done), [key])

    def _settle(self, page: ReadPage) -> None:
        """Note the records of a page that were emitted earlier: those whose time has come, and those at ``since``."""
        at_since = []
        for record in page.records:
            if record.changed is None:
                continue
            key = _key(record.identity)
            if key in self.ahead and not self._is_ahead(record.changed):
                self.ahead.remove(key)
                self._note_time(record.changed, key)
            if self.since_sums and moment(record.changed).order == moment(self.since).order:
                at_since.append(key)
        if self.since_sums:
            self.read_sums = _summed(self.read_sums, at_since)

    def _end(self) -> bool:
        """Prepare the next run; return True if this run must read the collection again first."""
        if self.latest is None and not self.ahead:
            return False
        self.position, self.done, self.skip, self.seen, self.content = None, [], 0, [], ""
        if self.since_sums:
            if not self.repeat:
                self.repeat = _differing(self.since_sums, self.read_sums)
                if self.repeat:
                    return True
            if moment(self.latest).order == moment(self.since).order:
                self.latest_sums = self.read_sums
        self.since, self.since_done, self.since_sums = self.latest, self.latest_done, self.latest_sums
        self.read_sums, self.repeat = b"", ""
        return False

    @property
    def _repeated(self) -> list[int]:
        return list(bytes.fromhex(self.repeat))

    def _check_times(self, page: ReadPage) -> None:
        """Refuse times of different kinds, and forget a position in the future.

        A snapshot of an older version may have one, or a number that no other number has shown to be a time before.
        """
        given = [record.changed for record in page.records if record.changed is not None]
        times = [moment(changed) for changed in given]
        kept = [moment(changed) for changed in (self.since, self.latest) if changed is not None]
        if len({each.is_number for each in [*times, *kept]}) > 1:
            raise CannotPoll(
                f"{self.chosen_by}: expected times of one kind, found numbers and dates; "
                "if the API has changed the kind, reset the snapshot"
            )
        seconds = [each.earliest_seconds for each in [*times, *kept] if each.is_number]
        self.counts_time = any(each is not None and _YEAR_2000 <= each <= self.clock() for each in seconds)
        if self._is_ahead(self.latest):
            self.ahead = [*self.ahead, *self.latest_done][-_MOST_KEYS:]
            self.latest, self.latest_done, self.latest_sums = None, [], b""
        if self._is_ahead(self.since):
            self.ahead = list(dict.fromkeys([*self.ahead, *self.since_done]))[-_MOST_KEYS:]
            self.since, self.since_done, self.since_sums = None, [], b""
            self.read_sums, self.repeat = b"", ""

    def _is_ahead(self, changed: Any) -> bool:
        if changed is None:
            return False
        when = moment(changed)
        if when.earliest_seconds is None or (when.is_number and not self.counts_time):
            return False
        return bool(when.earliest_seconds > self.clock())


def _key(text: str) -> str:
    return _hash(text)[:_KEY_LENGTH]


def _content(page: ReadPage) -> str:
    return _hash("".join(record.identity for record in page.records))[:_PLACE_LENGTH]


def _hash(text: str) -> str:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def _number_of(key: str) -> int:
    """Return the number of the checksum that a record counts for."""
    return base64.urlsafe_b64decode(key)[0] % _CHECKSUMS


def _summed(sums: bytes, keys: Iterable[str]) -> bytes:
    """Return checksums with records added; their order has no effect."""
    total = bytearray(sums or bytes(_CHECKSUMS * _CHECKSUM_BYTES))
    for key in keys:
        start = _number_of(key) * _CHECKSUM_BYTES
        for index, value in enumerate(base64.urlsafe_b64decode(key), start):
            total[index] ^= value
    return bytes(total)


def _differing(one: bytes, other: bytes) -> str:
    numbers = [
        number
        for number, start in enumerate(range(0, len(one), _CHECKSUM_BYTES))
        if one[start : start + _CHECKSUM_BYTES] != other[start : start + _CHECKSUM_BYTES]
    ]
    return bytes(numbers).hex()
