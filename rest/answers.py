"""Reads the answers of an API."""

from typing import Any, Final

import requests

from shipmate import ApiError
from shipmate.kit.objects.connection import json_of
from shipmate.session.answers import body_of, content_type, is_binary, is_json

LARGEST_BASE64_BYTES: Final = 5 * 1024 * 1024


def read_body(response: requests.Response) -> Any:
    """Return the body: a JSON value, text, ``{"base64": ..., "contentType": ...}``, or None if it is empty.

    Raises:
        ApiError: The body is too large for base64.
        ValueError: The body is not the JSON that its content type says.
    """
    if is_binary(response) and len(response.content) > LARGEST_BASE64_BYTES:
        raise ApiError(f"the answer has {len(response.content)} bytes: emit binary answers as attachments")
    return json_of(response) if is_json(content_type(response)) else body_of(response)
