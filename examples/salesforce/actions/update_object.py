"""Action: change the record with an ID."""

from typing import Any

from salesforce.choices import updatable_objects
from salesforce.client import Salesforce
from salesforce.describe import Field, describe
from salesforce.rebounds import rebounds
from salesforce.records import given_record, saving, taken_id, written
from salesforce.schemas import WRITTEN, incoming
from salesforce.settings import api_name
from shipmate import Context, Message

__all__ = ["get_meta_model", "process", "updatable_objects"]

_ID = Field("Id", "Record ID", "id", length=18)


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Change the fields in the message, keep the others, and emit the id."""
    name, record = api_name(cfg, "object"), given_record(msg)
    record_id = taken_id(record)
    Salesforce(context, cfg).patch("sobjects", name, record_id, json=record, headers=saving(cfg))
    context.emit("data", written(record_id, is_new=False))


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that can be changed."""
    fields = describe(Salesforce(context, cfg), api_name(cfg, "object")).fields
    return {"in": incoming([_ID, *(each for each in fields if each.is_updateable)], ["Id"]), "out": WRITTEN}
