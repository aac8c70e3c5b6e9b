"""Action: delete the record with an ID."""

from typing import Any

from salesforce.answers import SalesforceError
from salesforce.choices import deletable_objects
from salesforce.client import Salesforce
from salesforce.rebounds import rebounds
from salesforce.records import given_record, taken_id
from salesforce.settings import api_name, choice
from shipmate import Context, Message, message

__all__ = ["deletable_objects", "process"]

_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Delete the record and emit its id and whether it existed."""
    name, missing = api_name(cfg, "object"), choice(cfg, "missing", "error", "ignore")
    record_id = taken_id(given_record(msg))
    is_deleted = True
    try:
        Salesforce(context, cfg).delete("sobjects", name, record_id)
    except SalesforceError as error:
        if missing == "error" or error.code not in _GONE:
            raise
        is_deleted = False
    context.emit("data", message({"id": record_id, "deleted": is_deleted}))
