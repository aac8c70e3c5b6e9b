"""Reads the answers of an API: their bodies, and what they say about an error. Pure; no I/O."""

import base64
import json
from collections.abc import Iterator
from email.message import Message
from itertools import islice
from typing import Any, Final

import requests

from shipmate.jsonvalue import member_at

_TEXTS: Final = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
# Members with the reason of an error. Source: RFC 9457 §3.1.4, RFC 6749 §5.2, and common practice.
_REASONS: Final = ("detail", "error_description", "error.message", "message", "error", "title")
# Objects and lists with reasons in them. Source: JSON:API 1.1 §11, OData JSON format 4.01 §21.1, OData 2.0, and common
# practice, for example of Salesforce (a list), Jira, Shopify and SOAP gateways.
_HOLDERS: Final = (
    *("error", "odata.error", "errors", "message", "value", "errorMessages", "errorMessage", "error_message"),
    *("fault", "faultstring", "description", "reason", "msg", "messages", "exception", "innererror"),
)
_CODES: Final = ("errorCode", "error_code", "code", "error.code", "error.status", "error", "status", "name")
_REQUEST_IDS: Final = (
    *("x-request-id", "request-id", "x-correlation-id", "x-ms-request-id", "x-amzn-requestid", "sforce-request-id"),
    "cf-ray",
)
_MOST_REASONS: Final = 3
_DEEPEST_REASON: Final = 5
_LONGEST_REASON: Final = 200
_LONGEST_CODE: Final = 64


def content_type(response: requests.Response) -> str:
    """Return the media type of a response, without parameters: ``"application/json"``."""
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Tell whether a media type is JSON."""
    return kind == "application/json" or kind.endswith("+json")


def is_binary_type(kind: str) -> bool:
    """Tell whether a media type is known, and is neither JSON nor text."""
    return kind != "" and not (is_json(kind) or kind.startswith(_TEXTS) or "+xml" in kind)


def is_binary(response: requests.Response) -> bool:
    """Tell whether a response is neither JSON nor text."""
    kind = content_type(response)
    if not response.content:
        return False
    return is_binary_type(kind) if kind else not _is_utf8(response.content)


def body_of(response: requests.Response) -> Any:
    """Return the body: a JSON value, text, ``{"base64": ..., "contentType": ...}``, or None if it is empty."""
    if not response.content:
        return None
    if is_binary(response):
        return binary_body(response.content, content_type(response))
    if is_json(content_type(response)):
        try:
            return json_of(response)
        except (ValueError, RecursionError):
            pass
    return text_of(response)


def headers_of(response: requests.Response) -> dict[str, str]:
    """Return the headers, with small letters."""
    return {name.lower(): value for name, value in response.headers.items()}


def binary_body(content: bytes, kind: str) -> dict[str, str]:
    """Return the body of a message for bytes: ``{"base64": "AAE=", "contentType": "image/png"}``."""
    return {"base64": base64.b64encode(content).decode("ascii"), "contentType": kind}


def json_of(response: requests.Response) -> Any:
    """Return the JSON of a body, also behind a byte order mark.

    Raises:
        ValueError, RecursionError: The body is not JSON, or nested too deeply.
    """
    # Without a charset requests recognises the mark.
    return json.loads(response.text.removeprefix("\ufeff")) if response.encoding else response.json()


def text_of(response: requests.Response) -> str:
    """Return the body as text, in UTF-8 unless it says otherwise: requests assumes Latin-1."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "")
    try:
        return response.content.decode(str(header.get_param("charset") or "utf-8"), "replace")
    except LookupError:
        return response.content.decode("utf-8", "replace")


def reason_of(response: requests.Response) -> str:
    """Return the reason of an error on one short line; nothing for HTML pages and other types."""
    said: list[str] = []
    if is_json(content_type(response)):
        try:
            said = list(dict.fromkeys(islice(_reasons(json_of(response), _DEEPEST_REASON), _MOST_REASONS)))
        except (ValueError, RecursionError):
            return ""
    elif content_type(response) == "text/plain":
        said = [_line(text_of(response))]
    line = "; ".join(said)
    if len(line) <= _LONGEST_REASON:
        return line
    # A cut word may be the beginning of a token, which the runtime would not recognise.
    return f"{line[:_LONGEST_REASON].rpartition(' ')[0] or line[:_LONGEST_REASON]}…"


def code_of(response: requests.Response) -> str:
    """Return the API's own code of an error, such as ``"INVALID_FIELD"``, ``""`` without one."""
    if not is_json(content_type(response)):
        return ""
    try:
        body = json_of(response)
    except (ValueError, RecursionError):
        return ""
    for _ in range(2):
        while isinstance(body, list) and body:
            body = body[0]
        found = (member_at(body, place) for place in _CODES)
        code = next((str(each) for each in found if isinstance(each, str | int) and _is_code(str(each))), "")
        if code or not isinstance(body, dict):
            return code
        body = body.get("errors")
    return ""


def request_id_of(response: requests.Response) -> str:
    """Return the id by which the API's own support finds a request, ``""`` without one."""
    found = (response.headers.get(name, "") for name in _REQUEST_IDS)
    return next((each[:_LONGEST_CODE] for each in found if _is_code(each[:_LONGEST_CODE])), "")


def _is_code(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_CODE and text.isascii() and text.isprintable() and " " not in text


def _reasons(body: Any, depth: int) -> Iterator[str]:
    """Yield the reasons in the body of an error."""
    if isinstance(body, str):
        if line := _line(body):
            yield line
    elif depth and isinstance(body, list):
        for item in body[:_MOST_REASONS]:
            yield from _reasons(item, depth - 1)
    elif depth and isinstance(body, dict):
        texts = (member_at(body, place) for place in _REASONS)
        text = next((line for value in texts if isinstance(value, str) and (line := _line(value))), "")
        if text:
            yield text
            return
        inside = (list(_reasons(body[name], depth - 1)) for name in _HOLDERS if name in body)
        found = next(filter(None, inside), [])
        # {"errors": {"name": ["is missing"]}}
        fields = body.get("errors")
        if not found and isinstance(fields, dict):
            for name, value in list(fields.items())[:_MOST_REASONS]:
                found += [f"{_line(str(name))}: {reason}" for reason in _reasons(value, depth - 1)]
        yield from found


def _line(text: str) -> str:
    return " ".join(text[:10_000].split())


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
