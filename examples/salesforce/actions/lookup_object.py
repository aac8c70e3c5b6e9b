"""Action: find the record that has a value in one of its fields."""

from typing import Any

from salesforce.answers import SalesforceError
from salesforce.choices import filter_fields, queryable_objects, readable_fields
from salesforce.client import Salesforce
from salesforce.lookup import Lookup
from salesforce.rebounds import rebounds
from salesforce.settings import choice
from shipmate import Context, Message, message

__all__ = ["filter_fields", "get_meta_model", "process", "queryable_objects", "readable_fields"]


@rebounds
def process(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the record with the value; the step decides whether none or several are an error."""
    lookup = Lookup.from_cfg(cfg)
    missing, ambiguous = choice(cfg, "missing", "error", "empty"), choice(cfg, "ambiguous", "error", "first")
    found = lookup.find(Salesforce(context, cfg), msg, most=2)
    if not found and missing == "error":
        raise SalesforceError(
            f"NOT_FOUND: expected a record of {lookup.object} with this {lookup.field}, found none", code="NOT_FOUND"
        )
    if len(found) > 1 and ambiguous == "error":
        ids = " and ".join(str(record["Id"]) for record in found)
        raise SalesforceError(
            f"AMBIGUOUS: expected one record of {lookup.object} with this {lookup.field}, found {ids} at least",
            code="AMBIGUOUS",
        )
    context.emit("data", message(found[0] if found else {}))


def get_meta_model(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the value by its field, and the record by the chosen fields."""
    value, record = Lookup.from_cfg(cfg).schemas(Salesforce(context, cfg))
    return {"in": value, "out": record}
