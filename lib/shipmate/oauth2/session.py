"""The session that sends requests with a token, and refreshes the token when it expires."""

import logging
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol, TypedDict, Unpack

import requests
from requests.cookies import merge_cookies
from requests.hooks import default_hooks, dispatch_hook
from requests.structures import CaseInsensitiveDict

from shipmate import urls
from shipmate.errors import (
    InvalidOption,
    KeysNotSaved,
    ReauthorizationRequired,
    TokenEndpointUnavailable,
    UnknownPlaceholder,
    UnsafeUrl,
)
from shipmate.http import headers as http_headers
from shipmate.http.limits import within
from shipmate.oauth2.accounts import Account, CredentialStore
from shipmate.oauth2.author import ask_author
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expired_answer import asks_for_refresh
from shipmate.oauth2.http_redirects import RedirectSafeSession
from shipmate.oauth2.options import MEMBER, ClientOptions
from shipmate.oauth2.replay import Body
from shipmate.oauth2.services import CallPort, Clock
from shipmate.oauth2.token_auth import TokenAuth
from shipmate.settings import ResponseLimits

_log = logging.getLogger("shipmate.oauth2")

# After a refusal the stored keys are read this often, to find a new sign-in.
_LOOK_AGAIN_SECONDS: Final = 10.0
_MOST_SENDS: Final = 3
_DEFAULT_TIMEOUTS_SECONDS: Final = (10.0, 60.0)
# URLs are written to logs and sent as referrers.
_NEVER_IN_URLS: Final = frozenset({"access_token", "refresh_token", "id_token", "client_secret"})


class _Refresher(Protocol):
    """A `Refresher` or a `ManagedRefresher`."""

    account: Account
    tls: Mapping[str, Any]

    def refresh(self, credential: Credential) -> None: ...
    def save(self, credential: Credential) -> None: ...
    def recover(self, credential: Credential) -> None: ...


class RequestOptions(TypedDict, total=False):
    """The keyword arguments of every request, as in requests; ``auth`` is not among them: the session sets it."""

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


class BodyOptions(RequestOptions, total=False):
    """The keyword arguments of a request that may have a body."""

    data: Any
    json: Any


