"""One attempt to sign in: its secrets, and the address that the browser opens."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from shipmate.tools.login.config import SignInConfig


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What proves that an answer belongs to a question, and a code to whoever asked for it."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls, random: Callable[[int], str] = secrets.token_urlsafe) -> "AuthorizationRequest":
        """Return an attempt with secrets of its own."""
        return cls(state=random(32), verifier=random(48))

    @property
    def challenge(self) -> str:
        """The hash of the verifier.

        >>> AuthorizationRequest("", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").challenge
        'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

        Source: RFC 7636 §4.2.
        """
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def url(self, terms: SignInConfig, redirect_uri: str) -> str:
        """Return the address where the person signs in.

        Source: RFC 6749 §3.1, §4.1.1; RFC 7636 §4.3.
        """
        scope = {"scope": terms.client.scopes} if terms.client.scopes else {}
        parameters: dict[str, str | list[str]] = {
            **terms.extras,
            **scope,
            "response_type": "code",
            "response_mode": "query",
            "client_id": terms.client.client_id,
            "redirect_uri": redirect_uri,
            "state": self.state,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        base, _, query = terms.auth_uri.partition("?")
        # Its own query is kept, and no parameter may be there twice.
        own = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in parameters}
        return f"{base}?{urlencode({**own, **parameters}, doseq=True, quote_via=quote)}"
