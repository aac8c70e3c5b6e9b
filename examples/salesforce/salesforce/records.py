"""Reads records from messages, and builds the headers for writing them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from salesforce.settings import Cfg, is_checked
from shipmate import Message, message

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def given_record(msg: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the record in a message.

    Raises:
        ValueError: The body is no object.
    """
    body = msg.get("body")
    if not isinstance(body, dict):
        raise ValueError(f"the body of the message: expected an object with fields, found {type(body).__name__}")
    return dict(body)


def taken(record: dict[str, Any], name: str) -> str:
    """Remove the field that identifies a record from it, and return its text.

    Raises:
        ValueError: The field is missing or no text or number.
    """
    value = record.pop(name, None)
    if value is None or isinstance(value, dict | list | bool) or not str(value).strip():
        raise ValueError(f"{name}: expected a value that names a record, found none")
    return str(value).strip()


def taken_id(record: dict[str, Any]) -> str:
    """Remove ``Id`` from a record and return it.

    Raises:
        ValueError: ``Id`` is missing or malformed.
    """
    value = taken(record, "Id")
    if not _ID.fullmatch(value):
        raise ValueError("Id: expected the 15 or 18 letters and digits of a record's ID, found something else")
    return value


def saving(cfg: Cfg) -> dict[str, str]:
    """Return the headers for writing a record: whether a duplicate may be saved."""
    return {"Sforce-Duplicate-Rule-Header": "allowSave=true"} if is_checked(cfg.get("save_duplicates")) else {}


def written(record_id: str | None, *, is_new: bool) -> Message:
    """Return the message about a written record."""
    return message({"id": record_id, "created": is_new})
