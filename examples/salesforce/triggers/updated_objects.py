"""Trigger: emit the records of an object that are new or have changed since the last run.

They are in the order of ``SystemModstamp``, the time of the last change by users or by Salesforce, and then of their
IDs, since a bulk load gives one time to many. The changes of the last seconds are left to the next run, because a
change can become visible after a later one.
"""

from typing import Any, Final

from salesforce.choices import objects, readable_fields
from salesforce.client import Salesforce
from salesforce.describe import describe, known
from salesforce.query import LARGEST_PAGE, plain, read
from salesforce.schemas import outgoing, several
from salesforce.settings import api_name, api_names
from salesforce.soql import moment, select
from shipmate import Context, Message
from shipmate.kit import After, Answer, PollFields, keyset, rebounding
from shipmate.kit.values import choice, number

__all__ = ["get_meta_model", "pollable_objects", "process", "readable_fields"]

pollable_objects = objects("queryable", "replicateable")

_STAMP: Final = "SystemModstamp"
_FIELDS: Final = PollFields(
    time=_STAMP, emit="emit", page_size="page_size", start="start_time",
    results="records", individually=("record",), pages=("page",),
)  # fmt: skip


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that have changed since the snapshot, the oldest changes first."""
    name, names, client = api_name(cfg, "object"), api_names(cfg, "fields"), Salesforce(context, cfg)
    lag_seconds = max(1, number(cfg, "lag", default=10, least=0, most=3600))

    def fetch(after: After, until: Any, limit: int) -> Answer:
        fields = names or [each["name"] for each in known(client, name).readable([])]
        order = f"WHERE {condition(after)} ORDER BY {_STAMP} ASC, Id ASC LIMIT {limit}"
        page = read(client, select([_STAMP, *fields], name, order), size=limit)
        # Salesforce may return fewer records than the limit.
        return Answer(page.records, date=page.date, more=page.more or len(page.records) >= limit)

    changes = keyset(
        _STAMP, "Id", lag_seconds=lag_seconds, size=1000, most=LARGEST_PAGE, snapshots="message", fields=_FIELDS
    )
    with rebounding(context):
        changes.poll(context, cfg, snapshot, fetch, of=name, body=plain)


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the records by the chosen fields."""
    described, names = describe(Salesforce(context, cfg), api_name(cfg, "object")), api_names(cfg, "fields")
    record = outgoing(described.readable([*names, _STAMP] if names else []))
    return {"out": several(record) if choice(cfg, "emit", "record", "page") == "page" else record}


def condition(after: After) -> str:
    """Return the SOQL condition for the changes after a place; its first part lets Salesforce use an index.

    >>> condition(After("2025-06-01T12:00:00.000+0000", None, "from"))
    'SystemModstamp >= 2025-06-01T12:00:00.000Z'
    """
    at = moment(str(after.time))
    begins = f"{_STAMP} >= {at}"
    return begins if after.id is None else f"{begins} AND ({_STAMP} > {at} OR Id > '{after.id}')"
