"""Action: create a record."""

from typing import Any

from salesforce.answers import content
from salesforce.choices import creatable_objects
from salesforce.client import Salesforce
from salesforce.describe import describe
from salesforce.rebounds import rebounds
from salesforce.records import given_record, saving, written
from salesforce.schemas import WRITTEN, incoming
from salesforce.settings import api_name
from shipmate import Context, Message

__all__ = ["creatable_objects", "get_meta_model", "process"]


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Create a record of the chosen object from the message and emit its id."""
    name, record = api_name(cfg, "object"), given_record(msg)
    answer = content(Salesforce(context, cfg).post("sobjects", name, json=record, headers=saving(cfg)))
    context.emit("data", written(answer["id"], is_new=True))


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that a new record may have."""
    fields = [each for each in describe(Salesforce(context, cfg), api_name(cfg, "object")).fields if each.is_createable]
    return {"in": incoming(fields, [each.name for each in fields if each.is_required]), "out": WRITTEN}
