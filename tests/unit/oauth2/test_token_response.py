"""What answers of token endpoints mean."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.answer_body import read_members
from shipmate.oauth2.token_response import (
    Busy,
    Granted,
    Misconfigured,
    Refused,
    TokenResponse,
    Uncertain,
    Unusable,
    error_code,
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
        (400, {"error": "something_new"}),
        (200, {"error": "incorrect_client_credentials", "error_description": "The client_id is incorrect."}),
        (200, {"ok": False, "error": "bad_client_secret"}),
        (200, {"error": "invalid_client_secret"}),
        (200, {"error": "invalid_client"}),
        (200, {"error": "redirect_uri_mismatch"}),
        (500, {"error": "invalid_client"}),
        (401, {"code": "invalid_client", "message": "no"}),
        (400, {"errorCode": "InvalidClient"}),
        (400, {"error": "invalid-scope"}),
        (400, {"error": "invalid_client", "error_description": "The refresh token is invalid for this client"}),
        (400, {"error": "unsupported_grant_type", "error_description": "refresh_token is invalid"}),
        (400, {"error": "invalid_request", "error_description": "Invalid grant_type: refresh_token"}),
        (400, {"error": "unauthorized_client", "error_description": "refresh_token not allowed for this client"}),
        (400, {"error": "invalid_request", "error_description": "Missing parameter: refresh_token"}),
        (400, {"error": "invalid_request", "error_description": "Wrong client secret for refresh token request"}),
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


@pytest.mark.parametrize("status", [408, 500, 502, 504, 506, 507, 520, 522, 529, 598, 600, 999])
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


@pytest.mark.parametrize(
    ("status", "members"),
    [
        (400, {"error": "invalid_request", "error_description": "The refresh token is invalid"}),
        (400, {"error": "invalid_request", "error_description": "refresh_token has expired"}),
        (401, {"error": "invalid_token", "error_description": "Invalid refresh token (expired): abc"}),
        (400, {"error": "unauthorized_client", "error_description": "Unknown refresh token"}),
        (401, {"message": "Refresh token has been revoked"}),
        (400, {"errors": [{"message": "The refresh token was not found."}]}),
        (400, {"errors": {"refresh_token": ["is not valid"]}}),
        (422, {"refresh_token": ["This token has expired."]}),
        (400, {"error": {"code": 190, "message": "RefreshToken is no longer active"}}),
        (400, {"fault": {"faultstring": "Invalid Refresh Token", "detail": {"errorcode": "x"}}}),
        (403, {"error": "RefreshTokenExpired"}),
        (400, {"code": "REFRESH_TOKEN_REVOKED"}),
        (200, {"success": False, "msg": "invalid refresh_token"}),
        (400, {"error": "invalid_request", "error_description": "refresh token already used"}),
        (400, {"code": "invalid_grant"}),
        (400, {"errors": [{"code": "invalid_grant", "detail": "no"}]}),
        (400, {"error": 400, "error_code": "INVALID_GRANT"}),
        (400, {"error": "InvalidGrant"}),
        (401, {"error": "invalid_token"}),
    ],
)
def test_a_dead_refresh_token_is_recognised_by_the_words_of_the_answer(status: int, members: Any) -> None:
    """Otherwise nobody is asked to sign in again."""
    assert isinstance(answer(status, members), Refused)


@pytest.mark.parametrize(
    "body", [b"Invalid refresh token", b"<error><text>The refresh_token has expired</text></error>"]
)
def test_a_dead_refresh_token_is_recognised_in_plain_text(body: bytes) -> None:
    """Some gateways answer so."""
    assert isinstance(understand(401, body), Refused)
    assert isinstance(understand(500, body), Uncertain)


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (401, b"", "an empty body"),
        (403, b"<!DOCTYPE html><html><body>Forbidden</body></html>", "an HTML page"),
        (403, b"<Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (401, b"Unauthorized", "neither JSON nor a form"),
        (401, b"{}", "without an OAuth2 error"),
        (404, b'{"message": "no such page"}', "without an OAuth2 error"),
        (405, b'{"code": 1}', "without an OAuth2 error"),
        (499, b"", "an empty body"),
    ],
)
def test_a_client_error_without_an_oauth2_error_blames_nobody(status: int, body: bytes, found: str) -> None:
    """A gateway or a firewall writes it; the reason says what was found."""
    result = understand(status, body)
    assert isinstance(result, Unusable)
    assert str(status) in result.reason
    assert found in result.reason


@pytest.mark.parametrize(
    "members",
    [
        {"error": "invalid_grant", "error_description": "AADSTS50196: The server terminated an operation"},
        {"error": "invalid_grant", "error_description": "AADSTS90055: throttled", "error_codes": [90055]},
        {"error": "invalid_grant", "error_description": "Too many requests for this account"},
        {"error": "invalid_grant", "error_description": "Rate limit reached, retry later"},
        {"error": "invalid_grant", "error_description": "login rate exceeded"},
        {"error": "invalid_grant", "error_description": "Concurrent refresh of this token"},
        {"error": "invalid_request", "error_description": "The refresh token is invalid: try again later"},
    ],
)
def test_a_passing_refusal_is_not_a_dead_token(members: Any) -> None:
    """The same refresh token works after a pause."""
    result = answer(400, members, retry_after_seconds=4)
    assert isinstance(result, Busy)
    assert result.retry_after_seconds == 4


def test_the_verdict_of_the_author_is_asked_before_our_own_list() -> None:
    """True for a dead token, false for a live one, None for no verdict."""
    verdicts: list[tuple[int, Any]] = []

    def dead(status: int, members: dict[str, Any]) -> bool | None:
        verdicts.append((status, members))
        return {"gone": True, "later": False}.get(members.get("why", ""))

    assert isinstance(answer(418, {"why": "gone"}, dead=dead), Refused)
    assert isinstance(answer(503, {"why": "gone"}, dead=dead), Refused)
    assert isinstance(answer(400, {"error": "invalid_grant", "why": "later"}, dead=dead), Busy)
    assert isinstance(answer(400, {"error": "invalid_grant"}, dead=dead), Refused)
    assert isinstance(understand(401, b"<html>", dead=dead), Unusable)
    assert answer(200, {"access_token": "a"}, dead=dead) == Granted({"access_token": "a"})
    assert [status for status, _ in verdicts] == [418, 503, 400, 400, 401]
    assert verdicts[-1] == (401, {})


def test_functions_of_the_author_that_raise_are_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """A slip in them costs neither the message nor the rotated token."""

    def broken(*arguments: Any) -> Any:
        raise KeyError("data")

    assert isinstance(answer(400, {"error": "invalid_grant"}, dead=broken), Refused)
    assert isinstance(answer(400, {"error": "invalid_scope"}, dead=broken), Misconfigured)
    assert answer(200, {"access_token": "a"}, parse=broken) == Granted({"access_token": "a"})
    assert isinstance(answer(400, {"error": "invalid_grant"}, parse=broken), Refused)
    assert answer(200, {"access_token": "a"}, parse=lambda members: None) == Granted({"access_token": "a"})
    assert [record.option for record in caplog.records] == ["dead", "dead", "parse", "parse"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("token", ["a b", " a", "a\n", "a\tb", "a\x00", "ä", "a\u2028b", "\ud800"])
def test_an_access_token_that_fits_into_no_header_is_refused(token: str) -> None:
    """The old one is better."""
    result = answer(200, {"access_token": token, "refresh_token": "r"})
    assert isinstance(result, Unusable)
    assert "blanks" in result.reason


@pytest.mark.parametrize("token", ["00D!AQ.x", "id|secret", "a.b-c_d~e+f/g==", "EAA:%#"])
def test_an_access_token_of_other_visible_letters_is_taken(token: str) -> None:
    """Providers do not keep to the letters of the standard."""
    assert isinstance(answer(200, {"access_token": token}), Granted)


_NAMED = {"access_token": "a", "name": "Zoë"}


@pytest.mark.parametrize(
    ("charset", "content_type"),
    [
        ("iso-8859-1", "application/json; charset=ISO-8859-1"),
        ("cp1252", 'application/json;charset="windows-1252"'),
        ("utf-16", "application/json; charset=utf-16"),
        ("utf-16-le", "application/json"),
        ("utf-32", None),
        ("utf-8-sig", "application/json; charset=utf-16"),
        ("utf-8", "application/json; charset=nonsense"),
        ("utf-8", "application/json; charset=punycode"),
        ("iso-8859-1", "application/json; charset=utf-8"),
        ("iso-8859-1", None),
    ],
)
def test_an_answer_in_another_charset_is_read(charset: str, content_type: str | None) -> None:
    """The rotated token in it must not be lost."""
    body = json.dumps(_NAMED, ensure_ascii=False).encode(charset)
    assert understand(200, body, content_type=content_type) == Granted(_NAMED)


def test_the_translation_of_the_author_is_asked_before_the_look_for_errors() -> None:
    """Also for error statuses: it may translate errors, too."""

    def parse(members: dict[str, Any]) -> dict[str, Any]:
        if members.get("errcode"):
            return {"error": "invalid_grant"}
        return {"access_token": members["token"]} if "token" in members else members["data"]

    assert answer(200, {"error": "none", "token": "a"}, parse=parse) == Granted({"access_token": "a"})
    assert isinstance(answer(400, {"errcode": 7}, parse=parse), Refused)
    assert isinstance(answer(200, {"error": "invalid_grant", "data": {}}, parse=parse), Refused)


def test_the_translation_of_the_author_comes_before_the_check() -> None:
    """The token may stand deeper in the answer."""
    nested = {"data": {"access_token": "a"}, "code": 0}
    assert isinstance(answer(200, nested), Unusable)
    assert answer(200, nested, parse=lambda members: members["data"]) == Granted({"access_token": "a"})


def test_the_code_of_entra_is_kept_and_descriptions_stand_apart() -> None:
    """The number says what to do; the text may quote a token, and is redacted before anybody reads it."""
    told = answer(400, {"error": "invalid_scope", "error_description": "no", "error_uri": "https://p.example/1"})
    assert isinstance(told, Misconfigured)
    assert told.detail == "no (see https://p.example/1)"
    assert "p.example" not in repr(told)
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
