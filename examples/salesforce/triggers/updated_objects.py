"""Trigger: emit the records of an object that are new or have changed since the last run.

A snapshot follows each message as soon as the message is safe; it has the place of its last record. So a run that
crashes loses nothing, and repeats at most one message, whose snapshot was not safe yet, with the same id.
"""

from typing import Any

from salesforce.changes import STAMP, changes, following
from salesforce.choices import pollable_objects, readable_fields
from salesforce.client import Salesforce
from salesforce.describe import DESCRIPTIONS, describe
from salesforce.lookup import chosen_fields
from salesforce.query import plain
from salesforce.rebounds import rebounds
from salesforce.schemas import outgoing, several
from salesforce.settings import api_name, api_names, choice
from shipmate import Context, Message

__all__ = ["get_meta_model", "pollable_objects", "process", "readable_fields"]


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records that have changed since the snapshot, the oldest changes first."""
    name, client = api_name(cfg, "object"), Salesforce(context, cfg)
    fields = api_names(cfg, "fields") or DESCRIPTIONS.of(client, name).readable()
    following(cfg).poll(context, cfg, snapshot, changes(client, name, fields), of=name, body=plain)


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the records by the chosen fields."""
    described, names = describe(Salesforce(context, cfg), api_name(cfg, "object")), api_names(cfg, "fields")
    record = outgoing(chosen_fields(described.fields, [*names, STAMP] if names else []))
    return {"out": several(record) if choice(cfg, "emit", "record", "page") == "page" else record}
