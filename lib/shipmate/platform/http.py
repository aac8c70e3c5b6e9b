"""HTTP calls to the platform's services: connections kept, failures retried, nothing secret in errors.

Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from shipmate.errors import PlatformRefused, PlatformUnavailable

if TYPE_CHECKING:
    import requests


_LONGEST_RETRY_AFTER_SECONDS: Final = 60.0
_LONGEST_SAID: Final = 500
_KEEP_ALIVE: Final = "Keep-Alive"
"""As the platform's other clients write it. Source: contract §9."""
_PROXIES: Final = frozenset({"http_proxy", "all_proxy"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a service is waited for."""

    attempts: int = 3
    delay_seconds: float = 0.1
    timeout_seconds: float = 15.0
    is_growing: bool = False
    """Whether each pause is twice the one before."""
    temporary: frozenset[int] = frozenset({408, 429})
    """Statuses below 500 after which it is asked again."""
    sleep: Callable[[float], object] = time.sleep

    def pause_after(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of that number, the first being 0."""
        return max(0.0, min(self.delay_seconds * (2**attempt if self.is_growing else 1), 15.0))


@dataclass(frozen=True, slots=True)
class ExpectedStatuses:
    """How the answers to one request are understood."""

    expected: frozenset[int] = frozenset()
    """Statuses that are returned although they are errors."""
    expected_again: frozenset[int] = frozenset()
    """Likewise from the second attempt on: the first one was heard, and only its answer was lost."""
    is_told: bool = False
    """Whether the error has what the platform says in an answer that is one."""
    secrets: Collection[str] = field(default=(), repr=False)
    """What must not be in that."""


class HeaderAuth:
    """Sets one fixed header; an auth object, so that no netrc entry gets in its place."""

    def __init__(self, value: str | None) -> None:
        """Send ``value`` as Authorization, or nothing at all."""
        self.__value = value

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Set the header."""
        request.headers.update(self.headers())
        return request

    def headers(self) -> dict[str, str]:
        """Return the header, if there is one."""
        return {} if self.__value is None else {"Authorization": self.__value}


class _Answer(Protocol):
    """What decides whether an answer is final."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    def close(self) -> None: ...


_A = TypeVar("_A", bound=_Answer)


class _Unreached(Exception):
    """There was no answer; its text says why, and nothing of the request."""


class _PlainAnswer:
    """An answer that was read to its end."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status
        self.headers = headers
        self.content = content

    def close(self) -> None:
        """Do nothing."""


class HttpService:
    """One service of the platform at one address."""

    def __init__(self, name: str, auth: HeaderAuth, patience: RetryPolicy) -> None:
        """Name the service for messages; nothing is sent yet."""
        self._name = name
        self._auth = auth
        self._patience = patience
        self._local = threading.local()

    def send(
        self, method: str, url: str, *, reading: "ExpectedStatuses | None" = None, **kwargs: Any
    ) -> "requests.Response":
        """Send a request until it has an answer that is final; redirects are not followed.

        Args:
            method: The HTTP method.
            url: The full URL.
            reading: How answers are understood, if not as usual.
            **kwargs: As for requests.

        Raises:
            PlatformRefused: An error status that asking again does not change.
            PlatformUnavailable: No answer, or a temporary error, on every attempt.
        """
        import requests  # 35 ms

        place = self._place(method, url)

        def attempt() -> requests.Response:
            try:
                return self._session().request(
                    method,
                    url,
                    auth=self._auth,
                    allow_redirects=False,
                    timeout=self._patience.timeout_seconds,
                    **kwargs,
                )
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                raise _Unreached(type(error).__name__) from None
            except requests.RequestException as error:
                raise PlatformRefused(f"{place} cannot be sent: {type(error).__name__}") from None

        return self._persist(place, attempt, reading or ExpectedStatuses())

    def get_object(self, url: str, what: str) -> Mapping[str, Any]:
        """Return the JSON object at a URL; as `send` would, but without loading requests where that is not needed.

        Args:
            url: The full URL.
            what: What it is, for messages.

        Raises:
            PlatformRefused, PlatformUnavailable: As for `send`; or it is no JSON object.
        """
        reading = ExpectedStatuses(is_told=True)
        if not url.startswith("http://") or any(name.lower() in _PROXIES for name in os.environ):
            return json_object(self.send("GET", url, reading=reading), what)
        answer = self._persist(self._place("GET", url), lambda: self._get_plainly(url), reading)
        return _object_in(answer.content, what)

    def _get_plainly(self, url: str) -> _PlainAnswer:
        from http.client import HTTPConnection, HTTPException  # 7 ms

        parts = urlsplit(url)
        try:
            connection = HTTPConnection(parts.netloc.rpartition("@")[2], timeout=self._patience.timeout_seconds)
        except HTTPException:
            raise PlatformRefused(f"{self._place('GET', url)} cannot be sent: no such address") from None
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target or "/", headers={"Connection": _KEEP_ALIVE, **self._auth.headers()})
            response = connection.getresponse()
            return _PlainAnswer(response.status, dict(response.headers.items()), response.read())
        except (OSError, HTTPException) as error:
            raise _Unreached(type(error).__name__) from None
        finally:
            connection.close()

    def _place(self, method: str, url: str) -> str:
        return f"{method} {_path(url)} of the {self._name}"

    def _persist(self, place: str, attempt: Callable[[], _A], reading: ExpectedStatuses) -> _A:
        """Return the first answer that is final, in as many attempts as patience allows."""
        problem = "no attempt is allowed"
        attempts = max(1, self._patience.attempts)
        for number in range(attempts):
            pause = self._patience.pause_after(number)
            try:
                response = attempt()
            except _Unreached as error:
                problem = str(error)
            else:
                status = response.status_code
                if status < 300 or status in reading.expected or (number and status in reading.expected_again):
                    return response
                problem = f"HTTP {status}{_said(response, reading.secrets) if reading.is_told else ''}"
                response.close()
                if status < 500 and status not in self._patience.temporary:
                    raise PlatformRefused(f"{place}: expected success, found {problem}")
                asked = retry_after_seconds(response.headers.get("Retry-After"), time.time()) or 0.0
                pause = max(pause, min(asked, _LONGEST_RETRY_AFTER_SECONDS))
            if number < attempts - 1:
                self._patience.sleep(pause)
        # Without the cause: the exceptions of requests hold the whole request, credentials included.
        raise PlatformUnavailable(f"{place} did not succeed in {attempts} attempts: {problem}") from None

    def _session(self) -> "requests.Session":
        import requests

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["Connection"] = _KEEP_ALIVE
        return session


def _said(answer: _Answer, secrets: Collection[str]) -> str:
    """Return what an answer says, on one line, as the end of a sentence; nothing if that repeats a secret."""
    import json

    try:
        text = " ".join(answer.content.decode("utf-8").split())
    except Exception:  # no text, or an answer that breaks off: the status says enough
        return ""
    with suppress(ValueError):
        text = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    if not text.isprintable() or any(secret in text for secret in secrets):
        return ""
    return f": {text[:_LONGEST_SAID]}" if text else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # requests refuses it too, and says so
        return "a malformed URL"


def json_object(response: "requests.Response", what: str) -> Mapping[str, Any]:
    """Return the object in an answer's body.

    Raises:
        PlatformRefused: It is something else.
    """
    return _object_in(response.content, what)


def _object_in(content: bytes, what: str) -> Mapping[str, Any]:
    import json

    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise PlatformRefused(f"{what}: expected a JSON object, found something else")


def retry_after_seconds(value: str | None, wall_clock: float) -> float | None:
    """Return the seconds that a Retry-After header asks for; nonsense counts as absent.

    Source: RFC 9110 §10.2.3.
    """
    from datetime import UTC
    from email.utils import parsedate_to_datetime

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


def escaped(part: str) -> str:
    return quote(part, safe="")
