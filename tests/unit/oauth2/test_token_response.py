"""What answers of token endpoints mean."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.token_response import (
    Busy,
    Granted,
    Misconfigured,
    Refused,
    TokenResponse,
    Uncertain,
    Unusable,
    error_code,
    read_members,
    understand,
)


def answer(status: int, members: Any, **kwargs: Any) -> TokenResponse:
    return understand(status, json.dumps(members).encode(), **kwargs)


@pytest.mark.parametrize(
    ("status", "members"),
    [
        (400, {"error": "invalid_grant", "error_description": "expired"}),
        (403, {"error": "invalid_grant"}),
        (400, {"status": "BAD_REFRESH_TOKEN", "message": "unknown"}),
        (200, {"error": "bad_refresh_token"}),
        (200, {"ok": False, "error": "invalid_refresh_token"}),
        (400, {"error": "interaction_required"}),
        (400, {"error": {"code": "invalid_grant", "message": "x"}}),
    ],
)
def test_a_dead_refresh_token_is_recognised_in_all_its_shapes(status: int, members: Any) -> None:
    """Providers say it with different statuses and members."""
    assert isinstance(answer(status, members), Refused)


@pytest.mark.parametrize(
    ("status", "members"),
    [
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (400, {"error": "unsupported_grant_type"}),
        (400, {"error": "invalid_scope"}),
        (401, {}),
        (404, {"message": "no such page"}),
        (400, {"error": "something_new"}),
    ],
)
def test_a_refused_client_is_not_a_dead_token(status: int, members: Any) -> None:
    """Signing in again would not help."""
    assert isinstance(answer(status, members), Misconfigured)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_endpoint_may_be_asked_again(status: int) -> None:
    """Also with a body that says otherwise."""
    assert answer(status, {"error": "invalid_grant"}, retry_after_seconds=3) == Busy(f"HTTP {status}", 3)
    assert isinstance(answer(400, {"error": "Access Denied"}), Busy)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_leaves_the_outcome_open(status: int) -> None:
    """The token may have been rotated before the error."""
    assert isinstance(answer(status, {}), Uncertain)
    assert isinstance(answer(400, {"error": "server_error"}), Uncertain)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Bad gateway</html>"),
        (200, b""),
        (200, b"{"),
        (200, b"[1]"),
        (200, b"\xff\xfe"),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": null}'),
        (200, b'{"access_token": 7}'),
        (200, b'{"ok": false}'),
        (200, b'{"access_token": "a", "error": "whatever"}'),
        (302, b""),
        (501, b""),
        (408, b""),
        (199, b""),
        (200, b"[" * 100_000),
    ],
)
def test_an_odd_answer_is_never_taken_for_a_token(status: int, body: bytes) -> None:
    """An error that is stored as a token ends the connection for good."""
    assert isinstance(understand(status, body), Unusable)


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "a", "scope": "b c"}',
        b'\xef\xbb\xbf{"access_token": "a", "scope": "b c"}',
        b"access_token=a&scope=b+c",
        b"  access_token=a&scope=b%20c\n",
    ],
)
def test_json_and_forms_are_read_with_or_without_bom(body: bytes) -> None:
    """Some providers answer in a form whatever they are asked for."""
    assert understand(200, body) == Granted({"access_token": "a", "scope": "b c"})


def test_the_translation_of_the_author_comes_before_the_check() -> None:
    """The token may stand deeper in the answer."""
    nested = {"data": {"access_token": "a"}, "code": 0}
    assert isinstance(answer(200, nested), Unusable)
    assert answer(200, nested, parse=lambda members: members["data"]) == Granted({"access_token": "a"})


def test_the_code_of_entra_is_kept_and_descriptions_are_not() -> None:
    """The number says what to do; the text may quote a token."""
    members = {"error": "invalid_grant", "error_description": "AADSTS700082: The refresh token s3cret has expired"}
    assert error_code(members) == "invalid_grant AADSTS700082"
    assert error_code({"error": "s3cret\n" * 30}) == "unknown error"


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_bytes_are_understood(body: bytes, status: int) -> None:
    """No answer of a provider makes the rules fail."""
    assert isinstance(understand(status, body), Granted | Refused | Misconfigured | Busy | Uncertain | Unusable)


def test_a_page_with_an_equals_sign_is_no_form() -> None:
    """Only what begins like a form is one."""
    assert read_members(b"a=<b>") is None
    assert read_members(b"no form at all") is None
