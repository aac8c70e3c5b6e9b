"""Trigger: page through a collection and emit its records; the snapshot keeps the position.

A snapshot follows each message as soon as the message is safe; it has the page and the emitted records of that page.
So a run that crashes loses nothing. It repeats at most one message, whose snapshot was not safe yet. The id of a
message is derived from its records, so later steps can recognise the repetition.
"""

import uuid
from typing import Any

from rest.paging import Collection, Page, Record
from rest.progress import Progress
from rest.sending import Retries
from rest.urls import hosts
from shipmate import Context, Message, message

_NAMESPACE = uuid.UUID("6f0f9d2a-6f5e-5c55-9d53-0d6b5f0c7a11")


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that are new since the snapshot."""
    collection, retries, api = Collection.from_cfg(cfg), Retries.from_cfg(cfg), context.oauth2(cfg, hosts=hosts(cfg))
    progress = Progress.resume(snapshot, collection.name)
    kept = progress.snapshot()
    goes_on = True
    while goes_on:
        page = collection.read(api, cfg, retries, position=progress.position, since=progress.since)
        new = progress.new(page)
        if count := progress.count_ahead(new):
            context.logger.warning(
                "%d records have a time in the future in %s: the position stays before it", count, cfg["since_field"]
            )
        for records in [new] if cfg.get("emit") == "page" else [[record] for record in new]:
            if records:
                context.emit("data", _message(records, collection, cfg))
                progress.note(records)
                kept = _keep(context, progress, kept)
        goes_on = progress.turn(page)
        kept = _keep(context, progress, kept)


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the messages by the first records of the collection."""
    properties: dict[str, Any] = {}
    for record in _first_records(context, cfg):
        properties |= {name: {"type": _type(value), "title": name} for name, value in record.items()}
    out: dict[str, Any] = {"type": "object", "properties": properties}
    if cfg.get("emit") == "page":
        records = {"type": "array", "required": True, "items": out}
        out = {"type": "object", "properties": {"records": records}}
    return {"out": out}


def record_fields(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """List the fields of the first records, as choices for the id field and the date field."""
    return {name: name for record in _first_records(context, cfg) for name in record}


def _keep(context: Context, progress: Progress, kept: dict[str, Any]) -> dict[str, Any]:
    """Emit a snapshot if it differs from the one before, and return it."""
    snapshot = progress.snapshot()
    if snapshot != kept:
        context.emit("snapshot", snapshot)
    return snapshot


def _message(records: list[Record], collection: Collection, cfg: dict[str, Any]) -> Message:
    if cfg.get("emit") == "page":
        body: Any = {"records": [record.value for record in records]}
    else:
        value = records[0].value
        body = value if isinstance(value, dict) else {"value": value}
    identity = " ".join([collection.base_url, collection.path, *(record.identity for record in records)])
    return {"id": str(uuid.uuid5(_NAMESPACE, identity)), **message(body)}


def _first_records(context: Context, cfg: dict[str, Any]) -> list[dict[str, Any]]:
    # The user is choosing these fields at this moment: a wrong one must not be an error.
    collection = Collection.from_cfg({**cfg, "id_field": "", "since_field": ""})
    api = context.oauth2(cfg, hosts=hosts(cfg))
    page: Page = collection.read(api, cfg, Retries.from_cfg(cfg), position=None, since=None)
    return [record.value for record in page.records[:10] if isinstance(record.value, dict)]


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "string")
