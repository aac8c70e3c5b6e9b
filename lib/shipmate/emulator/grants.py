"""The state of an OAuth2 provider: grants and their tokens, how these rotate, expire and are revoked. No I/O."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["valid", "expired", "unknown"]


class OAuth2Refusal(Exception):
    """An error response of a provider. Source: RFC 6749 §5.2."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status


@dataclass(slots=True, eq=False)
class Grant:
    """The consent of a person to a client; all tokens that follow from it belong to this grant."""

    client_id: str
    subject: str
    scope: str
    is_revoked: bool = False


@dataclass(slots=True)
class _AccessToken:
    grant: Grant
    scope: str
    expires_at: float
    uses_left: int | None
    is_revoked: bool = False


@dataclass(slots=True)
class _RefreshToken:
    grant: Grant
    uses: int = 0


@dataclass(frozen=True, slots=True)
class TokenRules:
    """The rules by which tokens expire and rotate.

    Args:
        rotation: A refresh issues a new refresh token and spends the old one; without it the response has none.
        reuse_detection: A second use of a spent refresh token revokes its grant.
        grace_uses: How often a spent refresh token is still accepted.
        kills_access_token: A refresh revokes the access tokens of its grant.
        access_token_life_seconds: Seconds until an access token expires.
        access_token_life_uses: API calls until an access token expires; None for no limit.
        sends_expires_in: Whether a response has ``expires_in``.
        extra: Further members of each response, or a function of the number of responses so far that returns them.
    """

    rotation: bool = True
    reuse_detection: bool = True
    grace_uses: int = 0
    kills_access_token: bool = False
    access_token_life_seconds: float = 3600
    access_token_life_uses: int | None = None
    sends_expires_in: bool = True
    extra: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] = field(default_factory=dict)


class Grants:
    """The grants of a provider; thread-safe."""

    def __init__(self, rules: TokenRules, clock: Callable[[], float]) -> None:
        self.rules = rules
        self.refreshes = 0
        self._clock = clock
        self._lock = threading.RLock()
        self._responses = 0
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, _RefreshToken] = {}

    def issue(self, grant: Grant, *, has_refresh: bool = True, scope: str | None = None) -> dict[str, Any]:
        """Issue the tokens of a grant, and return them as a token response."""
        rules = self.rules
        with self._lock:
            self._responses += 1
            number = self._responses
            scope = grant.scope if scope is None else scope
            access = f"access-{number}-{secrets.token_urlsafe(18)}"
            expires_at = self._clock() + rules.access_token_life_seconds
            self._access[access] = _AccessToken(grant, scope, expires_at, rules.access_token_life_uses)
            response: dict[str, Any] = {"access_token": access, "token_type": "Bearer"}
            if rules.sends_expires_in:
                response["expires_in"] = int(rules.access_token_life_seconds)
            if has_refresh:
                response["refresh_token"] = f"refresh-{number}-{secrets.token_urlsafe(18)}"
                self._refresh[response["refresh_token"]] = _RefreshToken(grant)
        if scope:
            response["scope"] = scope
        extra = rules.extra
        return response | dict(extra(number) if callable(extra) else extra)

    def admit(self, grant: Grant, access_token: str) -> None:
        """Count an access token that somebody else has issued as one of this grant."""
        with self._lock:
            expires_at = self._clock() + self.rules.access_token_life_seconds
            self._access[access_token] = _AccessToken(grant, grant.scope, expires_at, None)

    def refresh(self, refresh_token: str, *, client_id: str | None = None, scope: str | None = None) -> dict[str, Any]:
        """Spend a refresh token, and return the token response.

        Raises:
            OAuth2Refusal: ``invalid_grant`` or ``invalid_scope``.
        """
        with self._lock:
            known = self._refresh.get(refresh_token)
            if known is None or (client_id is not None and client_id != known.grant.client_id):
                raise OAuth2Refusal("invalid_grant", "unknown refresh token")
            if known.grant.is_revoked:
                raise OAuth2Refusal("invalid_grant", "the grant has been revoked")
            if self.rules.rotation and known.uses > self.rules.grace_uses:
                if self.rules.reuse_detection:
                    known.grant.is_revoked = True
                raise OAuth2Refusal("invalid_grant", "the refresh token has been used before")
            if scope is not None and not set(scope.split()) <= set(known.grant.scope.split()):
                raise OAuth2Refusal("invalid_scope", "more than was granted")
            known.uses += 1
            self.refreshes += 1
            if self.rules.kills_access_token:
                self._end_access_tokens(known.grant)
            return self.issue(known.grant, has_refresh=self.rules.rotation, scope=scope)

    def state(self, access_token: str | None) -> State:
        """Return the state of an access token: valid, expired or unknown, which includes revoked."""
        with self._lock:
            token = self._access.get(access_token or "")
            if token is None or token.is_revoked or token.grant.is_revoked:
                return "unknown"
            is_over = token.expires_at <= self._clock() or token.uses_left == 0
            return "expired" if is_over else "valid"

    def use(self, access_token: str | None) -> tuple[State, Grant | None, str]:
        """Count one API call of an access token; return its state before the call, its grant and its scope."""
        with self._lock:
            state = self.state(access_token)
            if state != "valid":
                return state, None, ""
            token = self._access[access_token or ""]
            if token.uses_left is not None:
                token.uses_left -= 1
            return state, token.grant, token.scope

    def expire(self, access_token: str | None = None) -> None:
        """Make one access token expire, or (None) all."""
        with self._lock:
            for value, token in self._access.items():
                if access_token in (None, value):
                    token.expires_at = self._clock()

    def revoke(self, token: str | None = None) -> None:
        """Revoke an access token, the grant of a refresh token, or (None) all tokens; unknown tokens are ignored."""
        with self._lock:
            for value, access in self._access.items():
                access.is_revoked |= token in (None, value)
            for value, refresh in self._refresh.items():
                refresh.grant.is_revoked |= token in (None, value)

    def owner(self, token: str) -> str | None:
        """Return the id of the client of an access or refresh token, None if the token is unknown."""
        with self._lock:
            known = self._access.get(token) or self._refresh.get(token)
            return known.grant.client_id if known else None

    def _end_access_tokens(self, grant: Grant) -> None:
        for token in self._access.values():
            token.is_revoked |= token.grant is grant
