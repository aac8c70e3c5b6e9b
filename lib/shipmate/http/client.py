"""The lean path of requests: what is usual is sent at a fraction of the cost, and looks the same to its caller.

A request through requests costs 0.7 ms of CPU here, most of it for work that is the same each time: merging settings,
asking the environment for proxies, parsing URL and headers. The lean path does that once for each server. Whatever is
unusual, and whatever a test has put between requests and the network, takes the full path: `LeanClient.prepare` then
returns None. docs/decisions/0006-lean-requests.md has the reasons and the measurements.
"""

import math
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import requests
import urllib3.exceptions
from requests.cookies import get_cookie_header
from requests.models import RequestEncodingMixin
from requests.utils import default_headers, requote_uri
from urllib3.connection import HTTPConnection

from shipmate.http.adapter import LimitedAdapter, too_large
from shipmate.http.connection import (
    Answer,
    AnswerTooLarge,
    Bounds,
    Connection,
    IncompleteAnswer,
    NoAnswer,
    WrongAnswer,
)
from shipmate.http.genuine import is_untouched
from shipmate.http.limits import within
from shipmate.http.pool import Pool, Server
from shipmate.http.response import LeanResponse, Sent
from shipmate.urls import Origin, origin

_encoded: Final[Any] = RequestEncodingMixin.__dict__["_encode_params"].__func__
_cookie_header: Final[Any] = get_cookie_header
_to_json: Final[Any] = vars(requests.compat)["json"].dumps
"""That of simplejson where it is installed."""
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS: Final = frozenset({"GET", "HEAD"})
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Source: RFC 9110 §9.2.2."""
_URL: Final = re.compile(
    r"https?://[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::[0-9]{1,5})?(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
"""A URL that every parser reads in the same way."""
_DOTS: Final = re.compile(r"/\.|%2[eE]")
_ARGUMENTS: Final = frozenset({"headers", "params", "json", "data", "timeout", "allow_redirects", "verify", "cert"})
"""The arguments of requests that the lean path knows; any other one must be empty."""
_NEVER_LEAN: Final = frozenset({"transfer-encoding", "expect", "upgrade", "content-length", "te", "trailer"})
_UNPACKED: Final = frozenset({"", "identity"})
_DEFAULTS: Final = {name.lower(): (name, value) for name, value in default_headers().items()}


@dataclass(slots=True)
class LeanRequest:
    """A request that is ready to be sent."""

    sent: Sent
    head: bytes
    body: bytes
    server: Server
    timeout: tuple[float | None, float | None]


@dataclass(slots=True)
class _Route:
    """How to reach a server."""

    is_direct: bool
    """False if a proxy is in between."""
    verify: bool | str | None
    cert: Any


class LeanClient:
    """Sends usual requests to servers that need no proxy; threads share it."""

    def __init__(self, adapter: LimitedAdapter) -> None:
        """Open connections as ``adapter`` does; nothing is opened yet."""
        self.adapter = adapter
        self._pool = Pool()
        self._routes: dict[Server, _Route] = {}

    def prepare(self, method: str, url: str, arguments: Mapping[str, Any], cookies: Any = None) -> LeanRequest | None:
        """Return a request that can be sent with `send`, None if it needs requests.

        Args:
            method: The HTTP method.
            url: The URL.
            arguments: As for requests; the headers are the author's, with the token.
            cookies: The jar of the session, None or empty without cookies.

        Raises:
            requests.exceptions.InvalidJSONError: ``json`` is no JSON.
        """
        if method not in _METHODS or not is_untouched() or type(self.adapter) is not LimitedAdapter:
            return None
        if any(value for name, value in arguments.items() if name not in _ARGUMENTS):
            return None
        timeout = _pair(arguments.get("timeout"))
        target = _target(url, arguments.get("params"))
        place = origin(url)
        if timeout is None or target is None or place is None:
            return None
        verify, cert = arguments.get("verify", True), arguments.get("cert")
        if not isinstance(verify, bool | str) or isinstance(cert, list):
            return None
        server = Server(place, verify, cert)
        body = _body(method, arguments)
        if body is None:
            return None
        content, content_type = body
        given = arguments.get("headers") or {}
        headers = dict(_DEFAULTS)
        for name, value in given.items():
            if type(name) is not str or type(value) is not str or (key := name.lower()) in _NEVER_LEAN:
                return None
            headers[key] = (name, value)
        if content_type is not None:
            headers.setdefault("content-type", ("Content-Type", content_type))
        if content or method not in _BODILESS:
            headers["content-length"] = ("Content-Length", str(len(content)))
        full_url = f"{url.partition('/')[0]}//{_authority(place)}{target}"
        lines = dict(headers.values())
        sent = Sent(method, full_url, lines, content if content or content_type else None)
        if cookies and "cookie" not in headers and (cookie := _cookie_header(cookies, sent.prepared())):
            lines["Cookie"] = cookie
        host_line = "" if "host" in headers else f"Host: {_authority(place)}\r\n"
        text = "\r\n".join(f"{name}: {value}" for name, value in lines.items())
        try:
            head = f"{method} {target} HTTP/1.1\r\n{host_line}{text}\r\n\r\n".encode("latin-1")
        except UnicodeEncodeError:
            return None
        return LeanRequest(sent, head, content, server, timeout)

    def send(self, request: LeanRequest, limits: within) -> LeanResponse | None:
        """Send a request, and return its response; None if its server cannot be reached without requests.

        Raises:
            ResponseTooLarge, ResponseTooSlow: The answer exceeds a limit.
            requests.RequestException: There is no answer; as with requests, the class says why.
        """
        method = request.sent.method
        connect_seconds, read_seconds = request.timeout
        begun = time.perf_counter()
        bounds = Bounds(limits.max_bytes, limits.begin(), read_seconds)
        try:
            answer = self._exchange(request, bounds, connect_seconds, is_repeatable=method in _REPEATABLE)
        except (OSError, WrongAnswer, AnswerTooLarge, urllib3.exceptions.HTTPError) as error:
            self._fail(error, request, limits)
        if answer is None:
            return None
        response = LeanResponse(request.sent, answer, time.perf_counter() - begun, limits)
        self._unpack(response, answer)
        return response

    def _exchange(
        self, request: LeanRequest, bounds: Bounds, connect_seconds: float | None, *, is_repeatable: bool
    ) -> Answer | None:
        server, method = request.server, request.sent.method
        connection = self._pool.take(server, is_repeatable=is_repeatable)
        while True:
            is_new = connection is None
            if connection is None:
                connection = self._connect(request, bounds, connect_seconds)
                if connection is None:
                    return None
            try:
                answer = connection.exchange(method, request.head, request.body, bounds)
            except NoAnswer:
                connection.close()
                if is_new or not is_repeatable:
                    raise
                connection = None  # the server closed the idle connection when the request was on its way
                continue
            except BaseException:
                connection.close()
                raise
            self._pool.keep(server, connection)
            return answer

    def _connect(self, request: LeanRequest, bounds: Bounds, connect_seconds: float | None) -> Connection | None:
        """Open a connection through urllib3, which knows names, addresses, TLS and certificates."""
        route = self._route(request)
        if not route.is_direct:
            return None
        prepared = request.sent.prepared()
        pool: Any = self.adapter.get_connection_with_tls_context(prepared, route.verify, proxies={}, cert=route.cert)
        self.adapter.cert_verify(  # type: ignore[no-untyped-call]
            pool, prepared.url or "", route.verify, route.cert
        )
        opened: HTTPConnection = pool._get_conn()
        remaining = bounds.end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        wait = remaining if connect_seconds is None else min(connect_seconds, remaining)
        opened.timeout = None if wait == math.inf else wait
        try:
            pool._validate_conn(opened)
            if opened.is_closed:
                opened.connect()
        except BaseException:
            opened.close()
            raise
        sock = opened.sock
        if type(sock).__module__ not in ("socket", "ssl"):  # put there by a test
            opened.close()
            route.is_direct = False
            return None
        return Connection(sock)

    def _route(self, request: LeanRequest) -> _Route:
        route = self._routes.get(request.server)
        if route is None:
            server = request.server
            with requests.Session() as session:
                found = session.merge_environment_settings(request.sent.url, {}, False, server.verify, server.cert)
            proxy = requests.utils.select_proxy(request.sent.url, found["proxies"])
            route = _Route(proxy is None, found["verify"], found["cert"])
            if len(self._routes) > 1000:
                self._routes.clear()
            self._routes[server] = route
        return route

    def _unpack(self, response: LeanResponse, answer: Answer) -> None:
        """Unpack the body; requests and urllib3 know how."""
        for name, value in answer.fields:
            if len(name) == 16 and name.lower() == "content-encoding" and value.lower() not in _UNPACKED:
                break
        else:
            return
        if not answer.body:
            return
        response.raw = response.raw_of(answer.body)
        response._content = False
        response._content_consumed = False
        response.content  # noqa: B018 - reads it, and keeps its limits

    def _fail(self, error: Exception, request: LeanRequest, limits: within) -> NoReturn:
        """Raise the error that requests has for a failure; its text quotes no path and no query."""
        _, host, port = request.server.origin
        place = f"{host}:{port}"
        exceptions = requests.exceptions
        if isinstance(error, AnswerTooLarge):
            raise too_large(host, limits.max_bytes or 0, error.size_bytes) from None
        found: requests.RequestException
        if isinstance(error, urllib3.exceptions.NewConnectionError):  # which urllib3 counts among the next kind
            found = exceptions.ConnectionError(f"{place}: {error}")
        elif isinstance(error, urllib3.exceptions.ConnectTimeoutError):
            found = exceptions.ConnectTimeout(f"{place}: no connection within {request.timeout[0]} seconds")
        elif isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
            found = exceptions.SSLError(f"{place}: {error}")
        elif isinstance(error, TimeoutError):
            found = exceptions.ReadTimeout(f"{place}: no answer within {request.timeout[1]} seconds")
        elif isinstance(error, IncompleteAnswer):
            found = exceptions.ChunkedEncodingError(f"{place}: {error}")
        else:
            found = exceptions.ConnectionError(f"{place}: {error}")
        found.request = request.sent.prepared()
        limits.require_time(found)
        raise found from None


def _pair(timeout: Any) -> tuple[float | None, float | None] | None:
    """Return the seconds to connect and to read; None for a time-out of another kind."""
    both = timeout if isinstance(timeout, tuple) and len(timeout) == 2 else (timeout, timeout)
    for seconds in both:
        if seconds is not None and (type(seconds) not in (int, float) or not 0 < seconds < math.inf):
            return None
    return both


def _target(url: str, params: Any) -> str | None:
    """Return the path and the query of a request line, as requests writes them; None for an unusual URL."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    path, query = match["path"] or "/", match["query"] or ""
    if "/." in path or "%" in path:
        if _DOTS.search(path):
            return None
        path = requote_uri(path)
    if "%" in query:
        query = requote_uri(query)
    if params:
        if not isinstance(params, Mapping):
            return None
        encoded = _encoded(params)
        if encoded:
            query = f"{query}&{encoded}" if query else f"?{encoded}"
    return path + query


def _authority(place: Origin) -> str:
    scheme, host, port = place
    return host if port == (443 if scheme == "https" else 80) else f"{host}:{port}"


def _body(method: str, arguments: Mapping[str, Any]) -> tuple[bytes, str | None] | None:
    """Return the body and its content type, as requests writes them; None for one that is read piece by piece."""
    data = arguments.get("data")
    if not data:
        value = arguments.get("json")
        if value is None:
            # An empty file or iterator is true: it is no body of this kind.
            return (b"", None) if data is None or isinstance(data, str | bytes | list | tuple | dict) else None
        try:
            text = _to_json(value, allow_nan=False)
        except ValueError as error:
            raise requests.exceptions.InvalidJSONError(str(error)) from None
        return text.encode("utf-8"), "application/json"
    if isinstance(data, str):
        return data.encode("utf-8"), None
    if isinstance(data, bytes):
        return data, None
    if isinstance(data, dict | list | tuple):
        encoded = _encoded(data)
        return (encoded.encode("utf-8") if isinstance(encoded, str) else bytes(encoded)), (
            "application/x-www-form-urlencoded"
        )
    return None
