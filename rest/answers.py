"""Reads the responses of an API."""

import base64
from typing import Any, Final

import requests

from rest.urls import shown
from shipmate.session.answers import content_type, is_binary, is_json, json_of, reason_of, text_of

__all__ = ["ApiError", "content_type", "describe", "is_binary", "read_body", "require_success"]

LARGEST_BASE64_BYTES: Final = 5 * 1024 * 1024


class ApiError(Exception):
    """The API answered with an error status, with an unreadable body, or not at all."""


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
    if is_json(content_type(response)):
        try:
            return json_of(response)
        except (ValueError, RecursionError):
            raise ApiError(f"{describe(response)}: expected JSON, found something else") from None
    return text_of(response)


def require_success(response: requests.Response) -> None:
    """Raise an error for an error status; its text has the request and the reason.

    The text has no query, and the runtime removes known tokens from all error texts.

    Raises:
        ApiError: The status is 400 or above.
    """
    if response.status_code >= 400:
        text = f"{describe(response)} {response.reason or ''}".strip()
        reason = reason_of(response)
        raise ApiError(f"{text}: {reason}" if reason else text)


def describe(response: requests.Response) -> str:
    """Return the request and the status: ``"GET https://api.example.com/me answered 404"``."""
    request = response.request
    return f"{request.method} {shown(request.url or '')} answered {response.status_code}"
