"""The actions that find records: by the value of one of their fields, or by a query."""

from typing import Any

from salesforce import choices
from salesforce.client import Salesforce
from salesforce.describe import describe, known
from salesforce.query import pages
from salesforce.schemas import Schema, incoming, outgoing, several
from salesforce.soql import api_name, api_names, literal, select
from shipmate import Context, Message, message
from shipmate.kit import Function, emit_each
from shipmate.kit.values import body_of, choice, flag, number, required


def _lookup(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    """Return the record with the value; the step decides whether none or several are an error."""
    missing, ambiguous = choice(cfg, "missing", "error", "empty"), choice(cfg, "ambiguous", "error", "first")
    found = _find(context, cfg, msg, most=2)
    place = f"of {cfg['object']} with this {cfg['field']}"
    if not found and missing == "error":
        raise LookupError(f"NOT_FOUND: expected a record {place}, found none")
    if len(found) > 1 and ambiguous == "error":
        ids = " and ".join(str(record["Id"]) for record in found)
        raise LookupError(f"AMBIGUOUS: expected one record {place}, found {ids} at least")
    return message(found[0] if found else {})


def _lookup_many(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records with the value, together or one by one; all are read before the first is emitted."""
    emit, most = choice(cfg, "emit", "all", "record"), number(cfg, "most", default=1000, least=1, most=50_000)
    found = _find(context, cfg, msg, most=most)
    emit_each(context, found if emit == "record" else [{"records": found}])


def _query(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the records of the query one by one, page by page, or all in one message."""
    soql, emit = required(body_of(msg), "query"), choice(cfg, "emit", "record", "page", "all")
    found = pages(Salesforce(context, cfg), soql, with_deleted=flag(cfg, "with_deleted"))
    if emit == "record":
        emit_each(context, (record for page in found for record in page))
    else:
        together = found if emit == "page" else [[record for page in found for record in page]]
        emit_each(context, ({"records": records} for records in together))


def _find(context: Context, cfg: dict[str, Any], msg: Message, *, most: int) -> list[dict[str, Any]]:
    """Return the records with the value in a message, in the order of their IDs."""
    name, fields, client = api_name(cfg, "object"), api_names(cfg, "fields"), Salesforce(context, cfg)
    described = known(client, name)
    field = described.field(api_name(cfg, "field"))
    where = f"WHERE {field['name']} = {literal(body_of(msg).get('value'), field['type'])}"
    fields = fields or [each["name"] for each in described.readable([])]
    soql = select(fields, name, where, "ORDER BY Id", f"LIMIT {most}")
    return [each for page in pages(client, soql) for each in page]


def _schemas(context: Context, cfg: dict[str, Any]) -> dict[str, Schema]:
    """Describe the value by its field, and the record by the chosen fields."""
    described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
    field = described.field(api_name(cfg, "field"))
    value = {**field, "name": "value", "label": f"Value of {field['label']}"}
    return {"in": incoming([value], ["value"]), "out": outgoing(described.readable(api_names(cfg, "fields")))}


def _schemas_of_many(context: Context, cfg: dict[str, Any]) -> dict[str, Schema]:
    """Describe the value, and one record or all by the field ``emit``."""
    found = _schemas(context, cfg)
    return found if choice(cfg, "emit", "all", "record") == "record" else {**found, "out": several(found["out"])}


_MODELS = {
    "queryable_objects": choices.objects("queryable"),
    "filter_fields": choices.filter_fields,
    "readable_fields": choices.readable_fields,
}
lookup_object = Function(_lookup, metadata=_schemas, models=_MODELS, rebounds=True)
lookup_objects = Function(_lookup_many, metadata=_schemas_of_many, models=_MODELS, rebounds=True)
query = Function(_query, rebounds=True)
