"""Callbacks: what a request to the redirect address means."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.tools.login import page
from shipmate.tools.login.callback import (
    CallbackRequest,
    CallbackResult,
    Code,
    Denied,
    Expected,
    printable,
    read_callback,
)
from shipmate.tools.login.redirect import Redirect

EXPECTED = Expected(
    Redirect("127.0.0.1", 5000, "/callback"), "the-state", None, frozenset({"https://login.example.com"})
)


def arrive(
    query: str,
    *,
    method: str = "GET",
    path: str = "/callback",
    host: str = "127.0.0.1:5000",
    expected: Expected = EXPECTED,
) -> CallbackResult:
    """Return the meaning of a request."""
    return read_callback(CallbackRequest(method, f"{path}?{query}", host), expected)


def test_a_code_with_our_state_is_the_answer() -> None:
    """This is the usual answer."""
    assert arrive("code=the-code&state=the-state&session=7").outcome == Code("the-code", {"session": "7"})


@pytest.mark.parametrize(
    ("arrival", "expected"),
    [
        (arrive("code=c&state=the-state", host="evil.example.com:5000"), page.OTHER_HOST),
        (arrive("code=c&state=the-state", host=""), page.OTHER_HOST),
        (arrive("code=c&state=the-state", path="/favicon.ico"), page.NOT_FOUND),
        (arrive("code=c&state=the-state", path="/callback/"), page.NOT_FOUND),
        (arrive("code=c&state=the-state", method="POST"), page.NOT_ALLOWED),
        (arrive("code=c&state=The-State"), page.NOT_OURS),
        (arrive("code=c&state="), page.NOT_OURS),
        (arrive("code=c"), page.NOT_OURS),
        (arrive("error=access_denied"), page.NOT_OURS),
        (arrive("code=c&code=d&state=the-state"), page.NOT_OURS),
        (arrive("code=c&state=the-state&state=the-state"), page.NOT_OURS),
    ],
)
def test_other_requests_do_not_end_the_sign_in(arrival: CallbackResult, expected: page.Page) -> None:
    """A request without the state can neither sign the person in nor end the sign-in."""
    assert arrival.page == expected
    assert arrival.outcome is None


def test_the_answer_of_a_known_issuer_must_name_it() -> None:
    """Otherwise another provider's answer would pass. Source: RFC 9207 §2.4."""
    expected = replace(EXPECTED, issuer="https://login.example.com")
    for query in ("code=c&state=the-state", "error=access_denied&state=the-state"):
        outcome = arrive(query, expected=expected).outcome
        assert isinstance(outcome, Denied)
        assert "found one without iss" in outcome.reason
    named = arrive("code=c&state=the-state&iss=https://login.example.com", expected=expected)
    assert named.outcome == Code("c")


@pytest.mark.parametrize(
    "name", ["access_token", "refresh_token", "id_token", "Access_Token", "token_type", "expires_in", "expires_at",
             "scope", "instance_url", "session_state", "client_secret_token"]
)  # fmt: skip
def test_the_browser_chooses_no_tokens(name: str) -> None:
    """The token endpoint sends them over TLS."""
    query = urlencode({"code": "c", name: "planted", "realmId": "7", "accounts-server": "https://accounts.example.eu"})
    outcome = arrive(f"{query}&state=the-state").outcome
    assert outcome == Code("c", {"realmId": "7", "accounts-server": "https://accounts.example.eu"})


def test_an_error_without_our_state_is_a_warning() -> None:
    """Some providers omit the state when they refuse; without a warning the person would wait for nothing."""
    assert "ignored an answer that does not belong to this sign-in (access_denied)" in (
        arrive("error=access_denied").warning or ""
    )


@given(st.text().filter(lambda text: text != "the-state"))
def test_no_other_state_is_accepted(state: str) -> None:
    """The state may be any text."""
    assert arrive(urlencode({"code": "c", "state": state}, errors="replace")).outcome is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("error=access_denied&error_description=You+said+no.", "access_denied: You said no"),
        ("error=invalid_scope", "invalid_scope"),
        ("error=access_denied&code=c", "access_denied"),
        ("error=a%0Ab%1B%5B31m&error_description=%E2%80%AEx", "a b [31m: x"),
        ("error=", "error"),
        ("session=7", "expected a code, found none in the provider's answer"),
        ("code=", "expected a code, found none in the provider's answer"),
    ],
)
def test_the_reason_of_a_refusal_is_one_line(query: str, reason: str) -> None:
    """The line has the provider's words, without control characters."""
    assert arrive(f"{query}&state=the-state").outcome == Denied(reason)


@pytest.mark.parametrize(
    "issuer", ["https://login.example.com", "https://login.example.com/tenant", "https://LOGIN.example.com:443"]
)
def test_an_issuer_at_the_providers_address_is_accepted(issuer: str) -> None:
    """Without an issuer in the descriptor, only the origin is known."""
    assert arrive(urlencode({"code": "c", "state": "the-state", "iss": issuer})).outcome == Code("c")


@pytest.mark.parametrize("issuer", ["https://evil.example.com", "http://login.example.com", "", "https://[", "x"])
def test_another_issuer_is_refused(issuer: str) -> None:
    """A code of one provider must not be sent to another one. Source: RFC 9207 §2.4."""
    result = arrive(urlencode({"code": "c", "state": "the-state", "iss": issuer}))

    assert isinstance(result.outcome, Denied)
    assert "expected an answer from https://login.example.com, found one from" in result.outcome.reason


def test_an_issuer_that_the_descriptor_names_is_compared_letter_by_letter() -> None:
    """Source: RFC 9207 §2.4."""
    expected = replace(EXPECTED, issuer="https://issuer.example.com/a")

    good, bad = (
        arrive(urlencode({"code": "c", "state": "the-state", "iss": issuer}), expected=expected).outcome
        for issuer in ("https://issuer.example.com/a", "https://issuer.example.com/a/")
    )
    assert good == Code("c")
    assert isinstance(bad, Denied)


def test_a_long_text_is_cut() -> None:
    """A terminal should show it in a few lines."""
    assert len(printable("x" * 5000)) == 300


def test_secrets_are_not_in_the_repr() -> None:
    """Tracebacks and logs show the repr."""
    assert "the-code" not in repr(Code("the-code"))
    assert "the-state" not in repr(EXPECTED)
    assert "the-code" not in repr(CallbackRequest("GET", "/callback?code=the-code", "h"))
