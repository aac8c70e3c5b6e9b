"""A session like that of requests for one API: limits, shared connections, redirects that show no secret to others.

The classes derived from it say what proves the account, and when a request is sent again.
"""

import threading
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypedDict, Unpack

import requests
from requests.cookies import merge_cookies
from requests.hooks import default_hooks, dispatch_hook
from requests.structures import CaseInsensitiveDict

from shipmate import observation, urls
from shipmate.errors import InvalidOption, UnknownPlaceholder, UnsafeUrl
from shipmate.http import headers as http_headers
from shipmate.http.limits import within
from shipmate.http.proof import Proof
from shipmate.http.redirects import RedirectSafeSession
from shipmate.http.replay import Body
from shipmate.http.token_auth import TokenAuth
from shipmate.settings import ResponseLimits

if TYPE_CHECKING:
    from shipmate.http.adapter import LimitedAdapter
    from shipmate.http.client import LeanClient

DEFAULT_TIMEOUTS_SECONDS: Final = (10.0, 60.0)
"""The seconds to connect, and to wait for the next bytes."""
# URLs are written to logs and sent as referrers.
_NEVER_IN_URLS: Final = frozenset({"access_token", "refresh_token", "id_token", "client_secret"})


class Connections(Protocol):
    """The connections that all sessions of the process share."""

    @property
    def adapter(self) -> "LimitedAdapter":
        """The connection pools of requests."""

    @property
    def client(self) -> "LeanClient":
        """The client for usual requests."""


class ApiRules(Protocol):
    """The options of an author that hold for every request of a session."""

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """The hosts that may receive the proof; None for that of each URL."""

    @property
    def allow_http(self) -> bool:
        """Whether the proof may go over plain http to other machines."""

    @property
    def max_bytes(self) -> int | None:
        """The most decoded bytes of an answer."""

    @property
    def total_timeout_seconds(self) -> float | None:
        """The time for a whole answer."""


class RequestOptions(TypedDict, total=False):
    """The keyword arguments of every request, as in requests; ``auth`` is not among them: the session sets it.

    ``repeatable`` says that the request may be done twice; only for sessions of ``context.session``.
    """

    params: Any
    headers: Mapping[str, str | bytes | None] | None
    cookies: Any
    files: Any
    timeout: float | tuple[float | None, float | None] | None
    allow_redirects: bool
    proxies: Mapping[str, str] | None
    hooks: Mapping[str, Any] | None
    stream: bool
    verify: bool | str
    cert: str | tuple[str, str] | None
    max_bytes: int | None
    total_timeout_seconds: float | None
    repeatable: bool


class BodyOptions(RequestOptions, total=False):
    """The keyword arguments of a request that may have a body."""

    data: Any
    json: Any


