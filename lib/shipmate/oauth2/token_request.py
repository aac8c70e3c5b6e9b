"""The form and the headers of token requests and revocation requests. Pure; no I/O.

Source: RFC 6749 §2.3.1, §4.1.3, §4.3.2, §4.4.2, §6; RFC 7009 §2.1; RFC 7521 §4.2; RFC 7523 §2.1, §2.2.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus

from shipmate.errors import ClientMisconfigured
from shipmate.oauth2.keys import Keys
from shipmate.oauth2.options import Client, ClientOptions
from shipmate.platform.http_service import basic_auth

_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Salesforce refuses an assertion that lives longer than five minutes.
_ASSERTION_LIFE_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One POST to the token endpoint or to the revocation endpoint."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def token_request(options: ClientOptions, client: Client, keys: Keys, *, wall_clock: float) -> TokenRequest:
    """Return the request for a new access token; it has the client's credentials either in its form or in a header.

    Args:
        options: The grant, and the members of the keys that the request sends.
        client: The client.
        keys: The live keys.
        wall_clock: Epoch seconds, for assertions.

    Raises:
        ClientMisconfigured: The private key cannot sign, or the ``jwt`` extra is not installed.
    """
    extra = {name: str(value) for name, value in client.extra.items() if name != "claims" and value is not None}
    form = _grant_fields(options, client, keys, wall_clock)
    headers: dict[str, str] = {}
    if options.grant != "jwt_bearer":
        fields, headers = _client_fields(client, wall_clock)
        form |= fields
    for name in options.send:
        if value := _sent_value(name, keys, client):
            form[name] = value
    return TokenRequest(client.token_url, form | extra, headers)


def code_request(
    client: Client, code: str, *, redirect_uri: str, verifier: str | None, wall_clock: float
) -> TokenRequest:
    """Return the request that exchanges an authorization code for tokens.

    Args:
        client: The client; the request sends its ``extra``.
        code: The code that the browser brought.
        redirect_uri: The redirect URI, exactly as in the authorization request.
        verifier: The code verifier; its hash was in the authorization request. None without PKCE.
        wall_clock: Epoch seconds, for assertions.

    Raises:
        ClientMisconfigured: The private key cannot sign, or the ``jwt`` extra is not installed.

    Source: RFC 6749 §4.1.3; RFC 7636 §4.5.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier is not None:
        form["code_verifier"] = verifier
    fields, headers = _client_fields(client, wall_clock)
    extra = {name: str(value) for name, value in client.extra.items()}
    return TokenRequest(client.token_url, extra | form | fields, headers)


def revocation_request(client: Client, url: str, token: str, *, kind: str, wall_clock: float) -> TokenRequest:
    """Return the request that revokes a token.

    Args:
        client: The client of the token.
        url: The revocation endpoint.
        token: The token.
        kind: ``refresh_token`` or ``access_token``.
        wall_clock: Epoch seconds, for assertions.

    Raises:
        ClientMisconfigured: The private key cannot sign, or the ``jwt`` extra is not installed.

    Source: RFC 7009 §2.1.
    """
    fields, headers = _client_fields(client, wall_clock)
    return TokenRequest(url, {"token": token, "token_type_hint": kind} | fields, headers)


def _grant_fields(options: ClientOptions, client: Client, keys: Keys, wall_clock: float) -> dict[str, str]:
    if options.grant == "client_credentials":
        return {"grant_type": "client_credentials"}
    if options.grant == "jwt_bearer":
        claims = {"iss": client.client_id, "aud": client.token_url, **client.extra.get("claims", {})}
        return {"grant_type": _JWT_BEARER, "assertion": _sign(client, claims, wall_clock)}
    if options.grant == "password" and not keys.get("refresh_token"):
        return {"grant_type": "password", "username": client.username, "password": client.password}
    return {"grant_type": "refresh_token", "refresh_token": str(keys["refresh_token"])}


def _client_fields(client: Client, wall_clock: float) -> tuple[dict[str, str], dict[str, str]]:
    if client.client_auth == "basic":
        # Both parts are form-encoded first, because they may have colons and non-ASCII letters.
        return {}, {"Authorization": basic_auth(quote_plus(client.client_id), quote_plus(client.client_secret))}
    if client.client_auth == "basic_raw":
        return {}, {"Authorization": basic_auth(client.client_id, client.client_secret)}
    if client.client_auth == "none":
        return {"client_id": client.client_id}, {}
    if client.client_auth == "private_key_jwt":
        claims = {
            "iss": client.client_id,
            "sub": client.client_id,
            "aud": client.token_url,
            "jti": str(uuid.uuid4()),
        }
        assertion = _sign(client, claims, wall_clock)
        return {
            "client_id": client.client_id,
            "client_assertion_type": _CLIENT_ASSERTION,
            "client_assertion": assertion,
        }, {}
    return {"client_id": client.client_id, "client_secret": client.client_secret}, {}


def _sent_value(name: str, keys: Keys, client: Client) -> str | None:
    value = keys.get(name)
    if value is None and name == "scope":
        return client.scopes
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return None if value is None else str(value)


def _sign(client: Client, claims: dict[str, Any], wall_clock: float) -> str:
    try:
        import jwt  # 93 ms, and an extra
    except ImportError:
        raise ClientMisconfigured(
            "signing a JWT needs the package PyJWT: install it with pip install 'shipmate[jwt]'"
        ) from None
    now = int(wall_clock or time.time())
    claims = {"iat": now, "exp": now + _ASSERTION_LIFE_SECONDS, **claims}
    try:
        return jwt.encode(claims, client.client_secret, algorithm=client.jwt_algorithm, headers=dict(client.jwt_header))
    except (ValueError, TypeError, AttributeError, NotImplementedError, jwt.PyJWTError):
        # Not chained: the cause quotes the key.
        raise ClientMisconfigured(
            f"{client.secret_source}: expected a private key for {client.jwt_algorithm} as PEM, with its line breaks "
            r"or with \n in their place, found something else"
        ) from None
