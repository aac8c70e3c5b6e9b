"""The meaning of answers of the token endpoint and of the revocation endpoint. Pure; no I/O.

Source: RFC 6749 §5.1, §5.2; RFC 9110 §15; and the answers of providers that differ from them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.oauth2.answer_body import description_in, kind_of, read_members, texts_in
from shipmate.oauth2.author import ask_author
from shipmate.oauth2.keys import Keys, is_sendable

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
        "invalid_token",  # the only token in the request is the refresh token
        "expired_token",
    }
)
# These are about the client, whatever their description says.
_CLIENT_CODES: Final = frozenset(
    {
        "invalid_client",
        "unsupported_grant_type",
        "invalid_scope",
        "incorrect_client_credentials",  # GitHub
        "bad_client_secret",  # Slack
        "invalid_client_id",  # Slack
        "invalid_client_secret",  # Zoho
    }
)
_BUSY_CODES: Final = frozenset(
    {
        "temporarily_unavailable",
        "slow_down",
        "rate_limited",
        "ratelimited",
        "rate_limit_exceeded",
        "too_many_requests",
        "service_unavailable",
        "access denied",
    }
)
_UNCERTAIN_CODES: Final = frozenset({"server_error", "internal_error", "internal_server_error", "fatal_error"})
_BUSY_STATUSES: Final = frozenset({425, 429, 503})
# The other statuses of a server error, known or not, are like 500. Source: RFC 9110 §15.
_UNHANDLED_STATUSES: Final = frozenset({501, 505, 511})
_REQUEST_TIMEOUT: Final = 408
_CODE_SHAPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .:-]{0,63}")
_ENTRA_CODE: Final = re.compile(r"AADSTS(\d{3,8})")
_OTHER_CODES: Final = frozenset({"unauthorized_client", "invalid_request"})
# Entra sends these with invalid_grant, although the same refresh token works later: a request loop, throttling, a
# locked account, and parts of Entra that do not answer.
_PASSING_ENTRA_CODES: Final = frozenset(
    {"50053", "50196", "80001", "80002", "80005", "90006", "90012", "90025", "90033", "90055", "90056"}
)
_PASSING_WORDS: Final = re.compile(
    r"throttl|too many (?:requests|attempts|calls|times)|rate (?:limit|exceeded)|try again later|retry (?:later|after)"
    r"|temporarily|quota exceeded|service unavailable|concurrent|maintenance|slow down|request loop"
)
_REFRESH_TOKEN_WORDS: Final = re.compile(r"\brefresh ?tokens?\b")
_DEAD_WORDS: Final = re.compile(
    r"\b(?:invalid|expired?|revoked|unknown|inactive|reused?|already (?:been )?used|been used|rotated|blacklisted"
    r"|deactivated|deleted|malformed|bad|incorrect|wrong|unrecogni[sz]ed|rejected|consumed|superseded|no longer"
    r"|not (?:valid|found|active|recogni[sz]ed|exist|known|be found)|doesn t exist)\b"
)
# The words of errors that only mention the refresh token: they are about the grant or the client.
_OTHER_WORDS: Final = re.compile(
    r"\b(?:grant types?|unsupported|not (?:allowed|supported|permitted|authorized)|scopes?"
    r"|client (?:id|secret|credentials?|authentication))\b"
)
_WORD_BREAK: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")

_UNNAMED_ERRORS: Final = frozenset({"error", "unknown error"})
_KNOWN_CODES: Final = _REFUSED_CODES | _CLIENT_CODES | _OTHER_CODES

Parse = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Translates the members of an unusual answer: `shipmate.OAuth2` says how."""
Dead = Callable[[int, dict[str, Any]], object]
"""Tells from a status and members whether the refresh token is dead: `shipmate.OAuth2` says how."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The endpoint has granted a token."""

    answer: Keys = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refuses the refresh token: the account must sign in again."""

    code: str
    detail: str = field(default="", repr=False, compare=False)
    """The provider's own words, which may quote a secret."""


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The endpoint refuses the client, not the account."""

    code: str
    detail: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Busy:
    """The provider has not handled the request, which may be sent again after a pause."""

    reason: str
    retry_after_seconds: float | None = None
    detail: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The provider may have rotated the refresh token, and its answer is lost."""

    reason: str
    detail: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """The endpoint has given an answer that is no token response."""

    reason: str
    detail: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Revoked:
    """The endpoint has revoked the token, or does not know it."""