class ApiSession:
    """A session like `requests.Session` for one API, which proves the account in each request.

    ``{name}`` in a URL is replaced by that member of the account. Threads may share the session.

    Attributes:
        headers: Headers for every request.
        params: Query parameters for every request.
        timeout: Seconds, or a pair: seconds to connect and seconds to read; (10, 60) by default.
        max_bytes: The most decoded bytes of an answer; None for 64 MiB or ``SHIPMATE_MAX_RESPONSE_BYTES``. With
            ``stream=True`` only a limit that is given counts, here or for the request.
        total_timeout_seconds: The time for a whole answer; None for 600 or ``SHIPMATE_MAX_RESPONSE_SECONDS``, and as
            ``max_bytes`` with ``stream=True``.
        hooks: ``{"response": [...]}``, called with the response that is returned.
        verify, cert, proxies, max_redirects: As in requests; the first three also hold for token requests.
    """

    _repeats = False
    """Whether a request that has failed for a moment may be sent again."""

    def __init__(self, rules: ApiRules, connections: Connections, limits: ResponseLimits) -> None:
        """Prepare a session; nothing is sent yet."""
        self.headers: MutableMapping[str, str] = CaseInsensitiveDict()
        self.params: dict[str, Any] = {}
        self.timeout: float | tuple[float, float] | None = DEFAULT_TIMEOUTS_SECONDS
        self.hooks: dict[str, Any] = default_hooks()
        self.max_bytes = rules.max_bytes
        self.total_timeout_seconds = rules.total_timeout_seconds
        self.verify: bool | str = True
        self.cert: str | tuple[str, str] | None = None
        self.proxies: dict[str, str] = {}
        self.max_redirects = requests.models.DEFAULT_REDIRECT_LIMIT
        self._rules = rules
        self._connections = connections
        self._defaults = limits
        self._local = threading.local()
        self._host_patterns = tuple(filter(None, map(urls.HostPattern.parse, rules.hosts or ())))

    def get(self, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send a GET request."""
        return self.request("GET", url, **kwargs)

    def options(self, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", url, **kwargs)

    def head(self, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send a HEAD request; it follows redirects only with ``allow_redirects=True``."""
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Unpack[RequestOptions]) -> requests.Response:
        """Send a POST request."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, json: Any = None, **kwargs: Unpack[RequestOptions]) -> requests.Response:
        """Send a PUT request."""
        return self.request("PUT", url, data=data, json=json, **kwargs)

    def patch(
        self, url: str, data: Any = None, json: Any = None, **kwargs: Unpack[RequestOptions]
    ) -> requests.Response:
        """Send a PATCH request."""
        return self.request("PATCH", url, data=data, json=json, **kwargs)

    def delete(self, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send a DELETE request."""
        return self.request("DELETE", url, **kwargs)

    def request(self, method: str, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send a request and return its response, whatever its status.

        Args:
            method: The HTTP method.
            url: The URL; ``{name}`` in it is replaced by that member of the account.
            **kwargs: As for `requests.Session.request`, except ``auth``. ``data`` may be a function without
                arguments; it returns the body of one attempt. ``max_bytes`` and ``total_timeout_seconds`` are as the
                attributes of the session.

        Raises:
            UnknownPlaceholder: The account has no member for a ``{name}`` in the URL.
            UnsafeUrl: The proof must not go to this URL: its host is not one of ``hosts``, it has neither TLS nor a
                host of this machine, or a member of the account would change its host.
            ResponseTooLarge, ResponseTooSlow: The answer exceeds a limit.
            requests.RequestException: The API did not answer.
        """
        if "repeatable" in kwargs and not self._repeats:
            raise InvalidOption("repeatable: leave this argument out, only context.session sends requests again")
        if "auth" in kwargs:
            raise InvalidOption("auth: leave this argument out, the session sends the credentials itself")
        body = Body(kwargs.pop("data", None), kwargs.pop("files", None))
        return self._hooked(self._answer(method, url, body, kwargs), kwargs)

    def close(self) -> None:
        """Do nothing: all sessions share their connections, and keep them for the next session."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Keep the connections for the next session."""

    def _answer(self, method: str, url: str, body: Body, kwargs: Mapping[str, Any]) -> requests.Response:
        """Return the response that counts; the session of a kind of credential says how."""
        raise NotImplementedError

    def _send(
        self, proof: Proof, members: Mapping[str, Any], method: str, url: str, body: Body, kwargs: Mapping[str, Any]
    ) -> tuple[requests.Response, TokenAuth]:
        """Send one attempt.

        Args:
            proof: What proves the account.
            members: The values for ``{name}`` in the URL and in ``hosts``.
            method: The HTTP method.
            url: The URL, not yet filled.
            body: The body, for one more attempt.
            kwargs: The other arguments of the request.
        """
        filled = _filled(url, members)
        auth = TokenAuth(
            proof, self._origins(filled, members), patterns=self._host_patterns, allow_http=self._rules.allow_http
        )
        arguments: dict[str, Any] = {"timeout": self.timeout, "verify": self.verify, "cert": self.cert, **kwargs}
        arguments["headers"] = self._merged_headers(kwargs.get("headers"))
        arguments["proxies"] = {**self.proxies, **(kwargs.get("proxies") or {})}
        arguments.pop("hooks", None)
        arguments.update(body.for_attempt())
        limits = self._limits(arguments)
        with observation.current.http_request("api", method, filled) as observed:
            response = self._send_lean(method, filled, arguments, auth, limits)
            if response is None:
                http = self._http_session(auth)
                http.params = dict(self.params)
                with limits:
                    response = http.request(method, filled, auth=auth, **arguments)
            observed.answered(response.status_code)
        return response, auth

    def _merged_headers(self, given: Mapping[str, str | bytes | None] | None) -> Mapping[str, str | bytes | None]:
        if not given and not self.headers:
            return {}
        merged: CaseInsensitiveDict[Any] = CaseInsensitiveDict(self.headers)
        merged.update(given or {})
        try:
            http_headers.check(merged)
        except http_headers.WrongHeader as error:
            raise requests.exceptions.InvalidHeader(str(error)) from None
        return merged

    def _send_lean(
        self, method: str, url: str, arguments: dict[str, Any], auth: TokenAuth, limits: within
    ) -> requests.Response | None:
        """Send a request on the lean path; None if it must take the full one."""
        params = arguments.get("params")
        if self.params:
            if params is not None and not isinstance(params, Mapping):
                return None
            params = {name: value for name, value in {**self.params, **(params or {})}.items() if value is not None}
        header, value, parameter = auth.proof
        headers = {**arguments["headers"], header: value} if header else arguments["headers"]
        if parameter:
            if params is not None and not isinstance(params, Mapping):
                return None
            params = {**(params or {}), parameter: value}
        given = {**arguments, "params": params, "headers": headers}
        http: RedirectSafeSession | None = getattr(self._local, "http_session", None)
        client = self._connections.client
        prepared = client.prepare(method, url, given, None if http is None else http.cookies)
        if prepared is None:
            return None
        auth.check(prepared.server.origin)
        response = client.send(prepared, limits)
        if response is None:
            return None
        if response.sets_cookies:
            response.add_cookies_to(self._http_session(auth).cookies)
        return self._follow(response, given, auth, limits) if response.is_redirect else response

    def _follow(
        self, response: requests.Response, arguments: Mapping[str, Any], auth: TokenAuth, limits: within
    ) -> requests.Response:
        """Follow the redirects of an answer as requests does, or only note the next request."""
        http = self._http_session(auth)
        settings: Any = http.merge_environment_settings(
            response.url, dict(arguments["proxies"]), False, arguments["verify"], arguments["cert"]
        )
        settings["timeout"] = arguments["timeout"]
        # In the order of requests, which has them before the ones of this answer.
        merge_cookies(response.request._cookies, http.cookies)  # type: ignore[attr-defined, no-untyped-call]
        with limits:
            if not arguments.get("allow_redirects", True):
                response._next = next(  # type: ignore[attr-defined]
                    http.resolve_redirects(response, response.request, yield_requests=True, **settings), None
                )
                response.content  # noqa: B018 - reads it, and keeps its limits
                return response
            history = [response, *http.resolve_redirects(response, response.request, **settings)]
        last: requests.Response = history.pop()
        last.history = history
        return last

    def _limits(self, arguments: dict[str, Any]) -> within:
        """Take the limits out of the arguments of a request."""
        max_bytes = arguments.pop("max_bytes", None) or self.max_bytes
        seconds = arguments.pop("total_timeout_seconds", None) or self.total_timeout_seconds
        if not arguments.get("stream"):
            return within(max_bytes or self._defaults.max_bytes, seconds or self._defaults.seconds)
        # The author reads the body: only limits that she gives count, and the default for the headers.
        return within(max_bytes, seconds or self._defaults.seconds, is_released=seconds is None)

    def _origins(self, url: str, members: Mapping[str, Any]) -> frozenset[urls.Origin]:
        if self._rules.hosts is None:
            candidates = [urls.origin(url), urls.origin(str(members.get("instance_url", "")))]
        else:
            names = map(urls.MEMBER.fullmatch, self._rules.hosts)
            candidates = [urls.origin(str(members.get(match[1], ""))) for match in names if match is not None]
        return frozenset(candidate for candidate in candidates if candidate is not None)

    def _http_session(self, auth: TokenAuth) -> RedirectSafeSession:
        """Return this thread's session of requests, which keeps the token to the origins of ``auth``."""
        http: RedirectSafeSession | None = getattr(self._local, "http_session", None)
        if http is None:
            http = self._local.http_session = RedirectSafeSession(self._connections.adapter)
        http.max_redirects = self.max_redirects
        http.token_auth = auth
        return http

    def _hooked(self, response: requests.Response, kwargs: Mapping[str, Any]) -> requests.Response:
        for hooks in (self.hooks, kwargs.get("hooks") or {}):
            # requests has no types for it
            response = dispatch_hook("response", hooks, response)  # type: ignore[no-untyped-call]
        return response


def _filled(url: str, members: Mapping[str, Any]) -> str:
    if "{" not in url:
        return url
    members = {name: value for name, value in members.items() if name not in _NEVER_IN_URLS}
    try:
        return urls.fill(url, urls.MEMBER, lambda name: str(members[name]))
    except KeyError as error:
        raise UnknownPlaceholder(
            f"{{{error.args[0]}}} in the URL: expected a member of the token, or a field that is filled in, "
            f"found {', '.join(sorted(members)) or 'none'}"
        ) from None
    except urls.WrongUrl as error:
        raise UnsafeUrl(f"the URL of the request: {error}") from None
