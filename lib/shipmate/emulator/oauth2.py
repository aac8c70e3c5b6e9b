"""An OAuth2 provider: consent, tokens, rotation and revocation over HTTP."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from shipmate.emulator import consent
from shipmate.emulator.client_auth import METHODS, USUAL_METHODS, Clients, strict_form, verified_claims
from shipmate.emulator.codes import Codes
from shipmate.emulator.grants import Grant, Grants, OAuth2Refusal, State, TokenRules
from shipmate.emulator.http import Server
from shipmate.emulator.journal import Journal, Reply, Request

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuth2Provider(Server):
    """An authorization server with the endpoints /authorize, /token, /revoke and its metadata (RFC 8414).

    It gives its consent at once, unless `asks` is set. All clients may use all grants.

    Args:
        clients: Secrets by client id; None or "" makes a public client.
        client_auth: Accepted client authentication: one or several of post, basic, basic_raw, none,
                private_key_jwt; all but basic_raw by default.
        public_keys: PEM texts by client id, for private_key_jwt and the grant jwt-bearer.
        approves: Whether /authorize consents; otherwise it redirects with ``access_denied``.
        asks: Whether /authorize shows a page with the buttons Allow and Deny.
        requires_pkce: Whether /authorize requires a code_challenge.
        clock: Returns the time in epoch seconds.
        rules: How tokens expire and rotate, by the members of ``TokenRules`` (``rotation=False``, ...).

    Raises:
        ValueError: ``client_auth`` has an unknown method.
    """

    def __init__(
        self,
        clients: Mapping[str, str | None] | None = None,
        *,
        client_auth: str | Collection[str] = USUAL_METHODS,
        public_keys: Mapping[str, str] | None = None,
        approves: bool = True,
        asks: bool = False,
        requires_pkce: bool = False,
        clock: Callable[[], float] = time.time,
        name: str = "provider",
        journal: Journal | None = None,
        port: int = 0,
        **rules: Any,
    ) -> None:
        super().__init__(name=name, journal=journal, port=port)
        accepted = frozenset({client_auth} if isinstance(client_auth, str) else client_auth)
        if unknown := accepted - METHODS:
            raise ValueError(f"client_auth: expected some of {sorted(METHODS)}, found {sorted(unknown)}")
        known = {"demo-client": "demo-secret"} if clients is None else dict(clients)
        self.clients = Clients(known, accepted, dict(public_keys or {}))
        self.grants = Grants(TokenRules(**rules), clock)
        self.approves = approves
        self.asks = asks
        self.requires_pkce = requires_pkce
        self._clock = clock
        self._lock = threading.Lock()
        self._codes = Codes(clock)
        self._assertions: set[str] = set()
        self.route("GET", "/authorize", self._authorize)
        self.route("POST", "/authorize", self._consent)
        self.route("POST", "/token", self._token)
        self.route("POST", "/revoke", self._revoke)
        self.route("GET", "/.well-known/oauth-authorization-server", self._metadata)

    @property
    def token_url(self) -> str:
        """The address of the token endpoint."""
        return self.url + "/token"

    @property
    def authorize_url(self) -> str:
        """The address of the authorization endpoint."""
        return self.url + "/authorize"

    @property
    def token_requests(self) -> list[Request]:
        """The requests to the token endpoint, in order; their ``form`` has the parameters."""
        return [each for each in self.requests if each.path == "/token"]

    @property
    def refreshes(self) -> int:
        """The number of successful refreshes."""
        return self.grants.refreshes

    def issue(
        self,
        scope: str = "",
        *,
        expired: bool = False,
        client_id: str | None = None,
        subject: str = "user",
        has_refresh: bool = True,
    ) -> dict[str, Any]:
        """Return the token response of a new sign-in, as a component stores it.

        Args:
            scope: Granted scopes, separated by spaces.
            expired: Whether the access token has expired already.
            client_id: The client; the first one unless given.
            subject: The person.
            has_refresh: Whether there is a refresh token.
        """
        owner = next(iter(self.clients.known)) if client_id is None else client_id
        answer = self.grants.issue(Grant(owner, subject, scope), has_refresh=has_refresh)
        if expired:
            self.grants.expire(answer["access_token"])
        return answer

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Refresh as another process does, without a recorded request, and return the token response.

        Raises:
            OAuth2Refusal: The refresh token is unknown, spent or revoked.
        """
        return self.grants.refresh(refresh_token)

    def expire_access_tokens(self) -> None:
        """Make all access tokens expire."""
        self.grants.expire()

    def revoke(self, token: str | None = None) -> None:
        """Revoke an access token, the grant of a refresh token, or (None) all tokens."""
        self.grants.revoke(token)

    def is_valid(self, access_token: str) -> bool:
        """Return whether an API accepts a token; this does not count as a use."""
        return self.grants.state(access_token) == "valid"

    def use(self, access_token: str | None) -> tuple[State, Grant | None, str]:
        """Count one API call of an access token; return its state before the call, its grant and its scope."""
        return self.grants.use(access_token)

    def _metadata(self, request: Request) -> Reply:
        auth = {"post": "client_secret_post", "basic": "client_secret_basic", "basic_raw": "client_secret_basic"}
        body = {
            "issuer": self.url,
            "authorization_endpoint": self.authorize_url,
            "token_endpoint": self.token_url,
            "revocation_endpoint": self.url + "/revoke",
            "response_types_supported": ["code"],
            "grant_types_supported": sorted(self._grant_types()),
            "code_challenge_methods_supported": ["S256", "plain"],
            "token_endpoint_auth_methods_supported": sorted({auth.get(way, way) for way in self.clients.accepted}),
            "authorization_response_iss_parameter_supported": True,
        }
        return Reply(200, body)

    def _authorize(self, request: Request) -> Reply:
        if (refusal := self._refusal(request.query)) is not None:
            return _refused(refusal)
        if self.asks:
            return consent.page(request.query)
        return self._redirect(request.query, is_approved=self.approves)

    def _consent(self, request: Request) -> Reply:
        query, is_approved = consent.decision(request.form)
        if (refusal := self._refusal(query)) is not None:
            return _refused(refusal)
        return self._redirect(query, is_approved=is_approved)

    def _refusal(self, query: Mapping[str, str]) -> OAuth2Refusal | None:
        """Return the reason for no redirect: an unknown client or a wrong redirect_uri. Source: RFC 6749 §4.1.2.1."""
        target = urlsplit(query.get("redirect_uri", ""))
        if query.get("client_id") not in self.clients.known:
            return OAuth2Refusal("invalid_client", "unknown client_id")
        if target.scheme not in ("http", "https") or target.fragment:
            return OAuth2Refusal("invalid_request", "expected a redirect_uri")
        return None

    def _redirect(self, query: Mapping[str, str], *, is_approved: bool) -> Reply:
        target = query["redirect_uri"]
        try:
            if not is_approved:
                raise OAuth2Refusal("access_denied", "the user denied access")
            response = {"code": self._codes.new(query, requires_pkce=self.requires_pkce)}
        except OAuth2Refusal as error:
            response = {"error": error.code, "error_description": error.description}
        if "state" in query:
            response["state"] = query["state"]
        response["iss"] = self.url
        separator = "&" if urlsplit(target).query else "?"
        return Reply(302, None, {"Location": target + separator + urlencode(response, quote_via=quote)})

    def _token(self, request: Request) -> Reply:
        try:
            form = strict_form(request)
            response = self._granted(request, form)
        except OAuth2Refusal as error:
            return _refused(error, asks_basic=error.status == 401 and request.header("Authorization") is not None)
        return Reply(200, response, _NO_STORE)

    def _granted(self, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
        if "grant_type" not in form:
            raise OAuth2Refusal("invalid_request", "grant_type is missing")
        grant = self._grant_types().get(form["grant_type"])
        if grant is None:
            raise OAuth2Refusal("unsupported_grant_type", "unknown grant_type")
        if form["grant_type"] == JWT_BEARER:
            return self._by_jwt(form)
        return grant(self._client(request, form), form)

    def _grant_types(self) -> dict[str, Callable[[str, Mapping[str, str]], dict[str, Any]]]:
        return {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_client,
            JWT_BEARER: lambda client_id, form: self._by_jwt(form),
        }

    def _client(self, request: Request, form: Mapping[str, str]) -> str:
        client_id = self.clients.authenticate(
            request, form, audience=(self.url, self.url + request.path), now=self._clock()
        )
        if "client_assertion" in form:
            self._once(form["client_assertion"], "invalid_client")
        return client_id

    def _once(self, assertion: str, code: str) -> None:
        with self._lock:
            if assertion in self._assertions:
                raise OAuth2Refusal(code, "the assertion has been used before", status=401)
            self._assertions.add(assertion)

    def _by_code(self, client_id: str, form: Mapping[str, str]) -> dict[str, Any]:
        return self.grants.issue(self._codes.redeem(client_id, form))

    def _by_refresh_token(self, client_id: str, form: Mapping[str, str]) -> dict[str, Any]:
        if "refresh_token" not in form:
            raise OAuth2Refusal("invalid_request", "refresh_token is missing")
        return self.grants.refresh(form["refresh_token"], client_id=client_id, scope=form.get("scope"))

    def _by_client(self, client_id: str, form: Mapping[str, str]) -> dict[str, Any]:
        if not self.clients.known[client_id] and client_id not in self.clients.public_keys:
            raise OAuth2Refusal("unauthorized_client", "a public client has no credentials")
        return self.grants.issue(Grant(client_id, client_id, form.get("scope", "")), has_refresh=False)

    def _by_jwt(self, form: Mapping[str, str]) -> dict[str, Any]:
        assertion, keys = form.get("assertion", ""), self.clients.public_keys
        try:
            claims = verified_claims(assertion, keys, audience=(self.url, self.token_url), now=self._clock())
        except ValueError as error:
            raise OAuth2Refusal("invalid_grant", str(error)) from None
        scope = str(form.get("scope", claims.get("scope", "")))
        grant = Grant(str(claims["iss"]), str(claims.get("sub", claims["iss"])), scope)
        return self.grants.issue(grant, has_refresh=False)

    def _revoke(self, request: Request) -> Reply:
        try:
            form = strict_form(request)
            client_id = self._client(request, form)
            if "token" not in form:
                raise OAuth2Refusal("invalid_request", "token is missing")
        except OAuth2Refusal as error:
            return _refused(error)
        # An unknown token counts as revoked. Source: RFC 7009 §2.2.
        if self.grants.owner(form["token"]) == client_id:
            self.grants.revoke(form["token"])
        return Reply(200)


def _refused(error: OAuth2Refusal, *, asks_basic: bool = False) -> Reply:
    headers = _NO_STORE | ({"WWW-Authenticate": 'Basic realm="token"'} if asks_basic else {})
    return Reply(error.status, {"error": error.code, "error_description": error.description}, headers)
