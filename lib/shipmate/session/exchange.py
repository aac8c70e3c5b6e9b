"""Sends a request whose errors become what the fields of a step say: an exception, a message, or a rebound."""

from collections.abc import Callable
from typing import Any

import requests

from shipmate.errors import ApiError, ResponseTooSlow
from shipmate.session.errors import NO_STATUS, ErrorPolicy, message_body
from shipmate.session.session import Session
from shipmate.urls import shown


def exchange(
    session: Session, method: str, url: str, *, rebound: Callable[[str], object], **kwargs: Any
) -> dict[str, Any] | None:
    """Send a request, and return the body of the message to emit: the answer, or an error that shall be emitted.

    Args:
        session: The session; its fields say what becomes of an error.
        method: The HTTP method.
        url: The URL.
        rebound: Emits ``rebound`` with a reason.
        **kwargs: As for `Session.request`.

    Returns:
        ``{"statusCode": 200, "HTTPHeaders": {...}, "responseBody": ...}``; without an answer
        ``{"statusCode": 0, "error": "..."}``; None after a rebound.

    Raises:
        ApiError: The API has refused the request, or has not answered, and the fields do not say otherwise.
    """
    policy = ErrorPolicy.from_fields(session.fields)
    try:
        response = session.request(method, url, **kwargs)
    except (requests.RequestException, ResponseTooSlow) as caught:
        error = ApiError(f"{method} {shown(url)} got no answer ({type(caught).__name__})")
        body: dict[str, Any] = {"statusCode": NO_STATUS, "error": str(error)}
        verdict = policy.verdict(NO_STATUS)
    else:
        verdict = policy.verdict(response.status_code)
        if verdict in ("success", "emit"):
            return message_body(response)
        error, body = session.error_of(response), {}
    if verdict == "rebound":
        rebound(str(error))
        return None
    if verdict == "emit":
        return body
    # Not chained: the texts of these exceptions have the query.
    raise error from None
