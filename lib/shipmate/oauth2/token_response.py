"""The meaning of answers of the token endpoint and of the revocation endpoint. Pure; no I/O.

Source: RFC 6749 §5.1, §5.2, and the answers of providers that differ from it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from shipmate.oauth2.credential import Keys

_REFUSED_CODES: Final = frozenset(
    {
        "invalid_grant",
        "interaction_required",
        "login_required",
        "consent_required",
        "bad_refresh_token",  # HubSpot (as status), GitHub
        "invalid_refresh_token",  # Slack
        "token_revoked",  # Slack
        "token_expired",  # Slack
        "invalid_code",  # Zoho
    }
)
_BUSY_CODES: Final = frozenset({"temporarily_unavailable", "slow_down", "rate_limited", "ratelimited", "access denied"})
_BUSY_STATUSES: Final = frozenset({429, 503})
_UNCERTAIN_STATUSES: Final = frozenset({500, 502, 504})
_CODE_SHAPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .:-]{0,63}")
_ENTRA_CODE: Final = re.compile(r"AADSTS\d{3,8}")


@dataclass(frozen=True, slots=True)
class Granted:
    """The endpoint has granted a token."""

    answer: Keys = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refuses the refresh token: the account must sign in again."""

    code: str


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The endpoint refuses the client, not the account."""

    code: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The provider has not handled the request, which may be sent again after a pause."""

    reason: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The provider may have rotated the refresh token, and its answer is lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """The endpoint has given an answer that is no token response."""

    reason: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """The endpoint has revoked the token, or does not know it."""


TokenResponse = Granted | Refused | Misconfigured | Busy | Uncertain | Unusable
RevocationAnswer = Revoked | Refused | Misconfigured | Busy | Uncertain | Unusable


def understand(
    status: int,
    body: bytes,
    retry_after_seconds: float | None = None,
    *,
    parse: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
) -> TokenResponse:
    """Return the meaning of an answer of a token endpoint.

    A token is granted by a 2xx status with a non-empty ``access_token`` and without an error: some providers send
    errors with status 200, and an error must never be stored as a token.
    """
    members = read_members(body)
    if (failure := _failure_of(status, members, retry_after_seconds)) is not None:
        return failure
    if members is None:
        return Unusable("an answer that is neither JSON nor a form")
    if parse is not None:
        members = dict(parse(members))
    token = members.get("access_token")
    if not isinstance(token, str) or not token:
        return Unusable("an answer without access_token")
    return Granted(members)


def understand_revocation(status: int, body: bytes, retry_after_seconds: float | None = None) -> RevocationAnswer:
    """Return the meaning of an answer of a revocation endpoint; the body of a success is ignored.

    Source: RFC 7009 §2.2.
    """
    members = read_members(body)
    if members is not None and error_code(members) == "invalid_token":
        return Revoked()  # Google's answer for a token that was revoked before
    return _failure_of(status, members, retry_after_seconds) or Revoked()


def read_members(body: bytes) -> dict[str, Any] | None:
    """Return the members of a JSON object, with or without BOM, or of a form; None for anything else.

    >>> read_members(b"access_token=a&scope=b+c")
    {'access_token': 'a', 'scope': 'b c'}
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return _read_form(text.strip())
    return members if isinstance(members, dict) else None


def _read_form(text: str) -> dict[str, Any] | None:
    # An HTML page may have an equals sign, too.
    if not re.match(r"[A-Za-z_][\w.-]*=", text) or "<" in text:
        return None
    return dict(parse_qsl(text, keep_blank_values=True)) or None


def error_code(members: Mapping[str, Any]) -> str | None:
    """Return the error code in an answer, safe for messages; None without an error.

    Descriptions are left out: they are free text and may quote a token.
    """
    error = members.get("error")
    if isinstance(error, Mapping):
        error = error.get("code") or error.get("type") or "error"
    if error in (None, "", False) and members.get("ok") is False:
        error = "error"
    if error in (None, "", False) and not members.get("access_token"):
        status = members.get("status")
        error = status if isinstance(status, str) and status.upper().startswith(("BAD_", "INVALID_")) else None
    if error in (None, "", False):
        return None
    code = error if isinstance(error, str) and _CODE_SHAPE.fullmatch(error) else "unknown error"
    entra = _ENTRA_CODE.search(str(members.get("error_description", "")))
    return f"{code} {entra[0]}" if entra else code


def _failure_of(
    status: int, members: Mapping[str, Any] | None, retry_after_seconds: float | None
) -> Refused | Misconfigured | Busy | Uncertain | Unusable | None:
    """Return the kind of failure, None for a 2xx status without an error."""
    if status in _BUSY_STATUSES:
        return Busy(f"HTTP {status}", retry_after_seconds)
    if status in _UNCERTAIN_STATUSES:
        return Uncertain(f"HTTP {status}")
    if 300 <= status < 400:
        return Unusable(f"HTTP {status}, a redirect, which a token request does not follow")
    code = None if members is None else error_code(members)
    if code is not None:
        return _failure(status, code)
    if 400 <= status < 500 and status != 408:
        return Misconfigured("invalid_client" if status == 401 else f"HTTP {status}")
    return None if 200 <= status < 300 else Unusable(f"HTTP {status}")


def _failure(status: int, code: str) -> Refused | Misconfigured | Busy | Uncertain | Unusable:
    name = code.split(" AADSTS")[0].lower()
    if name in _REFUSED_CODES:
        return Refused(code)
    if name == "server_error":
        return Uncertain(code)
    if name in _BUSY_CODES:
        return Busy(code)
    if 400 <= status < 500:
        return Misconfigured(code)
    return Unusable(f"HTTP {status} with the error {code}")
