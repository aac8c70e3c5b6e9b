"""HTTP calls to the platform's services: connections kept, failures retried, nothing secret in errors.

Source: contract §8.6, §9.5, without its DEF-13 and DEF-18.
"""

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from shipmate import observation, urls
from shipmate.errors import PlatformRefused, PlatformUnavailable, ResponseTooLarge, ResponseTooSlow, TransientError
from shipmate.http.headers import WrongHeader, check, is_value, retry_after_seconds
from shipmate.logs.records import excerpt
from shipmate.settings import ResponseLimits

if TYPE_CHECKING:
    import requests

    from shipmate.http.client import LeanClient
    from shipmate.http.limits import within
    from shipmate.http.upload import Upload


_LONGEST_RETRY_AFTER_SECONDS: Final = 60.0
_LONGEST_QUOTE: Final = 500
# A container that waits for its platform does nothing else.
_API_LIMITS: Final = ResponseLimits(seconds=60.0)
_SENDABLE: Final = re.compile(r"[!-~]+")
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
        """By their names in lower case."""
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
        self._lock = threading.Lock()
        self._lean: LeanClient | None = None

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
        from shipmate.http.limits import within

        is_streamed = bool(kwargs.get("stream"))
        seconds = kwargs.pop("total_timeout_seconds", None)
        limits = within(
            None if is_streamed else self._limits.max_bytes,
            seconds or self._limits.seconds,
            is_released=is_streamed and seconds is None,
        )
        place = self._sendable(method, url, kwargs)
        return self._retry(
            method, url, lambda: self._attempt(place, method, url, kwargs, limits), expecting or ExpectedStatuses()
        )

    def upload(self, method: str, url: str, content: "Upload", **kwargs: Any) -> "requests.Response":
        """Send content in pieces until the answer is final; content that can be read only once is sent once.

        The time limits hold for each piece, and for the answer.

        Args:
            method: The HTTP method.
            url: The full URL.
            content: The body.
            **kwargs: As for requests.

        Raises:
            PlatformRefused, PlatformUnavailable: As for `send`.
            Exception: The content could not be read to its end; its own error.
        """
        from shipmate.http.limits import within

        limits = within(self._limits.max_bytes, self._limits.seconds)
        place = self._sendable(method, url, kwargs)

        def attempt() -> "requests.Response":
            try:
                return self._attempt(place, method, url, {**kwargs, "data": content.body()}, limits)
            except Exception:
                failure = content.failure
                if failure is None:
                    raise
                if not may_pass(failure):
                    raise failure from None
                raise _NoAnswer("the content ended too early") from None
            finally:
                content.close()

        try:
            return self._retry(method, url, attempt, ExpectedStatuses(), is_repeatable=lambda: content.is_replayable)
        except PlatformUnavailable:
            if content.failure is None:
                raise
            raise content.failure from None

    def _sendable(self, method: str, url: str, kwargs: Mapping[str, Any]) -> str:
        """Return the name of a request for messages.

        Raises:
            PlatformRefused: A header cannot be sent.
        """
        place = self._place(method, url)
        try:
            check(kwargs.get("headers") or {})
        except WrongHeader as error:
            raise PlatformRefused(f"{place} cannot be sent: {error}") from None
        return place

    def _attempt(
        self, place: str, method: str, url: str, kwargs: Mapping[str, Any], limits: "within"
    ) -> "requests.Response":
        import requests  # not at start, see get_object

        try:
            return self._send_once(method, url, kwargs, limits)
        except ResponseTooSlow:
            raise _NoAnswer(self._too_slow) from None
        except ResponseTooLarge as error:
            raise PlatformRefused(f"{place}: {error}") from None
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _NoAnswer(type(error).__name__) from None
        except (requests.RequestException, ValueError) as error:  # a lone surrogate in the body, for instance
            raise PlatformRefused(f"{place} cannot be sent: {type(error).__name__}") from None

    def _send_once(self, method: str, url: str, arguments: Mapping[str, Any], limits: "within") -> "requests.Response":
        arguments = {"timeout": self._retries.timeout_seconds, **arguments}
        client = self._client
        session: requests.Session | None = getattr(self._local, "session", None)
        prepared = client.prepare(
            method,
            url,
            {
                **arguments,
                "headers": {"Connection": _KEEP_ALIVE, **(arguments.get("headers") or {}), **self._auth.headers()},
            },
            None if session is None else session.cookies,
        )
        if prepared is not None and (lean := client.send(prepared, limits)) is not None:
            if lean.sets_cookies:
                lean.add_cookies_to(self._session().cookies)
            return lean
        with limits:
            return self._session().request(method, url, auth=self._auth, allow_redirects=False, **arguments)

    def get_object(self, url: str, what: str, *, has_proxy: bool) -> Mapping[str, Any]:
        """Return the JSON object at a URL, as with `send`, and without requests if TLS and proxies do not need it.

        Step data is the only answer that a container reads before its first message. Loading requests for it takes
        80 ms of CPU, a quarter of the time to the first message.

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
        import socket

        from shipmate.http.connection import AnswerTooLarge, Bounds, BrokenBody, Connection, WrongAnswer

        no_address = PlatformRefused(f"{self._place('GET', url)} cannot be sent: no such address")
        most, seconds = self._limits.max_bytes, self._retries.timeout_seconds
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            raise no_address from None
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not host or not _SENDABLE.fullmatch(target):
            raise no_address
        authority = parts.netloc.rpartition("@")[2]
        fields = {"Host": authority, "Connection": _KEEP_ALIVE, **self._auth.headers()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        end = time.monotonic() + self._limits.seconds
        try:
            head = f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
            with socket.create_connection((host, port), seconds) as sock:
                answer = Connection(sock).exchange("GET", head, b"", Bounds(most, end, seconds))
        except AnswerTooLarge:
            raise PlatformRefused(f"{self._place('GET', url)}: expected at most {most} bytes, found more") from None
        except UnicodeError:  # a host that no name server can be asked for
            raise no_address from None
        except (OSError, WrongAnswer, BrokenBody) as error:
            raise _NoAnswer(self._too_slow if time.monotonic() >= end else type(error).__name__) from None
        headers = {name.lower(): value for name, value in answer.fields}
        return _PlainAnswer(answer.status, headers, answer.body)

    def _place(self, method: str, url: str) -> str:
        return f"{method} {_path(url)} of the {self._name}"

    def _retry(
        self,
        method: str,
        url: str,
        attempt: Callable[[], _A],
        expecting: ExpectedStatuses,
        is_repeatable: Callable[[], bool] = lambda: True,
    ) -> _A:
        """Return the first final answer, within the attempts of the policy."""
        place = self._place(method, url)
        problem = "no attempt is allowed"
        attempts = max(1, self._retries.attempts)
        for number in range(attempts):
            pause = self._retries.pause_after(number)
            try:
                with observation.current.http_request("platform", method, url) as observed:
                    answer = attempt()
                    observed.answered(answer.status_code)
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
                asked = retry_after_seconds(answer.headers.get("retry-after"), time.time()) or 0.0
                pause = max(pause, min(asked, _LONGEST_RETRY_AFTER_SECONDS))
            if not is_repeatable():
                attempts, problem = number + 1, f"{problem}, and the content can be read only once,"
                break
            if number < attempts - 1:
                self._retries.sleep(pause)
        # Without the cause: the exceptions of requests hold the whole request, credentials included.
        host = urlsplit(url).netloc.rpartition("@")[2]
        raise PlatformUnavailable(f"{place} did not succeed in {attempts} attempts: {problem} at {host}") from None

    def _session(self) -> "requests.Session":
        """Return this thread's session of requests, for what the client cannot send."""
        from shipmate.http.adapter import LimitedSession

        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = LimitedSession(self._client.adapter)
            session.headers["Connection"] = _KEEP_ALIVE
        return session

    @property
    def _client(self) -> "LeanClient":
        """The client with the connections that all threads share."""
        from shipmate.http.adapter import LimitedAdapter
        from shipmate.http.client import LeanClient

        with self._lock:
            if self._lean is None:
                self._lean = LeanClient(LimitedAdapter())
            return self._lean


def may_pass(error: Exception) -> bool:
    """Tell whether a failure of a connection may be gone in the next attempt."""
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.SSLError):
        return False
    no_answer = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, (*no_answer, TransientError, ConnectionError, TimeoutError, urllib3.exceptions.HTTPError))


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


def segment(value: str) -> str:
    """Return an id as one percent-encoded segment of a path.

    Raises:
        PlatformRefused: The id is empty, ``.`` or ``..``: it would leave its collection.
    """
    try:
        return urls.segment(value)
    except urls.WrongUrl as error:
        raise PlatformRefused(f"a path of the platform: {error}") from None
