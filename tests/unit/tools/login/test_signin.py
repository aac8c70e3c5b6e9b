"""The exchange of a code, and the revocation of tokens."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shipmate.emulator import Fault, OAuth2Provider
from shipmate.errors import ClientMisconfigured, SignInFailed, TokenEndpointUnavailable
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.options import Client
from shipmate.oauth2.token_response import Busy, Misconfigured, Revoked, Unusable, understand_revocation
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.authorization_request import AuthorizationRequest
from shipmate.tools.login.config import SignInConfig
from shipmate.tools.login.redirect import Redirect
from shipmate.tools.login.revocation import revoke_account
from shipmate.tools.login.signin import SignInOptions, exchange, sign_in


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

    answer = exchange(terms_for(provider), "c", "http://127.0.0.1/", "v" * 43, redactor=Redactor(), sleep=pauses.append)

    assert answer == {"access_token": "a"}
    assert pauses == [7, 1]
    assert provider.token_requests[2].form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "http://127.0.0.1/",
        "code_verifier": "v" * 43,
        "resource": "https://a.test",
    }


def test_a_provider_without_pkce_gets_no_verifier(provider: OAuth2Provider) -> None:
    """Some providers refuse parameters that they do not know."""
    provider.script("/token", Fault(200, {"access_token": "a"}))
    terms = replace(terms_for(provider), uses_pkce=False)

    exchange(terms, "c", "http://127.0.0.1/", None, redactor=Redactor())
    assert "code_verifier" not in provider.token_requests[0].form
    url = AuthorizationRequest("s", "v").url(terms, "http://127.0.0.1/")
    assert "code_challenge" not in url


def test_tokens_in_a_nested_object_are_found(provider: OAuth2Provider) -> None:
    """Slack has the person's tokens in authed_user."""
    provider.script("/token", Fault(200, {"ok": True, "authed_user": {"access_token": "a"}}))
    terms = replace(terms_for(provider), token_pointer="/authed_user")

    answer = exchange(terms, "c", "http://127.0.0.1/", "v", redactor=Redactor())
    assert answer["access_token"] == "a"


PASTED = Redirect.from_options("https://example.com/done", None)


@pytest.mark.parametrize(
    "line", ["https://example.com/done?{}\n", "https://example.com:443/done?{}#_=_\n", " https://EXAMPLE.com/done?{} "]
)
def test_an_address_that_is_not_on_this_machine_is_pasted(provider: OAuth2Provider, tmp_path: Path, line: str) -> None:
    """The person sees an error page there, whose address has the code."""
    said: list[str] = []
    provider.script("/token", Fault(200, {"access_token": "a"}))

    def read_line() -> str:
        if len(said) < 5:  # the first try is an address without the answer
            return "https://evil.example.com/done?code=c\n"
        state = re.findall(r"state=([^&\s]+)", " ".join(said))[0]
        return line.format(f"code=c&state={state}&realmId=7")

    account = AccountFile.from_options(tmp_path)
    options = SignInOptions(PASTED, opens_browser=False, read_line=read_line)
    names = sign_in(terms_for(provider), account, options, redactor=Redactor(), say=said.append)
    assert names == ["access_token", "realmId"]
    assert account.file.read() == {"oauth": {"access_token": "a", "realmId": "7"}}
    assert provider.token_requests[0].form["redirect_uri"] == "https://example.com/done"
    assert any("begins with https://example.com/done" in each for each in said)


def test_without_a_pasted_address_the_sign_in_fails(provider: OAuth2Provider, tmp_path: Path) -> None:
    """Standard input may be closed."""
    options = SignInOptions(PASTED, opens_browser=False)
    with pytest.raises(SignInFailed, match="on standard input, found nothing"):
        sign_in(
            terms_for(provider), AccountFile.from_options(tmp_path), options, redactor=Redactor(), say=lambda _: None
        )


def test_after_three_attempts_a_busy_endpoint_is_an_error(provider: OAuth2Provider) -> None:
    """The error has its last answer."""
    provider.script("/token", Fault(503), times=3)

    with pytest.raises(TokenEndpointUnavailable, match=r"at http://127.0.0.1:\d+ gave no usable answer: HTTP 503"):
        exchange(terms_for(provider), "c", "http://127.0.0.1/", "v", redactor=Redactor(), sleep=lambda _: None)


SAID = {"error_description": "c0de-1234567 and s3cret-1234\x1b[31m are\nwrong", "error_uri": "https://a.example/e"}
SHOWN = r"\*\*\* and \*\*\*\?\[31m are wrong \(see https://a\.example/e\)"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "invalid_grant", SignInFailed),
        (401, "invalid_client", ClientMisconfigured),
        (400, "invalid_request", ClientMisconfigured),
        (500, "server_error", TokenEndpointUnavailable),
    ],
)
def test_an_error_has_the_words_of_the_provider_without_secrets(
    provider: OAuth2Provider, tmp_path: Path, status: int, error: str, kind: type[Exception]
) -> None:
    """The exchange of a code and a revocation say as much as a refresh."""
    redactor = Redactor()
    redactor.add("c0de-1234567", "s3cret-1234")
    provider.script("/token", Fault(status, {"error": error, **SAID}))
    with pytest.raises(kind, match=f": {error}: {SHOWN}"):
        exchange(terms_for(provider), "c0de-1234567", "http://127.0.0.1/", "v", redactor=redactor)

    account = AccountFile.from_options(tmp_path)
    account.save({"oauth": provider.issue()})
    provider.script("/revoke", Fault(status, {"error": error, **SAID}))
    with pytest.raises(
        (ClientMisconfigured, TokenEndpointUnavailable), match=f": {error}: {SHOWN}; the keys are still"
    ):
        revoke_account(terms_for(provider), account, redactor=redactor)


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
