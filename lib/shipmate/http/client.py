"""The lean path of requests: it sends usual requests at a fraction of the cost, and its caller sees no difference.

A call through requests costs 0.7 ms of CPU, most of it for work that is the same each time: merging settings, asking
the environment for proxies, parsing URL and headers. The lean path does this work once for each server. An unusual
request takes the full path, through requests; so does every request while a mock, a recorder or a tracer stands between
requests and the network. `LeanClient.prepare` returns None then. docs/decisions/0006-lean-requests.md has the reasons
and the measurements.
"""

import math
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import requests
import urllib3.exceptions
from urllib3.connection import HTTPConnection

from shipmate.http.adapter import LimitedAdapter, too_large
from shipmate.http.connection import Answer, AnswerTooLarge, Bounds, BrokenBody, Connection, NoAnswer, WrongAnswer
from shipmate.http.genuine import is_untouched
from shipmate.http.limits import within
from shipmate.http.pool import Pool, Server
from shipmate.http.request import LeanRequest, prepare
from shipmate.http.response import LeanResponse

_UNPACKED: Final = frozenset({"", "identity"})
_MOST_ROUTES: Final = 1000


@dataclass(slots=True)
class _Route:
    """The way to a server, as the environment says."""

    is_direct: bool
    """False if a proxy is in between."""
    verify: bool | str | None
    cert: Any


class _NotDirect(Exception):
    """The server cannot be reached without requests."""


class _SlowHandshake(TimeoutError):
    """The time to connect was over before TLS was ready."""


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
        """
        if not is_untouched() or type(self.adapter) is not LimitedAdapter:
            return None
        return prepare(method, url, arguments, cookies)

    def send(self, request: LeanRequest, limits: within) -> LeanResponse | None:
        """Send a request and return its response; None if its server can be reached only through requests.

        Raises:
            ResponseTooLarge, ResponseTooSlow: The answer exceeds a limit.
            requests.RequestException: There is no answer; as with requests, the class says why.
        """
        begun = time.perf_counter()
        bounds = Bounds(limits.max_bytes, limits.begin(), request.timeout[1])
        try:
            answer = self._exchange(request, bounds)
        except _NotDirect:
            return None
        except (OSError, WrongAnswer, BrokenBody, AnswerTooLarge, urllib3.exceptions.HTTPError) as error:
            _fail(error, request, limits)
        response = LeanResponse(request.sent, answer, time.perf_counter() - begun, limits)
        response.connection = self.adapter
        if answer.body and _is_packed(answer):
            response.keep_packed()
            if not response.is_redirect:  # requests reads the body of a redirect, and forgives what is wrong with it
                response.content  # noqa: B018 - unpacks it, and keeps its limits
        return response

    def _exchange(self, request: LeanRequest, bounds: Bounds) -> Answer:
        connection = self._pool.take(request.server)
        while True:
            is_new = connection is None
            if connection is None:
                connection = self._connect(request, bounds)
            try:
                answer = connection.exchange(request.sent.method, request.head, request.body, bounds)
            except NoAnswer:
                connection.close()
                if is_new or not request.is_repeatable:
                    raise
                connection = None  # the server closed the idle connection when the request was on its way
                continue
            except BaseException:
                connection.close()
                raise
            self._pool.keep(request.server, connection)
            return answer

    def _connect(self, request: LeanRequest, bounds: Bounds) -> Connection:
        """Open a connection through urllib3, which knows names, addresses, TLS and certificates."""
        route = self._route(request)
        if not route.is_direct:
            raise _NotDirect
        remaining = bounds.end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        pool = self._connections_of(request, route)
        opened: HTTPConnection = pool._get_conn()
        connect_seconds = request.timeout[0]
        wait = remaining if connect_seconds is None else min(connect_seconds, remaining)
        opened.timeout = None if wait == math.inf else wait
        try:
            pool._validate_conn(opened)
            if opened.is_closed:
                opened.connect()
        except BaseException as error:
            opened.close()
            if isinstance(error, TimeoutError):
                raise _SlowHandshake from None
            raise
        sock = opened.sock
        if type(sock).__module__ not in ("socket", "ssl"):  # put there by a test
            opened.close()
            route.is_direct = False
            raise _NotDirect
        return Connection(sock)

    def _connections_of(self, request: LeanRequest, route: _Route) -> Any:
        """Return the pool of urllib3 for a server, which knows its certificates."""
        prepared = request.sent.prepared()
        adapter: Any = self.adapter
        try:
            pool = adapter.get_connection_with_tls_context(prepared, route.verify, proxies={}, cert=route.cert)
            adapter.cert_verify(pool, prepared.url, route.verify, route.cert)
        except OSError:
            raise _NotDirect from None  # a file is missing: requests says which
        return pool

    def _route(self, request: LeanRequest) -> _Route:
        server = request.server
        route = self._routes.get(server)
        if route is None:
            with requests.Session() as session:
                found = session.merge_environment_settings(request.sent.url, {}, False, server.verify, server.cert)
            proxy = requests.utils.select_proxy(request.sent.url, found["proxies"])
            route = _Route(proxy is None, found["verify"], found["cert"])
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            self._routes[server] = route
        return route


def _is_packed(answer: Answer) -> bool:
    for name, value in answer.fields:
        # The length is compared first because it is faster, and most names have another.
        if len(name) == len("content-encoding") and name.lower() == "content-encoding":
            if value.lower() not in _UNPACKED:
                return True
    return False


def _fail(error: Exception, request: LeanRequest, limits: within) -> NoReturn:
    """Raise the exception that requests raises for a failure; its text quotes no path and no query."""
    _, host, port = request.server.origin
    if isinstance(error, AnswerTooLarge):
        raise too_large(host, limits.max_bytes or 0, error.size_bytes) from None
    kind, text = _failure(error, request.timeout)
    found = kind(f"{host}:{port}: {text}", request=request.sent.prepared())
    limits.require_time(found)
    raise found from None


def _failure(
    error: Exception, timeout: tuple[float | None, float | None]
) -> tuple[type[requests.RequestException], str]:
    """Return the class of requests for a failure, and its text."""
    exceptions = requests.exceptions
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # it derives from the class of a time-out
        return exceptions.ConnectionError, str(error)
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return exceptions.ConnectTimeout, f"no connection within {timeout[0]} seconds"
    if isinstance(error, BrokenBody):
        if isinstance(error.__cause__, TimeoutError):
            return exceptions.ConnectionError, f"the answer did not go on within {timeout[1]} seconds"
        is_tls = isinstance(error.__cause__, ssl.SSLError)
        return (exceptions.SSLError if is_tls else exceptions.ChunkedEncodingError), str(error)
    if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
        return exceptions.SSLError, str(error)
    if isinstance(error, _SlowHandshake):
        return exceptions.ReadTimeout, f"no TLS handshake within {timeout[0]} seconds"
    if isinstance(error, TimeoutError):
        return exceptions.ReadTimeout, f"no answer within {timeout[1]} seconds"
    return exceptions.ConnectionError, str(error)