Failure = Refused | Misconfigured | Busy | Uncertain | Unusable
TokenResponse = Granted | Failure
RevocationAnswer = Revoked | Failure


def understand(
    status: int,
    body: bytes,
    retry_after_seconds: float | None = None,
    *,
    content_type: str | None = None,
    parse: Parse | None = None,
    dead: Dead | None = None,
) -> TokenResponse:
    """Return the meaning of an answer of a token endpoint.

    A token is granted by a 2xx status with a valid ``access_token`` and without an error: some providers send errors
    with status 200, and an error must never be stored as a token.

    Args:
        status: The HTTP status.
        body: The body.
        retry_after_seconds: The header Retry-After, None without one.
        content_type: The header of this name.
        parse: The author's translation of an unusual answer.
        dead: The author's verdict on an answer: true for a dead refresh token, false for a live one, None for none.
    """
    raw = read_members(body, content_type)
    members = _parsed(raw, parse)
    code = None if members is None else error_code(members)
    token = None if members is None else members.get("access_token")
    if members is not None and code is None and is_sendable(token) and 200 <= status < 300:
        return Granted(members)
    if raw is not None and code is None and not token:
        code = error_code(raw)  # which the author's translation has dropped
    verdict = None if dead is None else ask_author("dead", dead, status, dict(raw or {}))
    detail = description_in(members) or description_in(raw)
    texts = [code or "", detail] if status >= 500 else [code or "", *texts_in(_without_tokens(raw), body)]
    if code is None or code in _UNNAMED_ERRORS:
        code = _known_code(texts) or code
    if verdict:
        return Refused(code or f"HTTP {status}", detail)
    failure = _failure(status, code, detail, texts, retry_after_seconds, is_alive=verdict is False)
    if failure is not None and not (token and 200 <= status < 300 and isinstance(failure, Misconfigured)):
        return failure
    if code is not None:
        return Unusable(f"HTTP {status} with the error {code}", detail)
    if 200 <= status < 300 and members is not None:
        return Unusable(_token_problem(token), detail)
    return Unusable(f"HTTP {status} with {kind_of(body, members)}", detail)


def understand_revocation(
    status: int, body: bytes, retry_after_seconds: float | None = None, *, content_type: str | None = None
) -> RevocationAnswer:
    """Return the meaning of an answer of a revocation endpoint; the body of a success is ignored.

    Source: RFC 7009 §2.2.
    """
    members = read_members(body, content_type)
    code = None if members is None else error_code(members)
    if code == "invalid_token":
        return Revoked()  # Google's answer for a token that was revoked before
    detail = description_in(members)
    failure = _failure(status, code, detail, [code or "", detail], retry_after_seconds)
    if failure is not None:
        return failure
    if code is None and 200 <= status < 300:
        return Revoked()
    return Unusable(f"HTTP {status} with {kind_of(body, members) if code is None else f'the error {code}'}", detail)


def error_code(members: Mapping[str, Any]) -> str | None:
    """Return the error code in an answer, safe for messages; None without an error."""
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
    description = members.get("error_description")
    entra = _ENTRA_CODE.search(description) if isinstance(description, str) else None
    return f"{code} {entra[0]}" if entra else code


def is_about_client(refusal: Misconfigured) -> bool:
    """Tell whether a refusal is about the client alone, not about what one of its accounts asks for."""
    name = _name_of(refusal.code)
    return name in _CLIENT_CODES and name != "invalid_scope"


