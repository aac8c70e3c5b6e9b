"""Reading what an API answers."""

import base64
from typing import Any

import requests

LARGEST_BASE64_BYTES = 5 * 1024 * 1024
_TEXTS = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


class ApiError(Exception):
    """The API answered with an error status, or with something that cannot be read."""


def content_type(response: requests.Response) -> str:
    """Return the media type of an answer, without its parameters: ``"application/json"``."""
    return response.headers.get("Content-Type", "").split(";")[0].strip().lower()


def is_binary(response: requests.Response) -> bool:
    """Tell whether an answer is neither JSON nor text."""
    kind = content_type(response)
    return bool(response.content and kind) and not _is_json(kind) and not (kind.startswith(_TEXTS) or "+xml" in kind)


def read_body(response: requests.Response) -> Any:
    """Return the body: a JSON value, text, ``{"base64": ..., "contentType": ...}``, or None when there is none."""
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
    return response.text


def require_success(response: requests.Response) -> None:
    """Raise `ApiError` for an error status; it says what was asked for, without the query and without a token."""
    if response.status_code >= 400:
        raise ApiError(f"{describe(response)} {response.reason or ''}".strip())


def describe(response: requests.Response) -> str:
    """Return what was asked for and the status: ``"GET https://api.example.com/me answered 404"``."""
    request = response.request
    return f"{request.method} {(request.url or '').split('?')[0]} answered {response.status_code}"


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")
