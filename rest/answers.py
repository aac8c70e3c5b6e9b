"""Reading what an API answers."""

import base64
from email.message import Message
from typing import Any, Final

import requests

from rest.urls import shown

LARGEST_BASE64_BYTES: Final = 5 * 1024 * 1024
_TEXTS: Final = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
# Where APIs say what went wrong. Source: RFC 9457 §3.1.4, RFC 6749 §5.2, and custom.
_REASONS: Final = ("detail", "error_description", "error.message", "message", "error", "title")
_LONGEST_REASON: Final = 200


class ApiError(Exception):
    """The API answered with an error status, with something that cannot be read, or not at all."""


def content_type(response: requests.Response) -> str:
    """Return the media type of an answer, without its parameters: ``"application/json"``."""
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def is_binary(response: requests.Response) -> bool:
    """Tell whether an answer is neither JSON nor text."""
    kind = content_type(response)
    if not response.content or _is_json(kind) or kind.startswith(_TEXTS) or "+xml" in kind:
        return False
    return bool(kind) or not _is_utf8(response.content)


def read_body(response: requests.Response) -> Any:
    """Return the body: a JSON value, text, ``{"base64": ..., "contentType": ...}``, or None when there is none.

    Raises:
        ApiError: It is not the JSON that it claims to be, or it is too large for base64.
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
            return response.json()
        except ValueError:
            raise ApiError(f"{describe(response)}: expected JSON, found something else") from None
    return _text(response)


def require_success(response: requests.Response) -> None:
    """Raise `ApiError` for an error status; it says what was asked for, and why the API refuses.

    Neither the query is in it nor a token: the runtime removes those that it knows from all error texts.
    """
    if response.status_code >= 400:
        text = f"{describe(response)} {response.reason or ''}".strip()
        reason = _reason(response)
        raise ApiError(f"{text}: {reason}" if reason else text)


def describe(response: requests.Response) -> str:
    """Return what was asked for and the status: ``"GET https://api.example.com/me answered 404"``."""
    request = response.request
    return f"{request.method} {shown(request.url or '')} answered {response.status_code}"


def find(content: Any, dotted: str) -> Any:
    """Return what is at ``data.items`` of nested objects, None when nothing is there.

    >>> find({"data": {"items": [7]}}, "data.items")
    [7]
    """
    for name in filter(None, dotted.split(".")):
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _reason(response: requests.Response) -> str:
    """Return one short line of what the API says about an error; nothing of HTML pages and the like."""
    if _is_json(content_type(response)):
        try:
            body = response.json()
        except ValueError:
            return ""
        said = [value for value in (find(body, place) for place in _REASONS) if isinstance(value, str)]
    else:
        said = [_text(response)] if content_type(response) == "text/plain" else []
    line = " ".join(said[0].split()) if said else ""
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def _text(response: requests.Response) -> str:
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type", "")
    try:
        # UTF-8 unless it says otherwise, and not the Latin-1 that requests assumes.
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
