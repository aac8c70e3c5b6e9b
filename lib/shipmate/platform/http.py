"""HTTP calls to the platform's services: connections kept, failures retried, nothing secret in errors.

Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from shipmate import urls
from shipmate.errors import PlatformRefused, PlatformUnavailable, ResponseTooLarge, ResponseTooSlow
from shipmate.http_headers import WrongHeader, check, is_value
from shipmate.logs.records import excerpt
from shipmate.settings import ResponseLimits

if TYPE_CHECKING:
    import requests


_LONGEST_RETRY_AFTER_SECONDS: Final = 60.0
_LONGEST_QUOTE: Final = 500
# A container that waits for its platform does nothing else.
_API_LIMITS: Final = ResponseLimits(seconds=60.0)
_KEEP_ALIVE: Final = "Keep-Alive"
"""As the platform's other clients write it. Source: contract §9."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts of a request, and the pauses between them."""

    attempts: int = 3
    delay_seconds: float = 0.1
    timeout_seconds: float = 15.0
    is_growing: bool = False
    """True if each pause is twice as long as the previous one."""
    temporary: frozenset[int] = frozenset({408, 429})
    """Statuses below 500 after which the request is sent again."""
    sleep: Callable[[float], object] = time.sleep

    def pause_after(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt; the first attempt is number 0."""
        return max(0.0, min(self.delay_seconds * (2**attempt if self.is_growing else 1), 15.0))


@dataclass(frozen=True, slots=True)
class ExpectedStatuses:
    """The error statuses that a caller handles, and what the errors for the others may quote."""

    expected: frozenset[int] = frozenset()
    """Statuses that are returned although they are errors."""
    expected_again: frozenset[int] = frozenset()
    """Statuses that are returned from the second attempt on: the first may have succeeded without its answer."""
    quotes_answer: bool = False
    """True if an error quotes the body of the answer."""
    secrets: Collection[str] = field(default=(), repr=False)
    """Texts that no error may quote."""


class HeaderAuth:
    """Sets one fixed header; as an auth object, it keeps requests from adding a password of a netrc file."""

    def __init__(self, value: str | None) -> None:
        """Send ``value`` as Authorization, or nothing if it is None."""
        self.__value = value

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Set the header.

        Raises:
            PlatformRefused: The credentials have characters that no header may have.
        """
        request.headers.update(self.headers())
        return request

    def headers(self) -> dict[str, str]:
        """Return the header: ``{"Authorization": "Bearer ..."}``, or an empty dict."""
        if self.__value is None:
            return {}
        if not is_value(self.__value):
            raise PlatformRefused("the credentials: expected text without line breaks and control characters")
        return {"Authorization": self.__value}


NO_AUTH: Final = HeaderAuth(None)
"""Sends no credentials."""


def basic_auth(user: str, password: str) -> str:
    """Return the value of an Authorization header.

    >>> basic_auth("ada", "pässword")
    'Basic YWRhOnDDpHNzd29yZA=='

    Source: RFC 7617 §2.
    """
    from base64 import b64encode

    # Bytes of the environment that are not UTF-8 are sent as they are.
    return "Basic " + b64encode(f"{user}:{password}".encode("utf-8", "surrogateescape")).decode("ascii")


class _Answer(Protocol):
    """The parts of an answer that decide whether it is final."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    def close(self) -> None: ...


_A = TypeVar("_A", bound=_Answer)


class _NoAnswer(Exception):
    """The service did not answer; the text says why, and nothing of the request."""


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

    def __init__(self, name: str, auth: HeaderAuth, retries: RetryPolicy, limits: ResponseLimits = _API_LIMITS) -> None:
        """Prepare calls; nothing is sent yet.

        Args:
            name: The name of the service for messages.
            auth: Its credentials.
            retries: Attempts and pauses.
            limits: The limits of each answer, except of streamed bodies.
        """
        self._name = name
        self._limits = limits
        self._too_slow = f"no complete answer within {limits.seconds:g} seconds"
        self._auth = auth
        self._retries = retries
        self._local = threading.local()

    def send(
        self, method: str, url: str, *, expecting: ExpectedStatuses | None = None, **kwargs: Any
    ) -> "requests.Response":
        """Send a request until its answer is final; redirects are not followed.

        Args:
            method: The HTTP method.
            url: The full URL.
            expecting: The error statuses that the caller handles, none by default.
            **kwargs: As for requests.

        Raises:
            PlatformRefused: The answer is an error that does not pass.
            PlatformUnavailable: Every attempt ended without an answer or with a temporary error.
        """
        import requests  # not at start, see get_object

        from shipmate.platform.limits import within

        is_streamed = bool(kwargs.get("stream"))
        limits = within(None if is_streamed else self._limits.max_bytes, self._limits.seconds, is_released=is_streamed)
        place = self._place(method, url)
        try:
            check(kwargs.get("headers") or {})
        except WrongHeader as error:
            raise PlatformRefused(f"{place} cannot be sent: {error}") from None

        def attempt() -> requests.Response:
            try:
                with limits:
                    return self._session().request(
                        method,
                        url,
                        auth=self._auth,
                        allow_redirects=False,
                        timeout=self._retries.timeout_seconds,
                        **kwargs,
                    )
            except ResponseTooSlow:
                raise _NoAnswer(self._too_slow) from None
            except ResponseTooLarge as error:
                raise PlatformRefused(f"{place}: {error}") from None
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                raise _NoAnswer(type(error).__name__) from None
            except (requests.RequestException, ValueError) as error:  # a lone surrogate in the body, for instance
                raise PlatformRefused(f"{place} cannot be sent: {type(error).__name__}") from None

        return self._retry(method, url, attempt, expecting or ExpectedStatuses())

    def get_object(self, url: str, what: str, *, has_proxy: bool) -> Mapping[str, Any]:
        """Return the JSON object at a URL, as with `send`, and without requests if TLS and proxies do not need it.

        Step data is the only answer that a container reads before its first message. Loading requests for it takes
        80 ms of CPU, a quarter of the time to the first message; http.client takes 7 ms.

        Args:
            url: The full URL.
            what: The name of the object in messages.
            has_proxy: Whether the environment names a proxy.

        Raises:
            PlatformRefused, PlatformUnavailable: As for `send`; or the answer is no JSON object.
        """
        expecting = ExpectedStatuses(quotes_answer=True)
        if has_proxy or not url.startswith("http://"):
            return json_object(self.send("GET", url, expecting=expecting), what)
        answer = self._retry("GET", url, lambda: self._get_plainly(url), expecting)
        return _object_in(answer.content, what)

    def _get_plainly(self, url: str) -> _PlainAnswer:
        from http.client import HTTPConnection, HTTPException, InvalidURL  # 7 ms

        from shipmate.platform.limits import LimitedReader, within

        no_address = PlatformRefused(f"{self._place('GET', url)} cannot be sent: no such address")
        try:
            parts = urlsplit(url)
            connection = HTTPConnection(parts.netloc.rpartition("@")[2], timeout=self._retries.timeout_seconds)
        except (HTTPException, ValueError):
            raise no_address from None
        connection.response_class = LimitedReader
        most = self._limits.max_bytes
        try:
            with within(most, self._limits.seconds):
                target = parts.path + (f"?{parts.query}" if parts.query else "")
                connection.request("GET", target or "/", headers={"Connection": _KEEP_ALIVE, **self._auth.headers()})
                response = connection.getresponse()
                content = response.read(most + 1)
            if len(content) > most:
                raise PlatformRefused(f"{self._place('GET', url)}: expected at most {most} bytes, found more")
            return _PlainAnswer(response.status, dict(response.headers.items()), content)
        except ResponseTooSlow:
            raise _NoAnswer(self._too_slow) from None
        except (InvalidURL, ValueError):  # a host or a path that cannot be sent
            raise no_address from None
        except (OSError, HTTPException) as error:
            raise _NoAnswer(type(error).__name__) from None
        finally:
            connection.close()

    def _place(self, method: str, url: str) -> str:
        return f"{method} {_path(url)} of the {self._name}"

    def _retry(self, method: str, url: str, attempt: Callable[[], _A], expecting: ExpectedStatuses) -> _A:
        """Return the first final answer, within the attempts of the policy."""
        place = self._place(method, url)
        problem = "no attempt is allowed"
        attempts = max(1, self._retries.attempts)
        for number in range(attempts):
            pause = self._retries.pause_after(number)
            try:
                answer = attempt()
            except _NoAnswer as error:
                problem = str(error)
            else:
                status = answer.status_code
                if status < 300 or status in expecting.expected or (number and status in expecting.expected_again):
                    return answer
                quote = _quoted(answer, expecting.secrets) if expecting.quotes_answer else ""
                problem = f"HTTP {status}{quote}"
                answer.close()
                if status < 500 and status not in self._retries.temporary:
                    raise PlatformRefused(f"{place}: expected success, found {problem}", status=status)
                asked = retry_after_seconds(answer.headers.get("Retry-After"), time.time()) or 0.0
                pause = max(pause, min(asked, _LONGEST_RETRY_AFTER_SECONDS))
            if number < attempts - 1:
                self._retries.sleep(pause)
        # Without the cause: the exceptions of requests hold the whole request, credentials included.
        host = urlsplit(url).netloc.rpartition("@")[2]
        raise PlatformUnavailable(f"{place} did not succeed in {attempts} attempts: {problem} at {host}") from None

    def _session(self) -> "requests.Session":
        from shipmate.platform.adapter import LimitedAdapter, LimitedSession

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = LimitedSession(LimitedAdapter())
            session.headers["Connection"] = _KEEP_ALIVE
        return session


def _quoted(answer: _Answer, secrets: Collection[str]) -> str:
    """Return an answer's body on one line, as the end of a sentence; nothing if it is no text or has a secret."""
    import json

    try:
        text = " ".join(answer.content.decode("utf-8-sig").split())
    except Exception:  # not UTF-8, or the connection breaks while the body is read: the status says enough
        return ""
    with suppress(ValueError):
        text = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    if not text.isprintable() or any(secret in text for secret in secrets):
        return ""
    return f": {excerpt(text, _LONGEST_QUOTE)}" if text else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # requests refuses the URL, too
        return "a malformed URL"


def json_object(response: "requests.Response", what: str) -> Mapping[str, Any]:
    """Return the object in an answer's body.

    Raises:
        PlatformRefused: The body is something else.
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
    """Return the seconds that a Retry-After header asks to wait, None for a missing or malformed header.

    Args:
        value: The header: seconds, or a date.
        wall_clock: Epoch seconds.

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


def segment(value: str) -> str:
    """Return an id as one percent-encoded segment of a path.

    Raises:
        PlatformRefused: The id is empty, ``.`` or ``..``: it would leave its collection.
    """
    try:
        return urls.segment(value)
    except urls.WrongUrl as error:
        raise PlatformRefused(f"a path of the platform: {error}") from None
