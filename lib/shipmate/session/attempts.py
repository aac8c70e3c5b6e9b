"""Reads from an answer, or from the exception in its place, what the policy needs to know of a request that failed."""

from collections.abc import Mapping
from typing import Any, Final

import requests
from urllib3.exceptions import NewConnectionError

from shipmate.errors import ResponseTooSlow
from shipmate.session.policy import NEVER, Failure

NO_ANSWER: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
"""The exceptions of a request without an answer."""
_CAUSES: Final = {
    "NameResolutionError": "the host is not known",
    "Failed to resolve": "the host is not known",
    "Connection refused": "the connection was refused",
    "No route to host": "there is no route to the host",
    "Network is unreachable": "the network is not reachable",
    "ProxyError": "the proxy cannot be reached",
}
"""What the texts of exceptions say, in words for people who do not know the libraries."""
_MAY_BE_DONE: Final = "shipmate_may_be_done"
_IDEMPOTENCY_KEY: Final = "idempotency-key"


def failure_of(method: str, outcome: requests.Response | Exception, options: Mapping[str, Any]) -> Failure:
    """Return one attempt that did not succeed.

    Args:
        method: The method of the request.
        outcome: The answer, or the exception in its place.
        options: The arguments of the request, of which ``repeatable`` and an idempotency key allow repetitions.
    """
    is_marked = bool(options.get("repeatable")) or _has_idempotency_key(options.get("headers"))
    if isinstance(outcome, requests.Response):
        return Failure(method.upper(), outcome.status_code, outcome.headers.get("Retry-After"), is_marked=is_marked)
    is_certificate = isinstance(outcome, requests.exceptions.SSLError)
    may_pass = isinstance(outcome, (*NO_ANSWER, ResponseTooSlow)) and not is_certificate
    return Failure(method.upper(), None if may_pass else NEVER, was_sent=_was_sent(outcome), is_marked=is_marked)


def note_unclear(response: requests.Response) -> None:
    """Note at an answer that the API may have executed the request in an earlier attempt."""
    response.__dict__[_MAY_BE_DONE] = True


def may_be_done(response: requests.Response) -> bool:
    """Tell whether the API may have executed the request in an earlier attempt, of which the answer is lost."""
    return _MAY_BE_DONE in response.__dict__


def cause_of(error: Exception) -> str:
    """Return why there is no answer: ``"(ConnectionError): the connection was refused"``, without names of hosts."""
    text = str(error)
    found = next((cause for mark, cause in _CAUSES.items() if mark in text), "")
    if isinstance(error, requests.exceptions.SSLError):
        found = "the certificate is not accepted"
    return f"({type(error).__name__})" + (f": {found}" if found else "")


def _was_sent(error: Exception) -> bool:
    """Tell whether a request may have reached the API: not if there was no connection."""
    # The client for usual requests leaves the error of urllib3 in the context, requests wraps it.
    wrapped = getattr(error.args[0], "reason", None) if error.args else None
    has_no_connection = isinstance(error.__context__, NewConnectionError) or isinstance(wrapped, NewConnectionError)
    return not has_no_connection and not isinstance(error, requests.ConnectTimeout)


def _has_idempotency_key(headers: Mapping[str, Any] | None) -> bool:
    """Tell whether the API recognises a repeated request by a key."""
    return any(str(name).lower() == _IDEMPOTENCY_KEY for name in headers or ())
