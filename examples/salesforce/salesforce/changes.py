"""Follows the changes of an object by ``SystemModstamp``, the time of the last change by users or by Salesforce.

Many records can have the same time, for example after a bulk load: they are ordered by time and then by ID, and a place
has both. The changes of the last seconds are left to the next run, because a change can become visible after a later
one.
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
    """A place among all changes: after the change of a record at a time."""

    of: str
    """A hash of the followed object, by which a snapshot of another object is recognised."""
    at: str = _EPOCH
    id: str = ""

    @classmethod
    def resume(cls, snapshot: Any, of: str, start: str) -> "Place":
        """Return the place in a snapshot, or the start if the snapshot belongs to another object."""
        if isinstance(snapshot, Mapping) and snapshot.get("of") == of:
            return cls(of, str(snapshot["at"]), str(snapshot["id"]))
        return cls(of, start or _EPOCH)

    def after(self, record: Record) -> "Place":
        """Return the place after a record."""
        return Place(self.of, moment(stamp(record)), str(record["Id"]))

    def snapshot(self) -> dict[str, str]:
        """Return the snapshot for the next run."""
        return {"of": self.of, "at": self.at, "id": self.id}

    @property
    def condition(self) -> str:
        """The SOQL condition for the changes after this place; its first part lets Salesforce use an index."""
        if not self.id:
            return f"{STAMP} >= {self.at}"
        return f"{STAMP} >= {self.at} AND ({STAMP} > {self.at} OR Id > {quoted(self.id)})"


@dataclass(frozen=True)
class Following:
    """A followed object: the fields to read, the records of one page, and the age of a change before it is read."""

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
        # By the clock of Salesforce, which sets the times, in whole seconds.
        settled_at = page.asked_at - timedelta(seconds=self.lag_seconds)
        settled = [record for record in page.records if stamp(record) < settled_at]
        # Salesforce may return fewer records than the limit.
        is_full = len(page.records) >= self.page_size or page.next is not None
        return settled, is_full and len(settled) == len(page.records)


def stamp(record: Record) -> datetime:
    """Return the time of the last change of a record."""
    try:
        when = datetime.fromisoformat(str(record.get(STAMP)))
    except ValueError:
        raise SalesforceError(f"expected a time in {STAMP} of each record, found none") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def start_of(given: str) -> str:
    """Return a start time as a SOQL literal, an empty text if it is missing.

    >>> start_of("2025-01-01"), start_of(" ")
    ('2025-01-01T00:00:00.000Z', '')
    """
    if not given.strip():
        return ""
    try:
        return moment(datetime.fromisoformat(given.strip()))
    except ValueError:
        raise ValueError("start_time: expected a moment such as 2025-01-01T00:00:00Z, found something else") from None
