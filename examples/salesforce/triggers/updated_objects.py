"""Trigger: emit the records of an object that are new or have changed since the last run.

A snapshot follows each message as soon as the message is safe; it has the place of its last record. So a run that
crashes loses nothing, and repeats at most one message, whose snapshot was not safe yet, with the same id.
"""

from typing import Any

from salesforce.changes import STAMP, Following, Place, start_of
from salesforce.choices import pollable_objects, readable_fields
from salesforce.client import Salesforce
from salesforce.describe import DESCRIPTIONS, describe
from salesforce.lookup import chosen_fields
from salesforce.progress import digest, message_id
from salesforce.query import LARGEST_PAGE, Record, plain
from salesforce.rebounds import rebounds
from salesforce.schemas import outgoing, several
from salesforce.settings import api_name, api_names, choice, whole_number
from shipmate import Context, Message, message

__all__ = ["get_meta_model", "pollable_objects", "process", "readable_fields"]

_EMITS = ("record", "page")


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that have changed since the snapshot, the oldest changes first."""
    name, emit = api_name(cfg, "object"), choice(cfg, "emit", *_EMITS)
    start = start_of(str(cfg.get("start_time") or ""))
    place = Place.resume(snapshot, digest(name, start), start)
    client = Salesforce(context, cfg)
    following = Following(
        object=name,
        fields=api_names(cfg, "fields") or DESCRIPTIONS.of(client, name).readable(),
        page_size=whole_number(cfg, "page_size", 1000, lowest=1, highest=LARGEST_PAGE),
        lag_seconds=whole_number(cfg, "lag", 10, lowest=0, highest=3600),
    )
    goes_on = True
    while goes_on:
        records, goes_on = following.changes(client, place)
        for group in [records] if emit == "page" and records else [[each] for each in records]:
            context.emit("data", _message(group, emit))
            place = place.after(group[-1])
            context.emit("snapshot", place.snapshot())


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the records by the chosen fields."""
    described, names = describe(Salesforce(context, cfg), api_name(cfg, "object")), api_names(cfg, "fields")
    record = outgoing(chosen_fields(described.fields, [*names, STAMP] if names else []))
    return {"out": several(record) if choice(cfg, "emit", *_EMITS) == "page" else record}


def _message(records: list[Record], emit: str) -> Message:
    bodies = [plain(record) for record in records]
    identity = message_id(*(f"{record['Id']} {record[STAMP]}" for record in records))
    return {"id": identity, **message({"records": bodies} if emit == "page" else bodies[0])}
