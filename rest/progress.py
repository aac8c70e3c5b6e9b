"""How far a collection has been read: what the trigger keeps in its snapshot.

Without a since-field the collection only grows, and the last page is read again by the next run. With one, every run
begins at the first page and takes what has changed since the latest change that the run before has seen; of records
that changed at that very moment it takes those that were not there yet.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from rest.answers import ApiError
from rest.paging import Page, Position, Record

# So many records are remembered, each by so many characters of a hash: a snapshot must stay below 5 KB.
# 24 bits tell one record from the few hundred of its page, or of its moment, but not one page from all others.
_KEY_LENGTH: Final = 4
_MOST_KEYS: Final = 280
_PLACE_LENGTH: Final = 12
_MOST_PLACES: Final = 16


@dataclass
class Progress:
    """How far a collection has been read."""

    collection: str
    position: Position = None
    done: list[str] = field(default_factory=list)
    """Keys of the records of this page that have been emitted."""
    skip: int = 0
    """All records before this one have been emitted; only a page with very many records needs it."""
    seen: list[str] = field(default_factory=list)
    """Keys of the pages before this one."""
    content: str = ""
    """Key of the records of the page before this one, when paging by offset."""
    since: Any = None
    since_done: list[str] = field(default_factory=list)
    """Keys of the records that were changed at exactly that time and have been emitted."""
    latest: Any = None
    """The latest change that this run has seen; it becomes ``since`` after the last page."""
    latest_done: list[str] = field(default_factory=list)

    @classmethod
    def resume(cls, snapshot: Any, collection: str) -> "Progress":
        """Go on from a snapshot; one of another collection, or of another component, counts as none."""
        if not isinstance(snapshot, Mapping) or snapshot.get("collection") != collection:
            return cls(collection)
        known = {name: value for name, value in snapshot.items() if name in cls.__annotations__}
        for name in ("done", "since_done", "latest_done"):
            known[name] = _cut(known.get(name, ""), _KEY_LENGTH)
        known["seen"] = _cut(known.get("seen", ""), _PLACE_LENGTH)
        return cls(**known)

    def snapshot(self) -> dict[str, Any]:
        """Return what the next run must know, at most some 5 KB."""
        members = {**vars(self), "seen": self.seen[-_MOST_PLACES:]}
        texts = {name: "".join(value) if isinstance(value, list) else value for name, value in members.items()}
        return {name: value for name, value in texts.items() if value is not None and value != ""}

    def new(self, page: Page) -> list[Record]:
        """Return the records of a page that have not been emitted yet."""
        if page.records and isinstance(self.position, int) and _content(page) == self.content:
            raise ApiError("paging: the API answers each offset with the same records")
        return [record for record in page.records if self._is_new(record)]

    def note(self, records: Sequence[Record]) -> None:
        """Remember records of this page that have been emitted, in their order."""
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
        """Go on to the next page; return False when there is none.

        Raises:
            ApiError: The next page is one that has been read before.
        """
        if page.next is None:
            if self.latest is not None:
                self.since, self.since_done = self.latest, self.latest_done
                self.position, self.done, self.skip, self.seen, self.content = None, [], 0, [], ""
            return False
        if isinstance(page.next, str):
            self.seen.append(_hash(page.place)[:_PLACE_LENGTH])
            if _hash(page.next)[:_PLACE_LENGTH] in self.seen:
                raise ApiError("paging: the API names a page as the next one that was read before")
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
        # More records with the very same time than can be remembered all count as done: they were a bulk change,
        # and would otherwise come again with every run.
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
    """Return what times are compared by: numbers as such, ISO 8601 as moments, other text as text."""
    if not isinstance(when, str) or when.isdecimal():
        return 0, float(when), ""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return 2, 0.0, when
    return 1, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), ""