def _parsed(members: dict[str, Any] | None, parse: Parse | None) -> dict[str, Any] | None:
    if members is None or parse is None:
        return members
    # A translation of successes may fail for an error: then the answer is read as it is.
    translated = ask_author("parse", parse, dict(members))
    return dict(translated) if isinstance(translated, Mapping) else members


def _failure(
    status: int,
    code: str | None,
    detail: str,
    texts: Iterable[str],
    retry_after_seconds: float | None,
    *,
    is_alive: bool = False,
) -> Failure | None:
    """Return the kind of failure; None for a success and for an answer without an OAuth2 error.

    The error code decides, whatever the status: some providers send errors with status 200.

    Args:
        status: The HTTP status.
        code: The error code.
        detail: The provider's own words.
        texts: The texts that may say that the refresh token is dead, or refused for a time only.
        retry_after_seconds: The header Retry-After.
        is_alive: Whether the author says that the refresh token is not dead.
    """
    if status in _BUSY_STATUSES:
        return Busy(f"HTTP {status}", retry_after_seconds, detail)
    if 300 <= status < 400:
        return Unusable(f"HTTP {status}, a redirect, which a token request does not follow")
    name = _name_of(code)
    if name in _CLIENT_CODES:
        return Misconfigured(name if code is None else code, detail)
    texts = list(texts)
    is_dead = name in _REFUSED_CODES or (status < 500 and any(map(_says_dead, texts)))
    if name in _BUSY_CODES or (is_dead and is_alive) or ((code is not None or is_dead) and _says_passing(texts)):
        return Busy(code or f"HTTP {status}", retry_after_seconds, detail)
    if is_dead:
        return Refused(code or f"HTTP {status}", detail)
    if name in _UNCERTAIN_CODES:
        return Uncertain(name, detail)
    if status == _REQUEST_TIMEOUT or (status >= 500 and status not in _UNHANDLED_STATUSES):
        return Uncertain(f"HTTP {status}", detail)
    if code is None or not (200 <= status < 300 or 400 <= status < 500):
        return None
    # A 2xx status with an error that has no name says too little to blame the client.
    return None if status < 300 and name in _UNNAMED_ERRORS else Misconfigured(code, detail)


def _name_of(code: str | None) -> str:
    """Return an error code as the standard writes it: ``"invalid_grant"`` for ``InvalidGrant``."""
    name = (code or "").split(" AADSTS")[0]
    spelt = _words(name).strip().replace(" ", "_")
    return spelt if spelt in _KNOWN_CODES else name.lower()


def _known_code(texts: Iterable[str]) -> str | None:
    """Return the error code of the standard that another member than ``error`` has."""
    codes = (text.split()[-1] for text in texts if 1 <= len(text.split(maxsplit=2)) <= 2)
    return next((code for code in codes if _name_of(code) in _KNOWN_CODES), None)


def _says_dead(text: str) -> bool:
    words = _words(text)
    return bool(_REFRESH_TOKEN_WORDS.search(words) and _DEAD_WORDS.search(words) and not _OTHER_WORDS.search(words))


def _says_passing(texts: Iterable[str]) -> bool:
    return any(
        not _PASSING_ENTRA_CODES.isdisjoint(_ENTRA_CODE.findall(text)) or _PASSING_WORDS.search(_words(text))
        for text in texts
    )


def _words(text: str) -> str:
    """Return a text as lower-case words: ``"refresh token expired"`` for ``RefreshTokenExpired``."""
    return _WORD_BREAK.sub(" ", text).lower()


def _without_tokens(members: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return members without the tokens at their top: a token may contain any word."""
    return None if members is None else {name: it for name, it in members.items() if not _is_token(name, it)}


def _is_token(name: str, value: object) -> bool:
    return name.endswith("_token") and isinstance(value, str) and " " not in value


def _token_problem(token: object) -> str:
    if isinstance(token, str) and token:
        return "an access_token with blanks, control characters or letters outside ASCII"
    return "an answer without access_token"
