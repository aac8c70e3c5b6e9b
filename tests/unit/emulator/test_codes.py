"""Consent and authorization codes of the emulated provider."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from shipmate.emulator import OAuth2Provider
from tests.unit.emulator.token_endpoint import (
    CLIENT,
    TIMEOUT,
    Clock,
    error,
    post,
)

CALLBACK = "http://localhost:1/callback"


class TestConsent:
    VERIFIER = "v" * 43

    def authorize(self, provider: OAuth2Provider, **query: str) -> requests.Response:
        """Ask for consent as a browser does."""
        good = {"response_type": "code", "client_id": "public", "redirect_uri": CALLBACK, "state": "s t&"}
        wanted = {name: value for name, value in (good | query).items() if value}
        return requests.get(provider.authorize_url, params=wanted, allow_redirects=False, timeout=TIMEOUT)

    def answer(self, response: requests.Response) -> dict[str, str]:
        """Return the parameters that come back to the client."""
        assert response.status_code == 302
        assert response.headers["Location"].startswith(CALLBACK)
        return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}

    def redeem(self, provider: OAuth2Provider, code: str, **extra: str) -> requests.Response:
        """Exchange a code."""
        good = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": "public"}
        return post(provider, good | extra)

    def challenge(self, method: str) -> dict[str, str]:
        """Return the query's part of PKCE."""
        hashed = base64.urlsafe_b64encode(hashlib.sha256(self.VERIFIER.encode()).digest()).rstrip(b"=").decode()
        challenge = hashed if method == "S256" else self.VERIFIER
        return {"code_challenge": challenge, "code_challenge_method": method}

    @pytest.mark.parametrize("method", ["S256", "plain"])
    def test_a_code_is_exchanged_with_its_verifier(self, provider: OAuth2Provider, method: str) -> None:
        answer = self.answer(self.authorize(provider, scope="a b", **self.challenge(method)))
        assert (answer["state"], answer["iss"]) == ("s t&", provider.url)
        tokens = self.redeem(provider, answer["code"], code_verifier=self.VERIFIER).json()
        assert provider.is_valid(tokens["access_token"])
        assert tokens["scope"] == "a b"

    def test_a_code_without_pkce_is_exchanged_without(self, provider: OAuth2Provider) -> None:
        code = self.answer(self.authorize(provider, state=""))["code"]
        assert error(self.redeem(provider, code, code_verifier="x")) == (400, "invalid_grant")
        code = self.answer(self.authorize(provider))["code"]
        assert self.redeem(provider, code).ok

    def test_a_wrong_or_missing_verifier_is_refused(self, provider: OAuth2Provider) -> None:
        for extra in ({"code_verifier": "x"}, {}):
            code = self.answer(self.authorize(provider, **self.challenge("S256")))["code"]
            assert error(self.redeem(provider, code, **extra)) == (400, "invalid_grant")

    def test_a_code_that_comes_back_revokes_its_tokens(self, provider: OAuth2Provider) -> None:
        code = self.answer(self.authorize(provider))["code"]
        tokens = self.redeem(provider, code).json()
        assert error(self.redeem(provider, code)) == (400, "invalid_grant")
        assert not provider.is_valid(tokens["access_token"])

    def test_a_code_is_bound_to_time_client_and_address(self, provider: OAuth2Provider, clock: Clock) -> None:
        codes = [self.answer(self.authorize(provider))["code"] for _ in range(3)]
        assert error(self.redeem(provider, codes[0], **CLIENT)) == (400, "invalid_grant")
        assert error(self.redeem(provider, codes[1], redirect_uri=CALLBACK + "/x")) == (400, "invalid_grant")
        clock.now += 60
        assert error(self.redeem(provider, codes[2])) == (400, "invalid_grant")
        assert error(self.redeem(provider, "unknown")) == (400, "invalid_grant")

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"code_challenge_method": "S512"}, "invalid_request"),
        ],
    )
    def test_errors_go_back_to_the_client(self, provider: OAuth2Provider, query: dict[str, str], code: str) -> None:
        answer = self.answer(self.authorize(provider, **query))
        assert (answer["error"], answer["state"]) == (code, "s t&")

    @pytest.mark.parametrize(
        "query",
        [
            {"client_id": "nobody"},
            {"redirect_uri": ""},
            {"redirect_uri": "javascript:x"},
            {"redirect_uri": CALLBACK + "#f"},
        ],
    )
    def test_an_unknown_client_or_a_wrong_redirect_uri_gets_no_redirect(
        self, provider: OAuth2Provider, query: dict[str, str]
    ) -> None:
        answer = self.authorize(provider, **query)
        assert answer.status_code == 400
        assert "Location" not in answer.headers

    def test_consent_can_be_denied_and_pkce_required(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(requires_pkce=True)
        assert self.answer(self.authorize(provider))["error"] == "invalid_request"
        assert "code" in self.answer(self.authorize(provider, **self.challenge("S256")))
        provider.approves = False
        denied = self.answer(self.authorize(provider, redirect_uri=CALLBACK + "?a=1", **self.challenge("S256")))
        assert (denied["error"], denied["a"]) == ("access_denied", "1")

    def test_a_person_is_asked_on_a_page_that_keeps_the_request(self, make: Callable[..., OAuth2Provider]) -> None:
        """The form brings back what was asked, and the decision; the text of strangers stays text."""
        provider = make(asks=True, approves=False)
        page = self.authorize(provider, scope='"><script>')
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<script>" not in page.text
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
        form = {name: html.unescape(value) for name, value in fields}
        assert form["state"] == "s t&"
        answers = [
            requests.post(provider.authorize_url, form | {"decision": said}, allow_redirects=False, timeout=TIMEOUT)
            for said in ("allow", "deny", "")
        ]
        assert [sorted(self.answer(each)) for each in answers] == [
            ["code", "iss", "state"],
            ["error", "error_description", "iss", "state"],
            ["error", "error_description", "iss", "state"],
        ]
        stranger = requests.post(
            provider.authorize_url, form | {"client_id": "unknown"}, allow_redirects=False, timeout=TIMEOUT
        )
        assert stranger.status_code == 400
