"""The exchange of a code, and the revocation of tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.emulator import Fault, OAuth2Provider
from shipmate.errors import ClientMisconfigured, TokenEndpointUnavailable
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.options import Client
from shipmate.oauth2.token_response import Busy, Misconfigured, Revoked, Unusable, understand_revocation
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.config import SignInConfig
from shipmate.tools.login.revocation import revoke_account
from shipmate.tools.login.signin import exchange


@pytest.fixture
def provider() -> Iterator[OAuth2Provider]:
    """Return a provider."""
    with OAuth2Provider({"id": "secret"}) as made:
        yield made


def terms_for(provider: OAuth2Provider) -> SignInConfig:
    """Return the settings of a client of a provider."""
    client = Client(provider.token_url, "id", "secret", client_auth="basic", extra={"resource": "https://a.test"})
    return SignInConfig(provider.authorize_url, client, "oauth", revoke_uri=provider.url + "/revoke")


def test_a_busy_endpoint_is_retried(provider: OAuth2Provider) -> None:
    """A busy endpoint has not used the code."""
    pauses: list[float] = []
    provider.script("/token", Fault(503, headers={"Retry-After": "7"}), Fault(429), Fault(200, {"access_token": "a"}))

    answer = exchange(terms_for(provider), "c", "http://127.0.0.1/", "v" * 43, sleep=pauses.append)

    assert answer == {"access_token": "a"}
    assert pauses == [7, 1]
    assert provider.token_requests[2].form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "http://127.0.0.1/",
        "code_verifier": "v" * 43,
        "resource": "https://a.test",
    }


def test_after_three_attempts_a_busy_endpoint_is_an_error(provider: OAuth2Provider) -> None:
    """The error has its last answer."""
    provider.script("/token", Fault(503), times=3)

    with pytest.raises(TokenEndpointUnavailable, match=r"at http://127.0.0.1:\d+ gave no usable answer: HTTP 503"):
        exchange(terms_for(provider), "c", "http://127.0.0.1/", "v", sleep=lambda _: None)


def test_an_access_token_that_cannot_be_revoked_is_no_failure(provider: OAuth2Provider, tmp_path: Path) -> None:
    """It expires soon, and the grant ended with the refresh token. Source: RFC 7009 §2.2.1."""
    account = AccountFile.from_options(tmp_path)
    account.save({"oauth": provider.issue()})
    provider.script("/revoke", Fault(200), Fault(400, {"error": "unsupported_token_type"}))

    assert revoke_account(terms_for(provider), account, redactor=Redactor()) == ["refresh_token"]
    assert account.file.read() == {}


def test_a_refresh_token_that_cannot_be_revoked_is_a_failure(provider: OAuth2Provider, tmp_path: Path) -> None:
    """Otherwise the grant would stay valid without a trace."""
    account = AccountFile.from_options(tmp_path)
    account.save({"oauth": provider.issue()})
    provider.script("/revoke", Fault(400, {"error": "unsupported_token_type"}))

    with pytest.raises(ClientMisconfigured, match="refuses the refresh_token: unsupported_token_type"):
        revoke_account(terms_for(provider), account, redactor=Redactor())
    assert "oauth" in account.file.read()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", Revoked()),
        (204, b"", Revoked()),
        (200, b"<html>done</html>", Revoked()),
        (400, b'{"error": "invalid_token"}', Revoked()),
        (200, b'{"ok": false, "error": "not_authed"}', Misconfigured("not_authed")),
        (400, b'{"error": "invalid_client"}', Misconfigured("invalid_client")),
        (401, b"", Unusable("HTTP 401 with an empty body")),
        (404, b"<html>", Unusable("HTTP 404 with an HTML page, which is neither JSON nor a form")),
        (302, b"", Unusable("HTTP 302, a redirect, which a token request does not follow")),
        (503, b"", Busy("HTTP 503", 3.0)),
    ],
)
def test_the_answer_of_a_revocation_endpoint_is_understood(status: int, body: bytes, expected: object) -> None:
    """Any answer without an error is a success. Source: RFC 7009 §2.2."""
    assert understand_revocation(status, body, 3.0) == expected
