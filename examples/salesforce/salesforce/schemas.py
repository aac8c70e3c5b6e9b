"""Builds the metadata of messages from the descriptions of objects."""

from collections.abc import Iterable
from typing import Any, Final

from salesforce.describe import Field

Schema = dict[str, Any]

_TYPES: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    **{name: {"type": "integer"} for name in ("int", "long")},
    **{name: {"type": "number"} for name in ("double", "currency", "percent")},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "complexvalue": {"type": "object"},
    "anyType": {},
}


def incoming(fields: Iterable[Field], required: Iterable[str] = ()) -> Schema:
    """Return the schema of a record to write."""
    names = frozenset(required)
    return object_of({each["name"]: _property(each, is_required=each["name"] in names) for each in fields})


def outgoing(fields: Iterable[Field]) -> Schema:
    """Return the schema of a record that was read: a field may be null, its length and choices may be outdated."""
    loose = {}
    for each in fields:
        schema = {name: value for name, value in _property(each).items() if name not in ("enum", "maxLength")}
        loose[each["name"]] = {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema
    return object_of(loose)


def several(record: Schema) -> Schema:
    """Return the schema of a message with several records."""
    return object_of({"records": {"type": "array", "title": "Records", "required": True, "items": record}})


def object_of(properties: dict[str, Schema]) -> Schema:
    """Return the schema of an object."""
    return {"type": "object", "properties": properties}


def _property(field: Field, *, is_required: bool = False) -> Schema:
    schema = {**_TYPES.get(field["type"], {"type": "string"}), "title": field["label"]}
    picklist = field.get("picklistValues") or () if field["type"] in ("picklist", "combobox") else ()
    if choices := [each["value"] for each in picklist if each.get("active")]:
        schema["enum"] = choices
    elif schema.get("type") == "string" and field.get("length") and "format" not in schema:
        schema["maxLength"] = field["length"]
    if references := field.get("referenceTo"):
        schema["title"] = f"{field['label']} ({', '.join(references[:3])})"
    return {**schema, "required": True} if is_required else schema
