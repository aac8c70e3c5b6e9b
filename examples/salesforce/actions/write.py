"""The actions that create, update, upsert and delete a record."""

import re
from typing import Any, Final

from salesforce import choices
from salesforce.client import Salesforce
from salesforce.describe import describe
from salesforce.schemas import incoming, object_of
from salesforce.soql import api_name
from shipmate import ApiError, Context, Message, message
from shipmate.kit import Function, json_of
from shipmate.kit.values import body_of, choice, flag

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_ID_FIELD: Final = {"name": "Id", "label": "Record ID", "type": "id", "length": 18}
_WRITTEN: Final = object_of(
    {
        "id": {"type": "string", "title": "Record ID", "required": True},
        "created": {"type": "boolean", "title": "Whether the record is new", "required": True},
    }
)


def _create(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    """Create a record of the chosen object from the message and return its id."""
    return _save(context, cfg, "POST", [api_name(cfg, "object")], body_of(msg))


def _update(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    """Change the fields in the message, keep the others, and return the id."""
    name, record = api_name(cfg, "object"), body_of(msg)
    record_id = _taken_id(record)
    return _save(context, cfg, "PATCH", [name, record_id], record, record_id)


def _upsert(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    """Write the record with the external ID in the message, and return its id and whether it is new."""
    name, key, record = api_name(cfg, "object"), api_name(cfg, "key_field"), body_of(msg)
    # The key is in the URL, and Salesforce refuses it in the body.
    return _save(context, cfg, "PATCH", [name, key, _taken(record, key)], record)


def _save(
    context: Context, cfg: dict[str, Any], method: str, place: list[str], record: Any, record_id: str | None = None
) -> Message:
    """Write a record, and return the id in the answer; 204 has none, but the record is written."""
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"} if flag(cfg, "save_duplicates") else {}
    client = Salesforce(context, cfg, attempts=1)
    answer = client.send(method, "sobjects", *place, body=record, headers=headers, repeatable=method == "PATCH")
    record_id = json_of(answer)["id"] if answer.content else record_id
    return message({"id": record_id, "created": answer.status_code == 201})


def _delete(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> Message:
    """Delete the record and return its id and whether it existed."""
    name, missing = api_name(cfg, "object"), choice(cfg, "missing", "error", "ignore")
    record_id, is_deleted = _taken_id(body_of(msg)), True
    try:
        Salesforce(context, cfg, attempts=1).send("DELETE", "sobjects", name, record_id)
    except ApiError as error:
        if missing == "error" or error.api_code not in ("ENTITY_IS_DELETED", "NOT_FOUND"):
            raise
        is_deleted = False
    return message({"id": record_id, "deleted": is_deleted})


def _to_create(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that a new record may have."""
    fields = [each for each in describe(Salesforce(context, cfg), api_name(cfg, "object")).fields if each["createable"]]
    needed = [each["name"] for each in fields if not each["nillable"] and not each["defaultedOnCreate"]]
    return {"in": incoming(fields, needed), "out": _WRITTEN}


def _to_update(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that can be changed."""
    fields = describe(Salesforce(context, cfg), api_name(cfg, "object")).fields
    return {"in": incoming([_ID_FIELD, *(each for each in fields if each["updateable"])], ["Id"]), "out": _WRITTEN}


def _to_upsert(context: Context, cfg: dict[str, Any]) -> dict[str, Any]:
    """Describe the fields that can be written; none is required, since the record may exist."""
    described = describe(Salesforce(context, cfg), api_name(cfg, "object"))
    key = described.field(api_name(cfg, "key_field"))
    others = [each for each in described.fields if (each["createable"] or each["updateable"]) and each is not key]
    return {"in": incoming([key, *others], [key["name"]]), "out": _WRITTEN}


def _taken(record: dict[str, Any], name: str) -> str:
    """Remove the field that identifies a record from it, and return its text."""
    value = record.pop(name, None)
    if value is None or isinstance(value, dict | list | bool) or not str(value).strip():
        raise ValueError(f"{name}: expected a value that names a record, found none")
    return str(value).strip()


def _taken_id(record: dict[str, Any]) -> str:
    value = _taken(record, "Id")
    if not _ID.fullmatch(value):
        raise ValueError("Id: expected the 15 or 18 letters and digits of a record's ID, found something else")
    return value


create_object = Function(
    _create, metadata=_to_create, models={"creatable_objects": choices.objects("createable")}, rebounds=True
)
update_object = Function(
    _update, metadata=_to_update, models={"updatable_objects": choices.objects("updateable")}, rebounds=True
)
upsert_object = Function(
    _upsert,
    metadata=_to_upsert,
    models={"upsertable_objects": choices.objects("createable", "updateable"), "key_fields": choices.key_fields},
    rebounds=True,
)
delete_object = Function(_delete, models={"deletable_objects": choices.objects("deletable")}, rebounds=True)
