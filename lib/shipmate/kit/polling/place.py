"""A place among all changes of a collection, in the order of time and id, and its form in a snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

VERSION: Final = 1

Time = str | int | float
"""A time as the API wrote it."""
Id = str | int
Relation = Literal["from", "after", "equal", "later"]


@dataclass(frozen=True, slots=True)
class After:
    """What to ask the API for: ``After("2026-01-31T09:30:00Z", "b", "after")``.

    Args:
        time: The time T, as the API wrote it.
        id: The id I; None if the relation is ``from`` or ``later``.
        relation: ``from``: time >= T. ``after``: (time = T and id > I) or time > T. ``equal``: time = T and id > I.
            ``later``: time > T.
        position: The beginning of the page among the records that are asked for, as ``Answer.next`` of the page before;
            None for the first page. Others come only if many records have one time, and ``Answer`` has ``next``.
    """

    time: Time
    id: Id | None
    relation: Relation
    position: str | int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place: before all records of a time, after one of them, or after all of them.

    Args:
        time: The time, as the API wrote it.
        id: The last record of that time that was read, None before the first and after all of them.
        is_past: Whether all records of that time were read.
        seen: The ids of the records of that time that were read, if the API does not compare ids.
    """

    time: Time
    id: Id | None = None
    is_past: bool = False
    seen: tuple[Id, ...] = ()

    def snapshot(self, of: str) -> dict[str, Any]:
        """Return the snapshot: ``{"v": 1, "time": "10:00", "id": "b", "of": "5f2a..."}``."""
        kept: dict[str, Any] = {"v": VERSION, "time": self.time, "of": of}
        if self.id is not None:
            kept["id"] = self.id
        if self.seen:
            kept["seen"] = list(self.seen)
        return {**kept, "past": True} if self.is_past else kept

    @classmethod
    def of_snapshot(cls, snapshot: Any, of: str) -> "Place | None":
        """Return the place in a snapshot of this kit, None for a snapshot of other settings and for anything else."""
        if not isinstance(snapshot, Mapping) or snapshot.get("v") != VERSION or snapshot.get("of") != of:
            return None
        when, key = snapshot.get("time"), snapshot.get("id")
        if not _is_time(when):
            return None
        seen = snapshot.get("seen")
        return cls(
            when,
            key if _is_id(key) else None,
            snapshot.get("past") is True,
            tuple(filter(_is_id, seen)) if isinstance(seen, list) else (),
        )


ReadOld = Callable[[Mapping[str, Any]], "Place | None"]
"""Returns the place in a snapshot of a component's predecessor, None if the snapshot has another shape."""


def read_published(snapshot: Mapping[str, Any]) -> Place | None:
    """Return the place in a snapshot of a published Node component.

    >>> read_published({"lastModificationTime": "2026-01-31T09:30:00.000Z", "lastSeenId": "b"})
    Place(time='2026-01-31T09:30:00.000Z', id='b', is_past=False, seen=())
    >>> read_published({"nextStartTime": "2026-01-31T09:30:00.000Z"})
    Place(time='2026-01-31T09:30:00.000Z', id=None, is_past=False, seen=())
    """
    when, key = snapshot.get("lastModificationTime"), snapshot.get("lastSeenId")
    if _is_time(when):
        return Place(when, key if _is_id(key) else None)
    for name in ("nextStartTime", "startTime", "lastModifiedDateTime"):
        if _is_time(when := snapshot.get(name)):
            # The first run of the successor may repeat the records of that time, and loses none.
            return Place(when)
    return None


def _is_time(value: Any) -> TypeGuard[Time]:
    if isinstance(value, str):
        return value != ""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: Any) -> TypeGuard[Id]:
    return isinstance(value, str | int) and not isinstance(value, bool)
