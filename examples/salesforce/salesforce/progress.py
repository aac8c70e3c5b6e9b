"""How far a query has been read: what the trigger keeps in its snapshot."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from salesforce.query import Page, Record

_NAMESPACE: Final = uuid.UUID("0f0c3c8e-7a53-4f0e-8f53-6f1b8f2f5a64")


def digest(*parts: str) -> str:
    """Return a short text that stands for others: a snapshot must stay below 5 KB."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


def message_id(*identity: str) -> str:
    """Return the id of a message that is made of the same things, the same whenever that happens."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(identity)))


@dataclass
class Progress:
    """How far one run of a query has got, over all the calls that it takes.

    Salesforce keeps the result of a query for two days, so that a page can be read again at its path. The first page
    has none: the query is run again, and ``trail`` tells whether it begins with the records that are done.
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
        """Go on with the run of a snapshot; without one of this query begin a new run with the given name."""
        if not isinstance(snapshot, Mapping) or snapshot.get("query") != query:
            return cls(query, run)
        return cls(**{name: value for name, value in snapshot.items() if name in cls.__annotations__})

    def snapshot(self) -> dict[str, Any]:
        """Return what the next call must know."""
        return {name: value for name, value in asdict(self).items() if value}

    def left(self, page: Page) -> list[tuple[str, Record]]:
        """Return the records of a page that have not been emitted, each with what tells it from all others.

        When the page does not begin with those that have been, all of it is left: better twice than not at all.
        """
        where = self.page or ""
        named = [(identity(record, f"{where}#{index}"), record) for index, record in enumerate(page.records)]
        if _trail("", [name for name, _ in named[: self.done]]) != self.trail:
            self.done, self.trail = 0, ""
        return named[self.done :]

    def note(self, names: Sequence[str]) -> None:
        """Remember that the next records of the page have been emitted."""
        self.done += len(names)
        self.trail = _trail(self.trail, names)

    def turn(self, page: str | None) -> None:
        """Go on to another page, the first one if it is None."""
        self.page, self.done, self.trail = page, 0, ""


def identity(record: Record, place: str) -> str:
    """Return what tells a record from all others: the URL that Salesforce gives it, or its place in the result.

    The totals of a GROUP BY have no URL.
    """
    attributes = record.get("attributes")
    url = attributes.get("url") if isinstance(attributes, dict) else None
    return url if isinstance(url, str) else place


def _trail(begun: str, names: Sequence[str]) -> str:
    for name in names:
        begun = digest(begun, name)
    return begun