class OAuth2Session:
    """A session like `requests.Session` for an API that wants an OAuth2 access token.

    ``{name}`` in a URL is replaced by that member of the token before each attempt: ``"{instance_url}/services"``
    follows an account that moves to another host. Threads may share the session.

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

    Source: RFC 6750 §2.1.
    """

    def __init__(
        self,
        options: ClientOptions,
        cfg: Mapping[str, Any],
        refresher: _Refresher,
        call: CallPort,
        clock: Clock,
        store: CredentialStore,
        limits: ResponseLimits,
    ) -> None:
        """Prepare a session; nothing is sent yet. Components call ``context.oauth2`` instead."""
        self.headers: MutableMapping[str, str] = CaseInsensitiveDict()
        self.params: dict[str, Any] = {}
        self.timeout: float | tuple[float, float] | None = _DEFAULT_TIMEOUTS_SECONDS
        self.hooks: dict[str, Any] = default_hooks()
        self.max_bytes = options.max_bytes
        self.total_timeout_seconds = options.total_timeout_seconds
        self.verify: bool | str = True
        self.cert: str | tuple[str, str] | None = None
        self.proxies: dict[str, str] = {}
        self.max_redirects = requests.models.DEFAULT_REDIRECT_LIMIT
        self._options = options
        self._cfg = cfg
        self._refresher = refresher
        self._call = call
        self._clock = clock
        self._store = store
        self._defaults = limits
        self._local = threading.local()
        self._host_patterns = tuple(filter(None, map(urls.HostPattern.parse, options.hosts or ())))
        self._is_managed = bool(cfg.get("secretId"))
        self._hand_to_cfg(self._account.credential)

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

    def access_token(self) -> str:
        """Return the live access token, for libraries that send their own requests; no refresh takes place.

        Raises:
            ReauthorizationRequired: The account has no access token.
        """
        credential = self._account.credential
        if credential.access_token is None and self._is_managed:
            credential = self._refresh(credential.generation)
        if credential.access_token is None:
            raise ReauthorizationRequired("the account has no access token: sign in to get one")
        return credential.access_token

    def request(self, method: str, url: str, **kwargs: Unpack[BodyOptions]) -> requests.Response:
        """Send a request with the live token; if the API says that it has expired, refresh it and send again.

        A request causes one refresh at most, and is sent three times at most.

        Args:
            method: The HTTP method.
            url: The URL; ``{name}`` in it is replaced by that member of the token.
            **kwargs: As for `requests.Session.request`, except ``auth``. ``data`` may be a function without
                arguments; it returns the body of one attempt. ``max_bytes`` and ``total_timeout_seconds`` are as the
                attributes of the session.

        Raises:
            ReauthorizationRequired: The account must sign in again.
            ClientMisconfigured, MissingSetting: The options of the client must be corrected.
            TokenEndpointUnavailable: The provider gave no token; a later try may succeed.
            KeysNotSaved: The new tokens could not be saved; the request was not sent with them.
            UnknownPlaceholder: The token has no member for a ``{name}`` in the URL.
            UnsafeUrl: The token must not go to this URL: its host is not one of ``hosts``, it has neither TLS nor a
                host of this machine, or a member of the token would change its host.
            ResponseTooLarge, ResponseTooSlow: The answer exceeds a limit.
            requests.RequestException: The API did not answer.
        """
        if "auth" in kwargs:
            raise InvalidOption("auth: leave this argument out, a session of context.oauth2 sends the token itself")
        body = Body(kwargs.pop("data", None), kwargs.pop("files", None))
        credential, has_refreshed = self._before_sending()
        response, auth = self._send(credential, method, url, body, kwargs)
        for _ in range(_MOST_SENDS - 1):
            if response.status_code < 400 and self._options.expired is None:
                break
            if not auth.was_sent(response) or not self._has_expired(response, credential):
                break
            newer, has_refreshed = self._after_expiry(credential, has_refreshed=has_refreshed)
            if newer is None:
                break
            if not body.is_replayable:
                _log.warning("the token was refreshed, but the body cannot be sent twice: the first answer is returned")
                break
            response.close()
            credential = newer
            response, auth = self._send(credential, method, url, body, kwargs)
        return self._hooked(response, kwargs)

    def close(self) -> None:
        """Do nothing: all sessions share their connections, and keep them for the next session."""

    def __enter__(self) -> "OAuth2Session":
        """Return the session itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Keep the connections for the next session."""

    @property
    def _account(self) -> Account:
        return self._refresher.account

    def _before_sending(self) -> tuple[Credential, bool]:
        """Return the credential for a request, and whether it was refreshed for it."""
        credential = self._account.credential
        if credential.refusal is not None:
            credential = self._look_for_sign_in(credential)
        if credential.is_unsaved:
            credential = self._single_flight(self._refresher.save, credential.generation - 1)
        policy = "on_401" if self._is_managed else self._options.refresh
        if policy == "every_access":
            return self._refresh(None), True
        if credential.access_token is None:
            # A managed secret was only read: its token may be old, and then a 401 asks for a refresh.
            return self._refresh(credential.generation), not self._is_managed
        expiry, now = credential.expiry, self._clock.monotonic()
        if policy == "before_expiry" and expiry is not None and expiry.is_due(now, haste=self._account.haste):
            return self._refresh_ahead(credential, is_past=expiry.is_past(now)), True
        self._hand_to_cfg(credential)
        return credential, False

    def _after_expiry(self, credential: Credential, *, has_refreshed: bool) -> tuple[Credential | None, bool]:
        """Return the credential to send again with, None for no further attempt, and whether it was refreshed.

        The answer says nothing about a token that has replaced this one meanwhile: other threads refresh, too.
        """
        if (newer := self._account.replacement(credential.generation)) is not None:
            self._hand_to_cfg(newer)
            return newer, has_refreshed
        if has_refreshed:
            return None, True
        refreshed = self._refresh(credential.generation)
        # Another process refreshed an adopted token, perhaps long ago: if it has expired, this process refreshes it.
        return refreshed, not refreshed.is_adopted

    def _refresh_ahead(self, credential: Credential, *, is_past: bool) -> Credential:
        """Refresh a token that expires soon; until it has, a provider that is down does not fail the request."""
        try:
            return self._refresh(credential.generation)
        except TokenEndpointUnavailable as error:
            if is_past:
                raise
            _log.warning("the token could not be refreshed before its expiry", extra={"reason": str(error)})
            return credential

    def _look_for_sign_in(self, credential: Credential) -> Credential:
        now, account = self._clock.monotonic(), self._account
        if account.looked_at is not None and now - account.looked_at < _LOOK_AGAIN_SECONDS:
            raise ReauthorizationRequired(credential.refusal or "sign in again")
        account.looked_at = now
        return self._single_flight(self._refresher.recover, credential.generation)

    def _refresh(self, known_generation: int | None) -> Credential:
        credential = self._single_flight(self._refresher.refresh, known_generation)
        self._hand_to_cfg(credential)
        return credential

    def _single_flight(self, step: Callable[[Credential], object], known_generation: int | None) -> Credential:
        self._refresher.tls = {"verify": self.verify, "cert": self.cert, "proxies": self.proxies}
        try:
            return self._account.refresh(step, unless_newer_than=known_generation)
        except KeysNotSaved as error:
            # Even if the function catches the error: a message that lost its keys has failed.
            self._call.report(error)
            raise

    def _has_expired(self, response: requests.Response, credential: Credential) -> bool:
        expired = self._options.expired
        expiry = credential.expiry
        return asks_for_refresh(
            response.status_code,
            response.headers.get("WWW-Authenticate"),
            is_expired=None
            if expired is None
            else lambda: ask_author("expired", lambda: bool(expired(response))) is True,
            is_past=expiry is not None and expiry.is_past(self._clock.monotonic()),
            is_age_unknown=credential.is_age_unknown,
        )

    def _send(
        self, credential: Credential, method: str, url: str, body: Body, kwargs: Mapping[str, Any]
    ) -> tuple[requests.Response, TokenAuth]:
        filled = self._fill(url, credential)
        name, template = self._options.header
        value = template.replace("{access_token}", credential.access_token or "")
        auth = TokenAuth(
            name,
            value,
            self._origins(filled, credential),
            patterns=self._host_patterns,
            allow_http=self._options.allow_http,
        )
        arguments: dict[str, Any] = {"timeout": self.timeout, "verify": self.verify, "cert": self.cert, **kwargs}
        arguments["headers"] = self._merged_headers(kwargs.get("headers"))
        arguments["proxies"] = {**self.proxies, **(kwargs.get("proxies") or {})}
        arguments.pop("hooks", None)
        arguments.update(body.for_attempt())
        limits = self._limits(arguments)
        response = self._send_lean(method, filled, arguments, auth, limits)
        if response is None:
            http = self._http_session(auth)
            http.params = dict(self.params)
            with limits:
                response = http.request(method, filled, auth=auth, **arguments)
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
        given = {**arguments, "params": params, "headers": {**arguments["headers"], auth.header: auth.value}}
        http: RedirectSafeSession | None = getattr(self._local, "http_session", None)
        client = self._store.client
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

    def _fill(self, url: str, credential: Credential) -> str:
        members = {name: value for name, value in credential.keys.items() if name not in _NEVER_IN_URLS}
        try:
            return urls.fill(url, MEMBER, lambda name: str(members[name]))
        except KeyError as error:
            raise UnknownPlaceholder(
                f"{{{error.args[0]}}} in the URL: expected a member of the token, "
                f"found {', '.join(sorted(members)) or 'none'}"
            ) from None
        except urls.WrongUrl as error:
            raise UnsafeUrl(f"the URL of the request: {error}") from None

    def _origins(self, url: str, credential: Credential) -> frozenset[urls.Origin]:
        keys = credential.keys
        if self._options.hosts is None:
            candidates = [urls.origin(url), urls.origin(str(keys.get("instance_url", "")))]
        else:
            members = (MEMBER.fullmatch(text) for text in self._options.hosts)
            candidates = [urls.origin(str(keys.get(match[1], ""))) for match in members if match is not None]
        return frozenset(candidate for candidate in candidates if candidate is not None)

    def _http_session(self, auth: TokenAuth) -> RedirectSafeSession:
        """Return this thread's session of requests, which keeps the token to the origins of ``auth``."""
        http: RedirectSafeSession | None = getattr(self._local, "http_session", None)
        if http is None:
            http = self._local.http_session = RedirectSafeSession(self._store.adapter)
        http.max_redirects = self.max_redirects
        http.token_auth = auth
        return http

    def _hooked(self, response: requests.Response, kwargs: Mapping[str, Any]) -> requests.Response:
        for hooks in (self.hooks, kwargs.get("hooks") or {}):
            # requests has no types for it
            response = dispatch_hook("response", hooks, response)  # type: ignore[no-untyped-call]
        return response

    def _hand_to_cfg(self, credential: Credential) -> None:
        """Put a copy of the live keys into the caller's ``cfg``."""
        if self._is_managed or not credential.keys or not isinstance(self._cfg, MutableMapping):
            return
        if self._cfg.get(self._options.field) != credential.keys:
            self._cfg[self._options.field] = dict(credential.keys)
