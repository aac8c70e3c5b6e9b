"""Sends requests to a provider's token endpoint and to its revocation endpoint."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import requests
import urllib3

from shipmate import observation
from shipmate.errors import ResponseTooLarge, ResponseTooSlow
from shipmate.http.adapter import LimitedAdapter, LimitedSession
from shipmate.http.headers import retry_after_seconds
from shipmate.http.limits import within
from shipmate.oauth2.token_request import TokenRequest
from shipmate.oauth2.token_response import (
    Busy,
    Dead,
    Parse,
    RevocationAnswer,
    TokenResponse,
    Uncertain,
    Unusable,
    understand,
    understand_revocation,
)
from shipmate.platform.http_service import NO_AUTH

TIMEOUTS_SECONDS: Final = (5.0, 30.0)
_LONGEST_ANSWER_SECONDS: Final = 60.0
_LONGEST_ANSWER_BYTES: Final = 1024 * 1024
# Raised before the connection is open: the provider has not received the request.
_NOT_SENT: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


_Understood = TypeVar("_Understood", covariant=True)


class _UnderstandAnswer(Protocol[_Understood]):
    """`understand` or `understand_revocation`."""

    def __call__(
        self, status: int, body: bytes, retry_after_seconds: float | None = None, *, content_type: str | None = None
    ) -> _Understood: ...


def post(
    request: TokenRequest,
    *,
    tls: Mapping[str, Any],
    parse: Parse | None = None,
    dead: Dead | None = None,
    wall_clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> TokenResponse:
    """Send a token request and return the meaning of its answer; redirects are not followed.

    Args:
        request: The form and headers.
        tls: The session's ``verify``, ``cert`` and ``proxies``.
        parse: The author's translation of an unusual answer.
        dead: The author's verdict on an answer.
        wall_clock: Returns epoch seconds, for a Retry-After that is a date.
        monotonic: Returns monotonic seconds, for the time limit on an answer.
    """
    return _send(
        request, partial(understand, parse=parse, dead=dead), tls=tls, wall_clock=wall_clock, monotonic=monotonic
    )


def revoke(request: TokenRequest, *, tls: Mapping[str, Any]) -> RevocationAnswer:
    """Send a revocation request and return the meaning of its answer; redirects are not followed."""
    return _send(request, understand_revocation, tls=tls, wall_clock=time.time, monotonic=time.monotonic)


def _send(
    request: TokenRequest,
    understand_answer: "_UnderstandAnswer[_Understood]",
    *,
    tls: Mapping[str, Any],
    wall_clock: Callable[[], float],
    monotonic: Callable[[], float],
) -> _Understood | Busy | Uncertain | Unusable:
    headers = {"Accept": "application/json", **request.headers}
    try:
        limits = within(_LONGEST_ANSWER_BYTES, _LONGEST_ANSWER_SECONDS, clock=monotonic)
        # A new connection each time: if one from a pool were dead, the outcome of the request would be unknown.
        with (
            observation.current.http_request("token_endpoint", "POST", request.url) as observed,
            LimitedSession(LimitedAdapter()) as session,
            limits,
        ):
            response = session.post(
                request.url,
                data=dict(request.form),
                headers=headers,
                auth=NO_AUTH,
                allow_redirects=False,
                timeout=TIMEOUTS_SECONDS,
                **tls,
            )
            observed.answered(response.status_code)
    except ResponseTooLarge:
        return Unusable("an answer of more than 1 MiB")
    except ResponseTooSlow:
        return Uncertain("no answer in time")
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.InvalidHeader):
        return Unusable("its address or the client's header is not valid")
    except requests.exceptions.SSLError:
        return Unusable("the TLS certificate or handshake was not accepted")
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        return _unanswered(error)
    except requests.exceptions.ContentDecodingError:
        return Unusable("an answer whose compression is broken")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        # The connection broke while the answer was read: the provider has handled the request.
        return Uncertain(type(error).__name__)
    except ValueError:  # a lone surrogate, for instance
        return Unusable("a text in the request that cannot be sent")
    try:
        session.get_redirect_target(response)
    except requests.exceptions.InvalidURL:
        return Unusable("a redirect to a malformed address")
    retry_after = retry_after_seconds(response.headers.get("Retry-After"), wall_clock())
    content_type = response.headers.get("Content-Type")
    return understand_answer(response.status_code, response.content, retry_after, content_type=content_type)


def _unanswered(error: requests.exceptions.RequestException) -> Busy | Uncertain:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Busy("no connection in time")
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Uncertain("no answer in time")
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, _NOT_SENT):
        return Busy("no connection")
    return Uncertain("the connection was closed before the answer was complete")
