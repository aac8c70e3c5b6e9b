"""Reads the message of a webhook: headers, parameters, the unparsed body, and the event in it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from shipmate.errors import DescriptorError


def header(msg: Mapping[str, Any], name: str) -> str:
    """Return a header, an empty text if it is missing; the case of its name does not matter."""
    headers = msg.get("headers")
    for each, value in headers.items() if isinstance(headers, Mapping) else ():
        if str(each).lower() == name.lower():
            return str(value[0] if isinstance(value, list) and value else value)
    return ""


def query(msg: Mapping[str, Any], name: str) -> str:
    """Return a parameter of the query, an empty text if it is missing."""
    given = msg.get("query")
    value = given.get(name) if isinstance(given, Mapping) else None
    return value if isinstance(value, str) else ""


def method(msg: Mapping[str, Any]) -> str:
    """Return the method of the request: ``"POST"``."""
    return str(msg.get("method") or "").upper()


def is_raw(msg: Mapping[str, Any]) -> bool:
    """Return whether the body arrives unparsed."""
    body = msg.get("body")
    return isinstance(body, Mapping) and "rawData" in body


def raw_body(msg: Mapping[str, Any]) -> bytes:
    """Return the bytes of the body.

    Raises:
        DescriptorError: The body is parsed.
    """
    body = msg.get("body")
    raw = body.get("rawData") if isinstance(body, Mapping) else body
    if isinstance(raw, str):
        return raw.encode("utf-8", "surrogatepass")
    if isinstance(raw, bytes):
        return raw
    if isinstance(raw, Mapping) and raw.get("type") == "Buffer" and isinstance(raw.get("data"), list):
        return bytes(raw["data"])
    if not body:
        return b""
    raise DescriptorError(
        'component.json: expected "consumesRawData": true, found a parsed body: a signature is of the unparsed one'
    )


def event(msg: Mapping[str, Any], body: bytes) -> Any:
    """Return the event of a body: JSON, the fields of a form, or text."""
    kind = header(msg, "content-type").split(";")[0].strip().lower()
    content = body.decode("utf-8", "replace")
    if kind == "application/x-www-form-urlencoded":
        fields = parse_qs(content, keep_blank_values=True, max_num_fields=1000)
        return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    try:
        return json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return content
