"""The token by which the proxy knows this container: a JWT that is signed once per process. Pure; no I/O.

Source: proxy §3; RFC 7515, RFC 7519.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from shipmate.settings import FlowSettings, ProxySettings

_HEADER: Final = {"alg": "HS256", "typ": "JWT"}


def claims_of(settings: ProxySettings, flow: FlowSettings, *, client_id: str, issued_at: int) -> dict[str, Any]:
    """Return the claims of the token, in the order of the official client.

    Args:
        settings: Have the user and the key of the platform's API.
        flow: The ids of the step.
        client_id: The id of this process.
        issued_at: The time in seconds since 1970.
    """
    return {
        "username": settings.username,
        "password": str(settings.key),
        "stepId": flow.step_id,
        "clientId": client_id,
        "execId": flow.exec_id,
        "containerId": flow.container_id,
        "workspaceId": flow.workspace_id,
        "userId": flow.user_id,
        "compId": flow.comp_id,
        "function": flow.function,
        "iat": issued_at,
    }


def signed(claims: Mapping[str, Any], secret: str) -> str:
    """Return the token: header, claims and signature in base64, with dots in between."""
    content = f"{_encoded(_json(_HEADER))}.{_encoded(_json(claims))}"
    key = secret.encode("utf-8", "surrogateescape")
    signature = hmac.new(key, content.encode("ascii"), hashlib.sha256).digest()
    return f"{content}.{_encoded(signature)}"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
