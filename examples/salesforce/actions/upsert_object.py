"""Action: change the record with an external ID, or create it."""

from typing import Any

from salesforce.answers import content
from salesforce.choices import key_fields, upsertable_objects
from salesforce.client import Salesforce
from salesforce.describe import describe
from salesforce.rebounds import rebounds
from salesforce.records import given_record, saving, taken, written
from salesforce.schemas import WRITTEN, incoming
from salesforce.settings import api_name
from shipmate import Context, Message

__all__ = ["get_meta_model", "key_fields", "process", "upsertable_objects"]


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Write the record with the external ID in the message, and emit its id and whether it is new."""
    name, key, record = api_name(cfg, "object"), api_name(cfg, "key_field"), given_record(msg)
    # The key is in the URL, and Salesforce refuses it in the body.
    value = taken(record, key)
    response = Salesforce(context, cfg).patch("sobjects", name, key, value, json=record, headers=saving(cfg))
    # 204 has no id, but the record is written.
    record_id = content(response)["id"] if response.content else None
    context.emit("data", written(record_id, is_new=response.status_code == 201))


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that can be written; none is required, since the record may exist."""
    described, key = describe(Salesforce(context, cfg), api_name(cfg, "object")), api_name(cfg, "key_field")
    chosen = described.field(key)
    others = [each for each in described.fields if (each.is_createable or each.is_updateable) and each is not chosen]
    return {"in": incoming([chosen, *others], [chosen.name]), "out": WRITTEN}
