"""The authorization request of one sign-in: its secrets, and the address that the browser opens."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from shipmate.tools.login.config import SignInConfig


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The secrets of one sign-in: ``state`` binds the callback to it, and ``verifier`` the code (PKCE)."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls, random: Callable[[int], str] = secrets.token_urlsafe) -> "AuthorizationRequest":
        """Return a request with new secrets."""
        return cls(state=random(32), verifier=random(48))

    @property
    def challenge(self) -> str:
        """The PKCE code challenge: the hash of the verifier.

        >>> AuthorizationRequest("", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").challenge
        'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

        Source: RFC 7636 §4.2.
        """
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def url(self, config: SignInConfig, redirect_uri: str) -> str:
        """Return the address of the provider's sign-in page.

        Source: RFC 6749 §3.1, §4.1.1; RFC 7636 §4.3.
        """
        scope = {"scope": config.client.scopes} if config.client.scopes else {}
        parameters: dict[str, str | list[str]] = {
            **config.extras,
            **scope,
            "response_type": "code",
            "response_mode": "query",
            "client_id": config.client.client_id,
            "redirect_uri": redirect_uri,
            "state": self.state,
        }
        if config.uses_pkce:
            parameters |= {"code_challenge": self.challenge, "code_challenge_method": "S256"}
        base, _, query = config.auth_uri.partition("?")
        # The address keeps its own query; no parameter may occur twice.
        own = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in parameters}
        return f"{base}?{urlencode({**own, **parameters}, doseq=True, quote_via=quote)}"
