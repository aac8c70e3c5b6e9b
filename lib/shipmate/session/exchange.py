"""Sends a request whose errors become what the fields of a step say: an exception, a message, or a rebound."""

from collections.abc import Callable, Container
from typing import Any

import requests

from shipmate.errors import ApiError, ResponseTooSlow
from shipmate.session.attempts import NO_ANSWER, cause_of, failure_of
from shipmate.session.diverted import Diverted
from shipmate.session.errors import NO_STATUS, ErrorPolicy, judged, message_body
from shipmate.session.session import Session
from shipmate.urls import shown


def exchange(
    session: Session,
    method: str,
    url: str,
    *,
    rebound: Callable[[str], object],
    allow: Container[int] = (),
    **kwargs: Any,
) -> dict[str, Any] | None:
    """Send a request, and return the body of the message to emit: the answer, or an error that shall be emitted.

    Args:
        session: The session; its fields say what becomes of an error.
        method: The HTTP method.
        url: The URL.
        rebound: Emits ``rebound`` with a reason.
        allow: Statuses from 400 on that are no errors here.
        **kwargs: As for `Session.request`.

    Returns:
        ``{"statusCode": 200, "HTTPHeaders": {...}, "responseBody": ...}``; without an answer
        ``{"statusCode": 0, "error": "..."}``; None after a rebound.

    Raises:
        ApiError: The API has refused the request, or has not answered, and the fields do not say otherwise.
    """
    try:
        return message_body(accepted(session, method, url, allow=allow, **kwargs))
    except Diverted as diverted:
        if diverted.body is None:
            rebound(diverted.reason)
        return diverted.body


def accepted(
    session: Session,
    method: str,
    url: str,
    *,
    allow: Container[int] = (),
    is_file: Callable[[requests.Response], bool] | None = None,
    **kwargs: Any,
) -> requests.Response:
    """Send a request and return its answer, whose status is below 400 or allowed.

    Args:
        session, method, url, allow, kwargs: As for `exchange`.
        is_file: Tells by the headers whether the caller reads the body of a success in pieces; other bodies are read
            whole. Only for methods that may be repeated.

    Raises:
        ApiError: The API has refused the request, or has not answered.
        Diverted: The same, and the fields of the step turn it into a message or a rebound.
    """
    policy = ErrorPolicy.from_fields(session.fields)
    outcome: requests.Response | Exception
    try:
        given = kwargs if is_file is None else {**kwargs, "stream": True}
        outcome = response = session.request(method, url, **given)
        if is_file is not None and not (response.status_code < 400 and is_file(response)):
            try:
                session.read_whole(response)
            except NO_ANSWER:  # the policy repeats requests whose whole answer it sees
                outcome = response = session.request(method, url, **kwargs)
    except (requests.RequestException, ResponseTooSlow) as caught:
        outcome = caught
        sent = getattr(getattr(caught, "request", None), "url", None) or url
        error = ApiError(f"{method} {shown(sent)} got no answer {cause_of(caught)}")
        body: dict[str, Any] = {"statusCode": NO_STATUS, "error": str(error)}
        verdict = policy.verdict(NO_STATUS)
    else:
        verdict = policy.verdict(response.status_code)
        if verdict == "success" or response.status_code in allow:
            return response
        error, body = session.error_of(response), message_body(response) if verdict == "emit" else {}
    # Not chained: the texts of these exceptions have the query.
    if verdict == "throwError":
        raise judged(error, session.policy, failure_of(method, outcome, kwargs)) from None
    raise Diverted(str(error), body if verdict == "emit" else None) from None
