"""The progress of a trigger through a query, which it keeps in its snapshot."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from salesforce.query import Page, Record

_NAMESPACE: Final = uuid.UUID("0f0c3c8e-7a53-4f0e-8f53-6f1b8f2f5a64")


def digest(*parts: str) -> str:
    """Return a short hash of texts, for a snapshot of less than 5 KB."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


def message_id(*identity: str) -> str:
    """Return the id of a message; equal parts always make the same id."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(identity)))


@dataclass
class Progress:
    """The progress of one run of a query, over all its calls.

    Salesforce keeps the result of a query for two days, so that a page can be read again at its path. The first page
    has no path: the query is run again, and ``trail`` tells whether the result begins with the emitted records.
    """

    query: str
    """Stands for the query: a snapshot of another one must not be taken for one of this."""
    run: str
    """Tells the messages of one run from those of the next."""
    page: str | None = None
    """The path of the page, None for the first one."""
    done: int = 0
    """How many of its records have been emitted."""
    trail: str = ""
    """Stands for these."""

    @classmethod
    def resume(cls, snapshot: Any, query: str, run: str) -> "Progress":
        """Return the run in a snapshot; a snapshot of another query starts a new run with the given name."""
        if not isinstance(snapshot, Mapping) or snapshot.get("query") != query:
            return cls(query, run)
        return cls(**{name: value for name, value in snapshot.items() if name in cls.__annotations__})

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot for the next call."""
        return {name: value for name, value in asdict(self).items() if value}

    def left(self, page: Page) -> list[tuple[str, Record]]:
        """Return the records of a page that have not been emitted yet, each with its identity.

        If the page does not begin with the emitted records, all its records are returned: a repetition is better than a
        loss.
        """
        where = self.page or ""
        named = [(identity(record, f"{where}#{index}"), record) for index, record in enumerate(page.records)]
        if _trail("", [name for name, _ in named[: self.done]]) != self.trail:
            self.done, self.trail = 0, ""
        return named[self.done :]

    def note(self, names: Sequence[str]) -> None:
        """Note that the next records of the page were emitted."""
        self.done += len(names)
        self.trail = _trail(self.trail, names)

    def turn(self, page: str | None) -> None:
        """Move to a page; None is the first one."""
        self.page, self.done, self.trail = page, 0, ""


def identity(record: Record, place: str) -> str:
    """Return the identity of a record: its URL at Salesforce, or its place in the result.

    The totals of a GROUP BY have no URL.
    """
    attributes = record.get("attributes")
    url = attributes.get("url") if isinstance(attributes, dict) else None
    return url if isinstance(url, str) else place


def _trail(begun: str, names: Sequence[str]) -> str:
    for name in names:
        begun = digest(begun, name)
    return begun
