"""The progress of a trigger through a collection, which it keeps in its snapshot.

Without a since-field the collection only grows, and the next run reads the last page again. With a since-field every
run begins at the first page and emits the records that have changed since the latest change of the run before; of the
records that changed at exactly that time it emits those that it has not emitted yet.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from rest.answers import ApiError
from rest.paging import Page, Position, Record

# The snapshot keeps this many records, each as a hash of this many characters: it must stay below 5 KB.
# 24 bits distinguish the few hundred records of one page or of one time; pages need longer hashes.
_KEY_LENGTH: Final = 4
_MOST_KEYS: Final = 280
_PLACE_LENGTH: Final = 12
_MOST_PLACES: Final = 16


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
    """Keys of the emitted records that were changed at exactly this time."""
    latest: Any = None
    """The latest change that this run has seen; it becomes ``since`` after the last page."""
    latest_done: list[str] = field(default_factory=list)

    @classmethod
    def resume(cls, snapshot: Any, collection: str) -> "Progress":
        """Return the progress in a snapshot; a snapshot of another collection or component is ignored."""
        if not isinstance(snapshot, Mapping) or snapshot.get("collection") != collection:
            return cls(collection)
        known = {name: value for name, value in snapshot.items() if name in cls.__annotations__}
        for name in ("done", "since_done", "latest_done"):
            known[name] = _cut(known.get(name, ""), _KEY_LENGTH)
        known["seen"] = _cut(known.get("seen", ""), _PLACE_LENGTH)
        return cls(**known)

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot for the next run, at most 5 KB."""
        members = {**vars(self), "seen": self.seen[-_MOST_PLACES:]}
        texts = {name: "".join(value) if isinstance(value, list) else value for name, value in members.items()}
        return {name: value for name, value in texts.items() if value is not None and value != ""}

    def new(self, page: Page) -> list[Record]:
        """Return the records of a page that have not been emitted yet.

        Raises:
            ApiError: The API answers every offset with the same records.
        """
        if page.records and isinstance(self.position, int) and _content(page) == self.content:
            raise ApiError("paging: the API answers every offset with the same records")
        return [record for record in page.records if self._is_new(record)]

    def note(self, records: Sequence[Record]) -> None:
        """Add emitted records of this page, in their order."""
        for record in records:
            key = _key(record.identity)
            self.done.append(key)
            if len(self.done) > _MOST_KEYS:
                self.skip = record.index - _MOST_KEYS + 1
            if record.changed is None:
                continue
            if self.latest is None or _order(record.changed) > _order(self.latest):
                self.latest, self.latest_done = record.changed, []
            if _order(record.changed) == _order(self.latest) and len(self.latest_done) < _MOST_KEYS:
                self.latest_done.append(key)
        self.done = self.done[-_MOST_KEYS:]

    def turn(self, page: Page) -> bool:
        """Move to the next page; return False on the last page.

        Raises:
            ApiError: The next page was read before.
        """
        if page.next is None:
            if self.latest is not None:
                self.since, self.since_done = self.latest, self.latest_done
                self.position, self.done, self.skip, self.seen, self.content = None, [], 0, [], ""
            return False
        if isinstance(page.next, str):
            self.seen.append(_hash(page.place)[:_PLACE_LENGTH])
            if _hash(page.next)[:_PLACE_LENGTH] in self.seen:
                raise ApiError("paging: the API names a next page that was read before")
        else:
            self.content = _content(page)
        self.position, self.done, self.skip = page.next, [], 0
        return True

    def _is_new(self, record: Record) -> bool:
        key = _key(record.identity)
        if record.index < self.skip or key in self.done:
            return False
        if self.since is None or record.changed is None:
            return True
        when, since = _order(record.changed), _order(self.since)
        # More records with the same time than the snapshot keeps all count as emitted: they are a bulk change, and
        # every run would emit them again.
        is_bulk = len(self.since_done) >= _MOST_KEYS
        return when > since or (when == since and not is_bulk and key not in self.since_done)


def _key(text: str) -> str:
    return _hash(text)[:_KEY_LENGTH]


def _content(page: Page) -> str:
    return _hash("".join(record.identity for record in page.records))[:_PLACE_LENGTH]


def _hash(text: str) -> str:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def _order(when: Any) -> tuple[int, float, str]:
    """Return the sort key of a time: numbers by value, ISO 8601 by time, other texts by letters."""
    if not isinstance(when, str) or when.isdecimal():
        return 0, float(when), ""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return 2, 0.0, when
    return 1, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), ""
