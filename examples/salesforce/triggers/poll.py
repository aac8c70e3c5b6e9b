"""The triggers: the records of an object that are new or have changed, and the result of a query.

A snapshot follows each message as soon as the message is safe. So the next run continues after a crash, loses nothing,
and repeats at most one message, with the same id.
"""

from typing import Any, Final

from salesforce.choices import objects, readable_fields
from salesforce.client import Salesforce
from salesforce.describe import describe, known
from salesforce.query import LARGEST_PAGE, plain, read
from salesforce.schemas import outgoing, several
from salesforce.soql import api_name, api_names, moment, select
from shipmate import ApiError, Context, Message
from shipmate.kit import After, Answer, Function, PollFields, TokenRefused, full_listing, keyset
from shipmate.kit.values import choice, flag, number, required

_STAMP: Final = "SystemModstamp"
_FIELDS: Final = PollFields(
    time=_STAMP, emit="emit", page_size="page_size", start="start_time",
    results="records", individually=("record",), pages=("page",),
)  # fmt: skip
# The totals of a GROUP BY have no URL.
_RESULT: Final = full_listing("attributes.url", size=LARGEST_PAGE, most=LARGEST_PAGE, fields=_FIELDS)


def _updated(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that have changed since the snapshot, the oldest changes first.

    They are in the order of ``SystemModstamp``, the time of the last change by users or by Salesforce, and then of
    their IDs, since a bulk load gives one time to many. The changes of the last seconds are left to the next run,
    because a change can become visible after a later one.
    """
    name, names, client = api_name(cfg, "object"), api_names(cfg, "fields"), Salesforce(context, cfg)
    lag_seconds = max(1, number(cfg, "lag", default=10, least=0, most=3600))

    def fetch(after: After, until: Any, limit: int) -> Answer:
        fields = names or [each["name"] for each in known(client, name).readable([])]
        at = moment(str(after.time))
        # The first condition lets Salesforce use an index.
        behind = "" if after.id is None else f"AND ({_STAMP} > {at} OR Id > '{after.id}')"
        clauses = (f"WHERE {_STAMP} >= {at}", behind, f"ORDER BY {_STAMP} ASC, Id ASC LIMIT {limit}")
        page = read(client, select([_STAMP, *fields], name, *filter(None, clauses)), size=limit)
        # Salesforce may return fewer records than the limit.
        return Answer(page.records, date=page.date, more=page.more or len(page.records) >= limit)

    changes = keyset(
        _STAMP, "Id", lag_seconds=lag_seconds, size=1000, most=LARGEST_PAGE, snapshots="message", fields=_FIELDS
    )
    changes.poll(context, cfg, snapshot, fetch, of=name, body=plain)


def _found(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query that follow the position in the snapshot; every run emits all of them.

    More messages than one are repeated, with the same ids, if the run died on the first page and its records have
    changed since, or if Salesforce has discarded the result.
    """
    soql, with_deleted = required(cfg, "query"), flag(cfg, "with_deleted")
    client = Salesforce(context, cfg)

    def fetch(position: str | int | None, limit: int) -> Answer:
        try:
            return read(client, soql, position, with_deleted=with_deleted)
        except ApiError as error:
            # Salesforce keeps the result of a query for two days.
            raise TokenRefused if error.api_code == "INVALID_QUERY_LOCATOR" else error from None

    _RESULT.poll(context, cfg, snapshot, fetch, of=[soql, with_deleted], body=plain)


def _schemas(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the records by the chosen fields."""
    described, names = describe(Salesforce(context, cfg), api_name(cfg, "object")), api_names(cfg, "fields")
    record = outgoing(described.readable([*names, _STAMP] if names else []))
    return {"out": several(record) if choice(cfg, "emit", "record", "page") == "page" else record}


_MODELS: Final = {"pollable_objects": objects("queryable", "replicateable"), "readable_fields": readable_fields}
updated_objects = Function(_updated, metadata=_schemas, models=_MODELS, rebounds=True)
poll_query = Function(_found, rebounds=True)
