"""Builds the metadata of messages from the descriptions of objects."""

from collections.abc import Iterable
from typing import Any, Final

from salesforce.describe import Field

Schema = dict[str, Any]

_TYPES: Final[dict[str, Schema]] = {
    "boolean": {"type": "boolean"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "double": {"type": "number"},
    "currency": {"type": "number"},
    "percent": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "complexvalue": {"type": "object"},
    "anyType": {},
}
_TEXT: Final[Schema] = {"type": "string"}

WRITTEN: Final[Schema] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "title": "Record ID", "required": True},
        "created": {"type": "boolean", "title": "Whether the record is new", "required": True},
    },
}
"""The output of an action that writes a record."""


def incoming(fields: Iterable[Field], required: Iterable[str] = ()) -> Schema:
    """Return the schema of a record to write."""
    names = frozenset(required)
    return _object({field.name: _property(field, is_required=field.name in names) for field in fields})


def outgoing(fields: Iterable[Field]) -> Schema:
    """Return the schema of a record that was read; every field may be null."""
    return _object({field.name: _nullable(_property(field)) for field in fields})


def several(record: Schema) -> Schema:
    """Return the schema of a message with several records."""
    records = {"type": "array", "title": "Records", "required": True, "items": record}
    return _object({"records": records})


def of_value(field: Field) -> Schema:
    """Return the schema of a message with one value to look for."""
    return _object({"value": {**_property(field, is_required=True), "title": f"Value of {field.label}"}})


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties}


def _property(field: Field, *, is_required: bool = False) -> Schema:
    schema = {**_TYPES.get(field.type, _TEXT), "title": field.label}
    if field.choices:
        schema["enum"] = list(field.choices)
    elif schema.get("type") == "string" and field.length and "format" not in schema:
        schema["maxLength"] = field.length
    if field.references:
        schema["title"] = f"{field.label} ({', '.join(field.references[:3])})"
    if is_required:
        schema["required"] = True
    return schema


def _nullable(schema: Schema) -> Schema:
    """Return the schema of a stored value: it may be null, and its length and choices may be outdated."""
    loose = {name: value for name, value in schema.items() if name not in ("enum", "maxLength")}
    return {**loose, "type": [loose["type"], "null"]} if "type" in loose else loose
