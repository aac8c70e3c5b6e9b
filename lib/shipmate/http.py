"""HTTP calls to the platform's services: connections kept, failures retried, nothing secret in errors.

Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from shipmate.errors import PlatformRefused, PlatformUnavailable

_LONGEST_RETRY_AFTER_SECONDS: Final = 60.0
_TEMPORARY: Final = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a service is waited for."""

    attempts: int = 3
    delay_seconds: float = 0.1
    timeout_seconds: float = 15.0
    is_growing: bool = False
    """Whether each pause is twice the one before."""
    sleep: Callable[[float], object] = time.sleep

    def pause_after(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of that number, the first being 0."""
        return max(0.0, min(self.delay_seconds * (2**attempt if self.is_growing else 1), 15.0))


class HeaderAuth(AuthBase):
    """Sets one fixed header; an auth object, so that no netrc entry gets in its place."""

    def __init__(self, value: str | None) -> None:
        """Send ``value`` as Authorization, or nothing at all."""
        self.__value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        if self.__value is not None:
            request.headers["Authorization"] = self.__value
        return request


class HttpService:
    """One service of the platform at one address."""

    def __init__(self, name: str, auth: AuthBase, patience: Patience) -> None:
        """Name the service for messages; nothing is sent yet."""
        self._name = name
        self._auth = auth
        self._patience = patience
        self._local = threading.local()

    def send(
        self, method: str, url: str, *, expected: frozenset[int] = frozenset(), **kwargs: Any
    ) -> requests.Response:
        """Send a request until it has an answer that is final; redirects are not followed.

        Args:
            method: The HTTP method.
            url: The full URL.
            expected: Statuses that are returned although they are errors.
            **kwargs: As for requests.

        Raises:
            PlatformRefused: An error status that asking again does not change.
            PlatformUnavailable: No answer, or a temporary error, on every attempt.
        """
        place = f"{method} {_path(url)} of the {self._name}"
        problem = "no attempt is allowed"
        attempts = max(1, self._patience.attempts)
        for attempt in range(attempts):
            pause = self._patience.pause_after(attempt)
            try:
                response = self._session().request(
                    method,
                    url,
                    auth=self._auth,
                    allow_redirects=False,
                    timeout=self._patience.timeout_seconds,
                    **kwargs,
                )
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                problem = type(error).__name__
            except requests.RequestException as error:
                raise PlatformRefused(f"{place} cannot be sent: {type(error).__name__}") from None
            else:
                status = response.status_code
                if status < 300 or status in expected:
                    return response
                response.close()
                if status < 500 and status not in _TEMPORARY:
                    raise PlatformRefused(f"{place}: expected success, found HTTP {status}")
                problem = f"HTTP {status}"
                asked = retry_after_seconds(response.headers.get("Retry-After"), time.time()) or 0.0
                pause = max(pause, min(asked, _LONGEST_RETRY_AFTER_SECONDS))
            if attempt < attempts - 1:
                self._patience.sleep(pause)
        # Without the cause: the exceptions of requests hold the whole request, credentials included.
        raise PlatformUnavailable(f"{place} did not succeed in {attempts} attempts: {problem}") from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return session


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # requests refuses it too, and says so
        return "a malformed URL"


def json_object(response: requests.Response, what: str) -> Mapping[str, Any]:
    """Return the object in an answer's body.

    Raises:
        PlatformRefused: It is something else.
    """
    try:
        content = response.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    raise PlatformRefused(f"{what}: expected a JSON object, found something else")


def retry_after_seconds(value: str | None, wall_clock: float) -> float | None:
    """Return the seconds that a Retry-After header asks for; nonsense counts as absent.

    Source: RFC 9110 §10.2.3.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - wall_clock)
