"""Trigger: page through a collection and emit its records; the snapshot keeps the position.

A snapshot follows each message as soon as the message is safe; it has the page and the emitted records of that page.
So a run that crashes loses nothing. It repeats at most one message, whose snapshot was not safe yet. The id of a
message is derived from its records, so later steps can recognise the repetition.
"""

from typing import Any, Final

from rest.collection import Collection
from shipmate import Context, Message
from shipmate.kit import PollFields, listing

_FIELDS: Final = PollFields(
    time="since_field",
    emit="emit",
    page_size="page_size",
    results="records",
    individually=("record",),
    pages=("page",),
)


def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that are new since the snapshot."""
    collection = Collection(context, cfg)
    fields = collection.fields
    listing(fields["id_field"], time=fields["since_field"], fields=_FIELDS).poll(
        context, cfg, snapshot, collection.read, of=collection.name, source=f"{fields['base_url']} {fields['path']}"
    )


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


def _first_records(context: Context, cfg: dict[str, Any]) -> list[dict[str, Any]]:
    # The user is choosing these fields at this moment: a wrong one must not be an error.
    page = Collection(context, {**cfg, "id_field": "", "since_field": ""}).read(None, None, 100)
    return [record for record in page.records[:10] if isinstance(record, dict)]


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "string")
