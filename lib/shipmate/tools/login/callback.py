"""Decides what the requests of the browser to the redirect address mean, without I/O.

Source: RFC 6749 §3.1, §4.1.2; RFC 9207 §2.4.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from shipmate.logs.records import excerpt
from shipmate.tools.login import page
from shipmate.tools.login.page import Page
from shipmate.tools.login.redirect import Redirect

_LONGEST_TEXT: Final = 300
_MOST_MEMBERS: Final = 50
_PROTOCOL: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri", "session_state"})
# The token endpoint sends these over TLS; the browser must not choose them.
_OF_TOKENS: Final = re.compile(
    r".*_token|token_type|token|expires.*|scope|secret.*|instance_url", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A request of the browser to the redirect address."""

    method: str
    target: str = field(repr=False)
    """Path and query."""
    host: str


@dataclass(frozen=True, slots=True)
class Expected:
    """The required content of the provider's answer."""

    redirect: Redirect
    state: str = field(repr=False)
    issuer: str | None
    """The exact issuer; None if only its origin is known."""
    origins: frozenset[str]
    """The origins of which the issuer must have one, unless it is known exactly."""


@dataclass(frozen=True, slots=True)
class Code:
    """The authorization code: the person has agreed."""

    value: str = field(repr=False)
    members: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else the provider sent along: ``{"realmId": "123"}``."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The sign-in failed without a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """The meaning of a request: the page for the browser, and the outcome if the request ends the sign-in."""

    page: Page
    outcome: Code | Denied | None = None
    warning: str | None = None
    """A line for the person."""


def read_callback(request: CallbackRequest, expected: Expected) -> CallbackResult:
    """Return the meaning of a request; only an answer with our state ends the sign-in."""
    if request.host.lower() not in expected.redirect.hosts:
        return CallbackResult(page.OTHER_HOST)
    path, _, query = request.target.partition("?")
    if path != expected.redirect.path:
        return CallbackResult(page.NOT_FOUND)
    if request.method != "GET":
        return CallbackResult(page.NOT_ALLOWED)
    pairs = parse_qsl(query, keep_blank_values=True)
    answer = dict(pairs)
    names = [name for name, _ in pairs if name in ("code", "error", "state", "iss")]
    if len(names) != len(set(names)) or not _is_same(answer.get("state", ""), expected.state):
        error = f" ({printable(answer['error'])})" if "error" in answer else ""
        return CallbackResult(page.NOT_OURS, warning=f"ignored an answer that does not belong to this sign-in{error}")
    outcome = _outcome(answer, expected)
    if isinstance(outcome, Denied):
        return CallbackResult(Page(200, "Sign-in failed", f"{outcome.reason}. You can close this page."), outcome)
    return CallbackResult(page.SIGNED_IN, outcome)


def origin_text(url: str) -> str:
    """Return scheme, host and port of an address as text, empty if it is not valid.

    >>> origin_text("https://Login.example.com:443/authorize"), origin_text("http://[::1]:8080")
    ('https://login.example.com', 'http://[::1]:8080')
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")


def printable(text: str) -> str:
    """Return foreign text in one line of limited length, without characters that control a terminal.

    >>> printable("no\\x1b[31m way")
    'no [31m way'
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return excerpt(line, _LONGEST_TEXT)


def _outcome(answer: Mapping[str, str], expected: Expected) -> Code | Denied:
    issuer = answer.get("iss")
    if issuer is None and expected.issuer is not None:
        return Denied(
            f"expected an answer from {expected.issuer}, found one without iss, which may be another provider's"
        )
    if issuer is not None and not _is_issuer(issuer, expected):
        return Denied(
            f"expected an answer from {expected.issuer or ' or '.join(sorted(expected.origins))}, found one from "
            f"{printable(issuer)!r}: set issuer in credentials.oauth2 of component.json if that is right"
        )
    if "error" in answer:
        description = printable(answer.get("error_description", ""))
        return Denied(f"{printable(answer['error']) or 'error'}{': ' if description else ''}{description}".rstrip(". "))
    if not answer.get("code"):
        return Denied("expected a code, found none in the provider's answer")
    return Code(answer["code"], _members(answer))


def _members(answer: Mapping[str, str]) -> dict[str, str]:
    """Return the members that neither OAuth2 nor the token endpoint defines."""
    names = [name for name in answer if name and name not in _PROTOCOL and not _OF_TOKENS.fullmatch(name)]
    return {name: answer[name] for name in names[:_MOST_MEMBERS]}


def _is_issuer(issuer: str, expected: Expected) -> bool:
    if expected.issuer is not None:
        return _is_same(issuer, expected.issuer)
    return origin_text(issuer) in expected.origins


def _is_same(text: str, expected: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
