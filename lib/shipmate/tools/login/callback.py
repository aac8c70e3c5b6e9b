"""What the browser brings back, decided without I/O.

Source: RFC 6749 §3.1, §4.1.2; RFC 9207 §2.4.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from shipmate.tools.login import page
from shipmate.tools.login.page import Page
from shipmate.tools.login.redirect import Redirect

_LONGEST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A request of a browser."""

    method: str
    target: str = field(repr=False)
    """Path and query."""
    host: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must have to be the one that is waited for."""

    redirect: Redirect
    state: str = field(repr=False)
    issuer: str | None
    """Who answers, where that is known exactly."""
    origins: frozenset[str]
    """Where the issuer must live otherwise."""


@dataclass(frozen=True, slots=True)
class Code:
    """The person has agreed."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Denied:
    """There will be no code; the text says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What an arrival means: a page for the browser, the outcome if it is one, and what the person should know."""

    page: Page
    outcome: Code | Denied | None = None
    note: str | None = None


def read(arrival: CallbackRequest, expected: Expected) -> CallbackResult:
    """Return what an arrival means; only an answer with our state ends the wait."""
    if arrival.host.lower() not in expected.redirect.hosts:
        return CallbackResult(page.OTHER_HOST)
    path, _, query = arrival.target.partition("?")
    if path != expected.redirect.path:
        return CallbackResult(page.NOT_FOUND)
    if arrival.method != "GET":
        return CallbackResult(page.NOT_ALLOWED)
    pairs = parse_qsl(query, keep_blank_values=True)
    answer = dict(pairs)
    names = [name for name, _ in pairs if name in ("code", "error", "state", "iss")]
    if len(names) != len(set(names)) or not _is_same(answer.get("state", ""), expected.state):
        error = f" ({plain(answer['error'])})" if "error" in answer else ""
        return CallbackResult(
            page.NOT_OURS, note=f"an answer came that does not belong to this sign-in{error}: it was ignored"
        )
    outcome = _outcome(answer, expected)
    if isinstance(outcome, Denied):
        return CallbackResult(Page(200, "Sign-in failed", f"{outcome.reason}. This page can be closed."), outcome)
    return CallbackResult(page.SIGNED_IN, outcome)


def origin(url: str) -> str:
    """Return scheme, host and port of an address.

    >>> origin("https://Login.example.com:443/authorize"), origin("http://[::1]:8080")
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


def plain(text: str) -> str:
    """Return a text of a stranger as one line that a terminal can show.

    >>> plain("no\\x1b[31m way")
    'no [31m way'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_LONGEST_TEXT]


def _outcome(answer: Mapping[str, str], expected: Expected) -> Code | Denied:
    issuer = answer.get("iss")
    if issuer is not None and not _is_issuer(issuer, expected):
        return Denied(
            f"expected an answer of {expected.issuer or ' or '.join(sorted(expected.origins))}, found one of "
            f"{plain(issuer)!r}: issuer in credentials.oauth2 of component.json says who answers"
        )
    if "error" in answer:
        description = plain(answer.get("error_description", ""))
        return Denied(f"{plain(answer['error']) or 'error'}{': ' if description else ''}{description}".rstrip(". "))
    if not answer.get("code"):
        return Denied("expected a code, found none in the provider's answer")
    return Code(answer["code"])


def _is_issuer(issuer: str, expected: Expected) -> bool:
    if expected.issuer is not None:
        return _is_same(issuer, expected.issuer)
    return origin(issuer) in expected.origins


def _is_same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
