"""Action: find all records that have a value in one of their fields."""

from typing import Any

from salesforce.choices import filter_fields, queryable_objects, readable_fields
from salesforce.client import Salesforce
from salesforce.lookup import Lookup
from salesforce.rebounds import rebounds
from salesforce.schemas import several
from salesforce.settings import choice, whole_number
from shipmate import Context, Message, message

__all__ = ["filter_fields", "get_meta_model", "process", "queryable_objects", "readable_fields"]

_EMITS = ("all", "record")


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records with the value, together or one by one; all are read before the first is emitted."""
    emit, most = choice(cfg, "emit", *_EMITS), whole_number(cfg, "most", 1000, lowest=1, highest=50_000)
    found = Lookup.from_cfg(cfg).find(Salesforce(context, cfg), msg, most=most)
    for body in found if emit == "record" else [{"records": found}]:
        context.emit("data", message(body))


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the value by its field, and the records by the chosen fields."""
    value, record = Lookup.from_cfg(cfg).schemas(Salesforce(context, cfg))
    return {"in": value, "out": record if choice(cfg, "emit", *_EMITS) == "record" else several(record)}
