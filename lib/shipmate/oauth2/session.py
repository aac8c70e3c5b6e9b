"""The session that sends requests with a token, and refreshes the token when it expires."""

import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol, Unpack

import requests

from shipmate.errors import CredentialsInvalid, KeysNotSaved, ReauthorizationRequired, TokenEndpointUnavailable
from shipmate.http.proof import Proof
from shipmate.http.replay import Body
from shipmate.http.session import ApiSession, BodyOptions, RequestOptions
from shipmate.http.token_auth import TokenAuth
from shipmate.oauth2.accounts import Account, CredentialStore
from shipmate.oauth2.author import ask_author
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expired_answer import asks_for_refresh
from shipmate.oauth2.options import ClientOptions
from shipmate.oauth2.services import CallPort, Clock
from shipmate.oauth2.storage.token_store import RefreshAbandoned
from shipmate.settings import ResponseLimits

__all__ = ["BodyOptions", "OAuth2Session", "RequestOptions"]

_log = logging.getLogger("shipmate.oauth2")

# After a refusal the stored keys are read this often, to find a new sign-in.
_LOOK_AGAIN_SECONDS: Final = 10.0
_MOST_SENDS: Final = 3


class _Refresher(Protocol):
    """A `Refresher` or a `ManagedRefresher`."""

    account: Account
    tls: Mapping[str, Any]

    def refresh(self, credential: Credential) -> None: ...
    def save(self, credential: Credential) -> None: ...
    def recover(self, credential: Credential) -> None: ...


class OAuth2Session(ApiSession):
    """A session like `requests.Session` for an API that wants an OAuth2 access token.

    ``{name}`` in a URL is replaced by that member of the token before each attempt: ``"{instance_url}/services"``
    follows an account that moves to another host. Threads may share the session.

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
        super().__init__(options, store, limits)
        self._options = options
        self._cfg = cfg
        self._refresher = refresher
        self._call = call
        self._clock = clock
        self._is_managed = bool(cfg.get("secretId"))
        self._hand_to_cfg(self._account.credential)

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
        return super().request(method, url, **kwargs)

    def _answer(self, method: str, url: str, body: Body, kwargs: Mapping[str, Any]) -> requests.Response:
        try:
            return self._answer_to_live_token(method, url, body, kwargs)
        except RefreshAbandoned:
            self._call.leave()
            raise

    def _answer_to_live_token(self, method: str, url: str, body: Body, kwargs: Mapping[str, Any]) -> requests.Response:
        credential, has_refreshed = self._before_sending()
        for _ in range(_MOST_SENDS - 1):
            response, auth = self._send(
                self._proof(credential), self._members(credential, url), method, url, body, kwargs
            )
            if response.status_code < 400 and self._options.expired is None:
                return response
            if not auth.was_sent(response) or not self._has_expired(response, credential):
                return response
            newer, has_refreshed = self._after_expiry(credential, has_refreshed=has_refreshed)
            if newer is None:
                return self._refused(response)
            if not body.is_replayable:
                _log.warning("the token was refreshed, but the body cannot be sent twice: the first answer is returned")
                return response
            response.close()
            credential = newer
        response, auth = self._attempt(credential, method, url, body, kwargs)
        return self._last_answer(response, auth, credential)

    def _attempt(
        self, credential: Credential, method: str, url: str, body: Body, kwargs: Mapping[str, Any]
    ) -> tuple[requests.Response, TokenAuth]:
        return self._send(self._proof(credential), self._members(credential, url), method, url, body, kwargs)

    def _refused(self, response: requests.Response) -> requests.Response:
        """Return an answer that refuses a token for which no newer one exists."""
        return response

    def _last_answer(self, response: requests.Response, auth: TokenAuth, credential: Credential) -> requests.Response:
        """Return the answer to the last attempt, whatever it says about the token."""
        return response

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
        if not credential.is_complete:
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

    def _proof(self, credential: Credential) -> Proof:
        secret = credential.secret
        if secret is not None and secret.kind != "oauth2":
            raise CredentialsInvalid(f"{secret.name}: expected a secret of type oauth2, found {secret.kind!r}")
        name, template = self._options.header
        return Proof(name, template.replace("{access_token}", credential.access_token or ""))

    def _members(self, credential: Credential, url: str) -> Mapping[str, Any]:
        """Return the values for ``{name}`` in a URL."""
        return credential.keys

    def _hand_to_cfg(self, credential: Credential) -> None:
        """Put a copy of the live keys into the caller's ``cfg``."""
        if self._is_managed or not credential.keys or not isinstance(self._cfg, MutableMapping):
            return
        if self._cfg.get(self._options.field) != credential.keys:
            self._cfg[self._options.field] = dict(credential.keys)
