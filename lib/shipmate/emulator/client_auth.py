"""Client authentication at the token endpoint: strict forms, client credentials and signed assertions."""

import base64
import binascii
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from shipmate.emulator.grants import OAuth2Refusal
from shipmate.emulator.journal import Request
from shipmate.emulator.signatures import is_signed, unpadded

USUAL_METHODS = frozenset({"post", "basic", "none", "private_key_jwt"})
METHODS = USUAL_METHODS | {"basic_raw"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def strict_form(request: Request) -> dict[str, str]:
    """Return the form of a request; parameters without a value count as absent.

    Raises:
        OAuth2Refusal: ``invalid_request`` for another content type, a broken encoding or a repeated name.
    Source: RFC 6749 §3.2.
    """
    content_type = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise OAuth2Refusal("invalid_request", f"expected a form, found {content_type or 'no content type'}")
    try:
        text = request.body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict") if text else []
    except ValueError:
        raise OAuth2Refusal("invalid_request", "the form cannot be parsed") from None
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise OAuth2Refusal("invalid_request", "a parameter is repeated")
    return {name: value for name, value in pairs if value}


@dataclass(frozen=True, slots=True)
class Clients:
    """The registered clients of a provider.

    Args:
        known: Secrets by client id; a client without a secret (None or "") is public.
        accepted: The accepted methods: post, basic, basic_raw, none, private_key_jwt.
        public_keys: PEM texts by client id, for private_key_jwt and the grant jwt-bearer.
    """

    known: Mapping[str, str | None]
    accepted: frozenset[str]
    public_keys: Mapping[str, str]

    def authenticate(self, request: Request, form: Mapping[str, str], *, audience: Collection[str], now: float) -> str:
        """Return the id of the client that sent a form.

        Raises:
            OAuth2Refusal: ``invalid_client``, or ``invalid_request`` for credentials in two places.
        """
        header = request.header("Authorization")
        has_assertion = "client_assertion" in form or "client_assertion_type" in form
        if sum((header is not None, "client_secret" in form, has_assertion)) > 1 or "client_secret" in request.query:
            raise OAuth2Refusal("invalid_request", "credentials in more than one place, or in the URL")
        if header is not None:
            return self._by_header(header, form)
        if has_assertion:
            return self._by_assertion(form, audience, now)
        if "client_secret" in form:
            return self._checked("post", form.get("client_id", ""), form["client_secret"])
        return self._public(form.get("client_id", ""))

    def _by_header(self, header: str, form: Mapping[str, str]) -> str:
        scheme, _, encoded = header.partition(" ")
        try:
            client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _invalid_client("the Authorization header is malformed") from None
        if scheme.lower() != "basic" or not colon:
            raise _invalid_client("expected basic authentication")
        method = "basic_raw"
        if "basic_raw" not in self.accepted or ("basic" in self.accepted and not self._is_secret(client_id, secret)):
            # Id and secret are form-encoded before they are joined. Source: RFC 6749 §2.3.1.
            method, client_id, secret = "basic", unquote_plus(client_id), unquote_plus(secret)
        if form.get("client_id", client_id) != client_id:
            raise OAuth2Refusal("invalid_request", "two different clients are named")
        return self._checked(method, client_id, secret)

    def _checked(self, method: str, client_id: str, secret: str) -> str:
        self._require(method)
        if not self._is_secret(client_id, secret):
            raise _invalid_client("unknown client or wrong secret")
        return client_id

    def _is_secret(self, client_id: str, secret: str) -> bool:
        expected = self.known.get(client_id)
        return bool(expected) and hmac.compare_digest(str(expected).encode(), secret.encode())

    def _public(self, client_id: str) -> str:
        self._require("none")
        is_public = not self.known.get(client_id) or self.accepted == {"none"}
        if client_id not in self.known or not is_public:
            raise _invalid_client("this client must authenticate")
        return client_id

    def _by_assertion(self, form: Mapping[str, str], audience: Collection[str], now: float) -> str:
        self._require("private_key_jwt")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _invalid_client("unknown client_assertion_type")
        try:
            claims = verified_claims(form.get("client_assertion", ""), self.public_keys, audience=audience, now=now)
        except ValueError as error:
            raise _invalid_client(str(error)) from None
        client_id = str(claims["iss"])
        if claims.get("sub") != client_id or form.get("client_id", client_id) != client_id or "jti" not in claims:
            raise _invalid_client("the assertion needs iss and sub equal to the client id, and a jti")
        return client_id

    def _require(self, method: str) -> None:
        if method not in self.accepted:
            raise _invalid_client(f"client authentication {method} is not accepted here")


def verified_claims(
    assertion: str, public_keys: Mapping[str, str], *, audience: Collection[str], now: float
) -> dict[str, Any]:
    """Return the claims of a JWT after checking its signature, expiry and audience.

    Args:
        assertion: The JWT.
        public_keys: PEM texts by issuer.
        audience: The accepted audiences.
        now: The time in epoch seconds.

    Raises:
        ValueError: It is malformed, signed by another key, expired, or meant for another audience.
    """
    try:
        head, payload, signature = assertion.split(".")
        header, claims = json.loads(unpadded(head)), json.loads(unpadded(payload))
        expires_at, audiences = float(claims["exp"]), claims["aud"]
        audiences = set(audiences if isinstance(audiences, list) else [audiences])
        key, algorithm = public_keys[claims["iss"]], header["alg"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("the assertion is malformed, or its issuer has no key here") from None
    if not is_signed(key, algorithm, f"{head}.{payload}".encode(), signature):
        raise ValueError("the assertion's signature is wrong")
    if expires_at <= now:
        raise ValueError("the assertion has expired")
    if not audiences & set(audience):
        raise ValueError("the assertion is meant for another audience")
    return dict(claims)


def _invalid_client(description: str) -> OAuth2Refusal:
    return OAuth2Refusal("invalid_client", description, status=401)
