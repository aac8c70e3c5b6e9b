"""Authorization codes: issued at the consent, redeemed once, bound to a client, redirect_uri and PKCE verifier."""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shipmate.emulator.grants import Grant, OAuth2Refusal

# RFC 6749 §4.1.2 recommends at most ten minutes; a redirect takes seconds.
_LIFE_SECONDS = 60


@dataclass(slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str | None
    challenge_method: str
    expires_at: float
    is_spent: bool = False


class Codes:
    """The authorization codes of a provider; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}

    def new(self, query: Mapping[str, str], *, requires_pkce: bool) -> str:
        """Return a code for an authorization request.

        Raises:
            OAuth2Refusal: The request is not for a code, or its challenge is missing or of an unknown method.
        """
        if query.get("response_type") != "code":
            raise OAuth2Refusal("unsupported_response_type", "expected code")
        method = query.get("code_challenge_method", "plain")
        if method not in ("S256", "plain") or (requires_pkce and "code_challenge" not in query):
            raise OAuth2Refusal("invalid_request", "expected a code_challenge with the method S256 or plain")
        grant = Grant(query["client_id"], "user", query.get("scope", ""))
        expires_at = self._clock() + _LIFE_SECONDS
        code = secrets.token_urlsafe(18)
        with self._lock:
            self._codes[code] = _Code(grant, query["redirect_uri"], query.get("code_challenge"), method, expires_at)
        return code

    def redeem(self, client_id: str, form: Mapping[str, str]) -> Grant:
        """Redeem a code and return its grant; a second use revokes the grant.

        Raises:
            OAuth2Refusal: ``invalid_grant``.
        """
        with self._lock:
            code = self._codes.get(form.get("code", ""))
            if code is None or code.grant.client_id != client_id:
                raise OAuth2Refusal("invalid_grant", "unknown authorization code")
            was_spent, code.is_spent = code.is_spent, True
        if was_spent:
            code.grant.is_revoked = True
            raise OAuth2Refusal("invalid_grant", "the code has been used before")
        if code.expires_at <= self._clock():
            raise OAuth2Refusal("invalid_grant", "the code has expired")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuth2Refusal("invalid_grant", "redirect_uri differs from that of the authorization request")
        if not _is_proven(code, form.get("code_verifier")):
            raise OAuth2Refusal("invalid_grant", "code_verifier does not match code_challenge")
        return code.grant


def _is_proven(code: _Code, verifier: str | None) -> bool:
    # A verifier without a challenge is refused: an attacker may have removed the challenge. Source: RFC 9700 §4.8.2.
    if code.challenge is None or verifier is None:
        return code.challenge is None and verifier is None
    challenge = verifier
    if code.challenge_method == "S256":
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(challenge.encode(), code.challenge.encode())
