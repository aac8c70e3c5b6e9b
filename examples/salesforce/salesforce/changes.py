"""Following the changes of an object by ``SystemModstamp``, the time of every change, those of Salesforce included.

Many records can have the same time, of a bulk load for example: they are ordered by time and then by ID, and the
place is both. What was changed in the latest seconds is left for the next run, because a change can become visible
later than another that is younger by a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from salesforce.answers import SalesforceError
from salesforce.client import Salesforce
from salesforce.query import Record, first_page
from salesforce.soql import moment, quoted, select

STAMP: Final = "SystemModstamp"
_EPOCH: Final = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Place:
    """A place among all changes: after the record with this ID, as it was changed at this time."""

    of: str
    """Stands for what is followed: a snapshot of something else must not be taken for one of this."""
    at: str = _EPOCH
    id: str = ""

    @classmethod
    def resume(cls, snapshot: Any, of: str, start: str) -> "Place":
        """Return the place in a snapshot; without one of the same object, the start."""
        if isinstance(snapshot, Mapping) and snapshot.get("of") == of:
            return cls(of, str(snapshot["at"]), str(snapshot["id"]))
        return cls(of, start or _EPOCH)

    def after(self, record: Record) -> "Place":
        """Return the place after a record."""
        return Place(self.of, moment(stamp(record)), str(record["Id"]))

    def snapshot(self) -> dict[str, str]:
        """Return what the next run must know."""
        return {"of": self.of, "at": self.at, "id": self.id}

    @property
    def condition(self) -> str:
        """What finds the changes from here on; its first part is there for the index of Salesforce's database."""
        if not self.id:
            return f"{STAMP} >= {self.at}"
        return f"{STAMP} >= {self.at} AND ({STAMP} > {self.at} OR Id > {quoted(self.id)})"


@dataclass(frozen=True)
class Following:
    """An object that is followed: which fields are read, how many records at once, and how old a change must be."""

    object: str
    fields: list[str]
    page_size: int
    lag_seconds: int

    def changes(self, client: Salesforce, place: Place) -> tuple[list[Record], bool]:
        """Return the next changes after a place, the oldest first, and whether there may be more now."""
        fields = list(dict.fromkeys(["Id", STAMP, *self.fields]))
        order = (f"ORDER BY {STAMP} ASC, Id ASC", f"LIMIT {self.page_size}")
        soql = select(fields, self.object, f"WHERE {place.condition}", *order)
        page = first_page(client, soql, size=self.page_size)
        # By Salesforce's clock, which made the times. They have whole seconds.
        settled_at = page.asked_at - timedelta(seconds=self.lag_seconds)
        settled = [record for record in page.records if stamp(record) < settled_at]
        # Salesforce may give fewer records at once than it was asked for.
        is_full = len(page.records) >= self.page_size or page.next is not None
        return settled, is_full and len(settled) == len(page.records)


def stamp(record: Record) -> datetime:
    """Return when a record was changed."""
    try:
        when = datetime.fromisoformat(str(record.get(STAMP)))
    except ValueError:
        raise SalesforceError(f"expected a time in {STAMP} of each record, found none") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def start_of(given: str) -> str:
    """Return a start time as SOQL has it, nothing for none.

    >>> start_of("2025-01-01"), start_of(" ")
    ('2025-01-01T00:00:00.000Z', '')
    """
    if not given.strip():
        return ""
    try:
        return moment(datetime.fromisoformat(given.strip()))
    except ValueError:
        raise ValueError("start_time: expected a moment such as 2025-01-01T00:00:00Z, found something else") from None
