"""Reads the responses of an API."""

import base64
import json
from collections.abc import Iterator
from email.message import Message
from itertools import islice
from typing import Any, Final

import requests

from rest.urls import shown

LARGEST_BASE64_BYTES: Final = 5 * 1024 * 1024
_TEXTS: Final = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
# Members with the reason of an error. Source: RFC 9457 §3.1.4, RFC 6749 §5.2, and common practice.
_REASONS: Final = ("detail", "error_description", "error.message", "message", "error", "title")
# Objects and lists with reasons in them. Source: JSON:API 1.1 §11, OData JSON format 4.01 §21.1, OData 2.0, and common
# practice, for example of Salesforce (a list), Jira, Shopify and SOAP gateways.
_HOLDERS: Final = (
    *("error", "odata.error", "errors", "message", "value", "errorMessages", "errorMessage", "error_message"),
    *("fault", "faultstring", "description", "reason", "msg", "messages", "exception", "innererror"),
)
_MOST_REASONS: Final = 3
_DEEPEST_REASON: Final = 5
_LONGEST_REASON: Final = 200


class ApiError(Exception):
    """The API answered with an error status, with an unreadable body, or not at all."""


def content_type(response: requests.Response) -> str:
    """Return the media type of a response, without parameters: ``"application/json"``."""
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def is_binary(response: requests.Response) -> bool:
    """Tell whether a response is neither JSON nor text."""
    kind = content_type(response)
    if not response.content or _is_json(kind) or kind.startswith(_TEXTS) or "+xml" in kind:
        return False
    return bool(kind) or not _is_utf8(response.content)


def read_body(response: requests.Response) -> Any:
    """Return the body: a JSON value, text, ``{"base64": ..., "contentType": ...}``, or None if it is empty.

    Raises:
        ApiError: The body is not the JSON that its content type says, or is too large for base64.
    """
    if not response.content:
        return None
    if is_binary(response):
        if len(response.content) > LARGEST_BASE64_BYTES:
            raise ApiError(f"the answer has {len(response.content)} bytes: emit binary answers as attachments")
        encoded = base64.b64encode(response.content).decode("ascii")
        return {"base64": encoded, "contentType": content_type(response)}
    if _is_json(content_type(response)):
        try:
            return _json(response)
        except (ValueError, RecursionError):
            raise ApiError(f"{describe(response)}: expected JSON, found something else") from None
    return _text(response)


def require_success(response: requests.Response) -> None:
    """Raise an error for an error status; its text has the request and the reason.

    The text has no query, and the runtime removes known tokens from all error texts.

    Raises:
        ApiError: The status is 400 or above.
    """
    if response.status_code >= 400:
        text = f"{describe(response)} {response.reason or ''}".strip()
        reason = _reason(response)
        raise ApiError(f"{text}: {reason}" if reason else text)


def describe(response: requests.Response) -> str:
    """Return the request and the status: ``"GET https://api.example.com/me answered 404"``."""
    request = response.request
    return f"{request.method} {shown(request.url or '')} answered {response.status_code}"


def find(content: Any, dotted: str) -> Any:
    """Return the member of nested objects at a path such as ``data.items``, None if it is missing.

    >>> find({"data": {"items": [7]}}, "data.items")
    [7]
    """
    for name in filter(None, dotted.split(".")):
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _reason(response: requests.Response) -> str:
    """Return the reason of an error on one short line; nothing for HTML pages and other types."""
    said: list[str] = []
    if _is_json(content_type(response)):
        try:
            said = list(dict.fromkeys(islice(_reasons(_json(response), _DEEPEST_REASON), _MOST_REASONS)))
        except (ValueError, RecursionError):
            return ""
    elif content_type(response) == "text/plain":
        said = [_line(_text(response))]
    line = "; ".join(said)
    if len(line) <= _LONGEST_REASON:
        return line
    # A cut word may be the beginning of a token, which the runtime would not recognise.
    return f"{line[:_LONGEST_REASON].rpartition(' ')[0] or line[:_LONGEST_REASON]}…"


def _reasons(body: Any, depth: int) -> Iterator[str]:
    """Yield the reasons in the body of an error."""
    if isinstance(body, str):
        if line := _line(body):
            yield line
    elif depth and isinstance(body, list):
        for item in body[:_MOST_REASONS]:
            yield from _reasons(item, depth - 1)
    elif depth and isinstance(body, dict):
        texts = (find(body, place) for place in _REASONS)
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


def _json(response: requests.Response) -> Any:
    """Return the JSON of a body, also behind a byte order mark."""
    # Without a charset requests recognises the mark.
    return json.loads(response.text.removeprefix("\ufeff")) if response.encoding else response.json()


def _text(response: requests.Response) -> str:
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "")
    try:
        # UTF-8 by default, unlike requests, which assumes Latin-1.
        return response.content.decode(str(header.get_param("charset") or "utf-8"), "replace")
    except LookupError:
        return response.content.decode("utf-8", "replace")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")
