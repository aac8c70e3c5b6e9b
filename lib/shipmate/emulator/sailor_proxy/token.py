"""Verifies the token of a container. Source: proxy §3."""

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any, Final

_CLAIMS: Final = (
    "username",
    "password",
    "stepId",
    "clientId",
    "execId",
    "containerId",
    "workspaceId",
    "userId",
    "compId",
    "function",
)


class BadToken(ValueError):
    """A token is missing, malformed or signed with another secret; the text has no part of it."""


def claims_of(authorization: str | None, secret: str) -> dict[str, Any]:
    """Return the claims of ``Bearer <JWT>``.

    Args:
        authorization: The header of the request.
        secret: The key of the signature.

    Raises:
        BadToken: The token is not what the contract asks for.
    """
    scheme, _, token = (authorization or "").partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        raise BadToken("expected the header authorization: Bearer and a token of three parts")
    signed = f"{parts[0]}.{parts[1]}".encode()
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(_encoded(signature), parts[2]):
        raise BadToken("the token is signed with another secret")
    if (header := _decoded(parts[0])) != {"alg": "HS256", "typ": "JWT"}:
        raise BadToken(f"expected the token's header to name HS256 and JWT only, found the names {sorted(header)}")
    claims = _decoded(parts[1])
    _check(claims)
    return claims


def _check(claims: dict[str, Any]) -> None:
    if wrong := set(claims) ^ {*_CLAIMS, "iat"}:
        raise BadToken(f"the token has too many or too few claims: {sorted(wrong)}")
    if wrong := {name for name in _CLAIMS if not isinstance(claims[name], str) or not claims[name]}:
        raise BadToken(f"expected claims with a text, found others: {sorted(wrong)}")
    if not isinstance(claims["iat"], int) or isinstance(claims["iat"], bool) or claims["iat"] > 10**11:
        raise BadToken("expected iat in seconds")
    try:
        version = uuid.UUID(claims["clientId"]).version
    except ValueError:
        version = None
    if version != 4:
        raise BadToken("expected a UUID of version 4 as clientId")


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadToken("expected parts of the token that are JSON objects in base64url")
    return value


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
