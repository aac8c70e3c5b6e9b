"""The actions that find records: by the value of one of their fields, or by a query."""

from types import SimpleNamespace
from typing import Any

from salesforce import choices
from salesforce.client import Salesforce
from salesforce.describe import describe, known
from salesforce.query import pages
from salesforce.schemas import Schema, of_value, outgoing, several
from salesforce.settings import api_name, api_names
from salesforce.soql import literal, select
from shipmate import ApiError, Context, Message, TransientError, message
from shipmate.kit import rebounding
from shipmate.kit.values import body_of, choice, flag, number, required


def _lookup(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the record with the value; the step decides whether none or several are an error."""
    missing, ambiguous = choice(cfg, "missing", "error", "empty"), choice(cfg, "ambiguous", "error", "first")
    with rebounding(context):
        found = _find(context, cfg, msg, most=2)
        place = f"of {cfg['object']} with this {cfg['field']}"
        if not found and missing == "error":
            raise LookupError(f"NOT_FOUND: expected a record {place}, found none")
        if len(found) > 1 and ambiguous == "error":
            ids = " and ".join(str(record["Id"]) for record in found)
            raise LookupError(f"AMBIGUOUS: expected one record {place}, found {ids} at least")
        context.emit("data", message(found[0] if found else {}))


def _lookup_many(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records with the value, together or one by one; all are read before the first is emitted."""
    emit, most = choice(cfg, "emit", "all", "record"), number(cfg, "most", default=1000, least=1, most=50_000)
    with rebounding(context):
        found = _find(context, cfg, msg, most=most)
        for body in found if emit == "record" else [{"records": found}]:
            context.emit("data", message(body))


def _query(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query one by one, page by page, or all in one message."""
    soql, emit = required(body_of(msg), "query"), choice(cfg, "emit", "record", "page", "all")
    found = pages(Salesforce(context, cfg), soql, with_deleted=flag(cfg, "with_deleted"))
    emitted = 0
    with rebounding(context):
        try:
            for records in [[each for page in found for each in page]] if emit == "all" else found:
                for body in records if emit == "record" else [{"records": records}]:
                    context.emit("data", message(body))
                    emitted += 1
        except (ApiError, TransientError) as error:
            if not emitted:
                raise
            # A rebound would emit these messages again.
            raise ApiError(f"after {emitted} messages: {error}") from None


def _find(context: Context, cfg: dict[str, Any], msg: Message, *, most: int) -> list[dict[str, Any]]:
    """Return the records with the value in a message, in the order of their IDs."""
    name, fields, client = api_name(cfg, "object"), api_names(cfg, "fields"), Salesforce(context, cfg)
    described = known(client, name)
    field = described.field(api_name(cfg, "field"))
    where = f"WHERE {field['name']} = {literal(body_of(msg).get('value'), field['type'])}"
    fields = fields or [each["name"] for each in described.readable([])]
    return [
        each for page in pages(client, select(fields, name, where, "ORDER BY Id", f"LIMIT {most}")) for each in page
    ]


def _schemas(context: Context, cfg: dict[str, Any]) -> dict[str, Schema]:
    """Describe the value by its field, and the record by the chosen fields."""
    described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
    record = outgoing(described.readable(api_names(cfg, "fields")))
    return {"in": of_value(described.field(api_name(cfg, "field"))), "out": record}


def _schemas_of_many(context: Context, cfg: dict[str, Any]) -> dict[str, Schema]:
    """Describe the value, and one record or all by the field ``emit``."""
    found = _schemas(context, cfg)
    return found if choice(cfg, "emit", "all", "record") == "record" else {**found, "out": several(found["out"])}


_MODELS = {
    "queryable_objects": choices.objects("queryable"),
    "filter_fields": choices.filter_fields,
    "readable_fields": choices.readable_fields,
}
lookup_object = SimpleNamespace(process=_lookup, get_meta_model=_schemas, **_MODELS)
lookup_objects = SimpleNamespace(process=_lookup_many, get_meta_model=_schemas_of_many, **_MODELS)
query = SimpleNamespace(process=_query)
