"""Follows the changes of an object by ``SystemModstamp``, the time of the last change by users or by Salesforce.

Many records can have the same time, for example after a bulk load: they are ordered by time and then by ID. The changes
of the last seconds are left to the next run, because a change can become visible after a later one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from salesforce.client import Salesforce
from salesforce.query import LARGEST_PAGE, first_page
from salesforce.settings import whole_number
from salesforce.soql import moment, quoted, select
from shipmate.kit import After, Answer, Keyset, PollFields, keyset

STAMP: Final = "SystemModstamp"
_FIELDS: Final = PollFields(
    time=STAMP,
    emit="emit",
    page_size="page_size",
    start="start_time",
    results="records",
    individually=("record",),
    pages=("page",),
)


def following(cfg: dict[str, Any]) -> Keyset:
    """Return the declaration of the trigger; Salesforce gets its times before it shows the records."""
    lag_seconds = max(1, whole_number(cfg, "lag", 10, lowest=0, highest=3600))
    return keyset(
        STAMP, "Id", lag_seconds=lag_seconds, size=1000, most=LARGEST_PAGE, snapshots="message", fields=_FIELDS
    )


def changes(client: Salesforce, name: str, fields: list[str]) -> Callable[[After, Any, int], Answer]:
    """Return the function that fetches a page of changes."""
    chosen = list(dict.fromkeys(["Id", STAMP, *fields]))

    def fetch(after: After, until: Any, limit: int) -> Answer:
        order = (f"ORDER BY {STAMP} ASC, Id ASC", f"LIMIT {limit}")
        page = first_page(client, select(chosen, name, f"WHERE {_condition(after)}", *order), size=limit)
        # Salesforce may return fewer records than the limit. By its own clock, which sets the times.
        is_full = len(page.records) >= limit or page.next is not None
        return Answer(page.records, date=page.asked_at, more=is_full)

    return fetch


def _condition(after: After) -> str:
    """Return the SOQL condition for the changes after a place; its first part lets Salesforce use an index.

    >>> _condition(After("2025-06-01T12:00:00.000+0000", None, "from"))
    'SystemModstamp >= 2025-06-01T12:00:00.000Z'
    """
    at = moment(datetime.fromisoformat(str(after.time)))
    begins = f"{STAMP} >= {at}"
    return begins if after.id is None else f"{begins} AND ({STAMP} > {at} OR Id > {quoted(str(after.id))})"
