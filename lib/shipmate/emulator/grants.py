"""What an OAuth2 provider remembers: grants, their tokens, and how these are spent. No network in here."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["valid", "expired", "unknown"]


class OAuth2Refusal(Exception):
    """An error answer. Source: RFC 6749 §5.2."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status


@dataclass(slots=True, eq=False)
class Grant:
    """One consent of one person to one client; all tokens of a family belong to it."""

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
    """How tokens live and rotate.

    Args:
        rotation: A refresh gives a new refresh token and spends the old one; without it the answer has none.
        reuse_detection: A spent refresh token that comes back revokes its whole family.
        grace_uses: How often a spent refresh token is accepted still.
        kills_access_token: A refresh ends the access tokens that were issued before.
        access_token_life_seconds: Expiry by time.
        access_token_life_uses: Expiry by count: how many API calls a token is good for.
        sends_expires_in: Whether the answer tells the life.
        extra: Further members of each answer, or a function of the number of answers so far that makes them.
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
    """All grants of a provider; safe to use from several threads."""

    def __init__(self, rules: TokenRules, clock: Callable[[], float]) -> None:
        self.rules = rules
        self.refreshes = 0
        self._clock = clock
        self._lock = threading.RLock()
        self._answers = 0
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, _RefreshToken] = {}

    def issue(self, grant: Grant, *, has_refresh: bool = True, scope: str | None = None) -> dict[str, Any]:
        """Make the tokens of a grant, as a token endpoint answers them."""
        rules = self.rules
        with self._lock:
            self._answers += 1
            number = self._answers
            scope = grant.scope if scope is None else scope
            access = f"access-{number}-{secrets.token_urlsafe(18)}"
            expires_at = self._clock() + rules.access_token_life_seconds
            self._access[access] = _AccessToken(grant, scope, expires_at, rules.access_token_life_uses)
            answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer"}
            if rules.sends_expires_in:
                answer["expires_in"] = int(rules.access_token_life_seconds)
            if has_refresh:
                answer["refresh_token"] = f"refresh-{number}-{secrets.token_urlsafe(18)}"
                self._refresh[answer["refresh_token"]] = _RefreshToken(grant)
        if scope:
            answer["scope"] = scope
        extra = rules.extra
        return answer | dict(extra(number) if callable(extra) else extra)

    def refresh(self, refresh_token: str, *, client_id: str | None = None, scope: str | None = None) -> dict[str, Any]:
        """Spend a refresh token.

        Raises:
            OAuth2Refusal: invalid_grant or invalid_scope.
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
        """Tell what an access token is worth now."""
        with self._lock:
            token = self._access.get(access_token or "")
            if token is None or token.is_revoked or token.grant.is_revoked:
                return "unknown"
            is_over = token.expires_at <= self._clock() or token.uses_left == 0
            return "expired" if is_over else "valid"

    def use(self, access_token: str | None) -> tuple[State, Grant | None, str]:
        """Count one API call, and return the token's state before it, its grant and its scope."""
        with self._lock:
            state = self.state(access_token)
            if state != "valid":
                return state, None, ""
            token = self._access[access_token or ""]
            if token.uses_left is not None:
                token.uses_left -= 1
            return state, token.grant, token.scope

    def expire(self, access_token: str | None = None) -> None:
        """Let one access token, or all that exist, be past their life."""
        with self._lock:
            for value, token in self._access.items():
                if access_token in (None, value):
                    token.expires_at = self._clock()

    def revoke(self, token: str | None = None) -> None:
        """Revoke an access token, the whole grant of a refresh token, or (None) everything; ignore unknown ones."""
        with self._lock:
            for value, access in self._access.items():
                access.is_revoked |= token in (None, value)
            for value, refresh in self._refresh.items():
                refresh.grant.is_revoked |= token in (None, value)

    def owner(self, token: str) -> str | None:
        """Return the client that a token of either kind was issued to."""
        with self._lock:
            known = self._access.get(token) or self._refresh.get(token)
            return known.grant.client_id if known else None

    def _end_access_tokens(self, grant: Grant) -> None:
        for token in self._access.values():
            token.is_revoked |= token.grant is grant
