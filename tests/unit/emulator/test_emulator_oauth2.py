"""The emulator's OAuth2 provider."""

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shipmate.emulator import Fault, OAuth2Provider, OAuth2Refusal

TIMEOUT = 10
SECRET = "p:ä s+%"
CLIENT = {"client_id": "id", "client_secret": SECRET}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT = {"grant_type": "client_credentials"}
CALLBACK = "http://localhost:1/callback"

Post = Callable[..., requests.Response]


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock to be moved by hand."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Iterator[Callable[..., OAuth2Provider]]:
    """Return a function that starts providers."""
    started: list[OAuth2Provider] = []

    def provider(clients: dict[str, str | None] | None = None, **options: Any) -> OAuth2Provider:
        started.append(OAuth2Provider(clients or {"id": SECRET, "public": None}, clock=clock, **options).start())
        return started[-1]

    yield provider
    for each in started:
        each.stop()


@pytest.fixture
def provider(make: Callable[..., OAuth2Provider]) -> OAuth2Provider:
    """Return a provider with rotation and reuse detection."""
    return make()


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    """Return a key to sign assertions with."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def public_pem(private_key: rsa.RSAPrivateKey) -> str:
    """Return the text that the provider knows the key by."""
    return private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def post(provider: OAuth2Provider, form: dict[str, str], path: str = "/token", **options: Any) -> requests.Response:
    """Post a form."""
    return requests.post(provider.url + path, data=form, timeout=TIMEOUT, **options)


def refresh(provider: OAuth2Provider, refresh_token: str, **extra: str) -> requests.Response:
    """Refresh with the credentials in the form."""
    return post(provider, {"grant_type": "refresh_token", "refresh_token": refresh_token, **CLIENT, **extra})


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return a header as RFC 6749 §2.3.1 wants it."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(joined.encode()).decode()}


def error(response: requests.Response) -> tuple[int, str]:
    """Return status and code of an error answer."""
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()["error"]


class TestRefresh:
    def test_a_refresh_gives_a_new_pair_and_spends_the_old_token(self, provider: OAuth2Provider) -> None:
        old = provider.issue("read write")
        answer = refresh(provider, old["refresh_token"])
        new = answer.json()
        assert answer.headers["Cache-Control"] == "no-store"
        assert set(new) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
        assert (new["token_type"], new["expires_in"], new["scope"]) == ("Bearer", 3600, "read write")
        assert new["refresh_token"] != old["refresh_token"]
        assert provider.is_valid(old["access_token"])
        assert provider.is_valid(new["access_token"])
        assert provider.refreshes == 1
        assert provider.token_requests[0].form["refresh_token"] == old["refresh_token"]

    def test_a_spent_token_that_comes_back_revokes_its_family_only(self, provider: OAuth2Provider) -> None:
        old, other = provider.issue(), provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        assert error(refresh(provider, old["refresh_token"])) == (400, "invalid_grant")
        assert not provider.is_valid(new["access_token"])
        assert error(refresh(provider, new["refresh_token"])) == (400, "invalid_grant")
        assert refresh(provider, other["refresh_token"]).ok
        assert provider.refreshes == 2

    def test_without_reuse_detection_the_newest_token_lives_on(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(reuse_detection=False)
        old = provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        assert error(refresh(provider, old["refresh_token"])) == (400, "invalid_grant")
        assert refresh(provider, new["refresh_token"]).ok

    def test_a_spent_token_is_good_for_its_grace_uses(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(grace_uses=1)
        token = provider.issue()["refresh_token"]
        assert [refresh(provider, token).status_code for _ in range(3)] == [200, 200, 400]

    def test_without_rotation_the_answer_has_no_refresh_token(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(rotation=False)
        token = provider.issue()["refresh_token"]
        for _ in range(3):
            assert "refresh_token" not in refresh(provider, token).json()

    def test_a_refresh_can_kill_earlier_access_tokens(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(kills_access_token=True)
        old, other = provider.issue(), provider.issue()
        new = refresh(provider, old["refresh_token"]).json()
        valid = [provider.is_valid(each["access_token"]) for each in (old, other, new)]
        assert valid == [False, True, True]

    def test_a_scope_may_shrink_but_not_grow(self, provider: OAuth2Provider) -> None:
        token = refresh(provider, provider.issue("a b")["refresh_token"], scope="b").json()
        assert token["scope"] == "b"
        assert error(refresh(provider, token["refresh_token"], scope="c")) == (400, "invalid_scope")
        assert refresh(provider, token["refresh_token"]).json()["scope"] == "a b"

    def test_unknown_foreign_and_missing_tokens_are_refused(self, provider: OAuth2Provider) -> None:
        foreign = provider.issue(client_id="public")
        assert error(refresh(provider, "nonsense")) == (400, "invalid_grant")
        assert error(refresh(provider, foreign["refresh_token"])) == (400, "invalid_grant")
        assert error(refresh(provider, "")) == (400, "invalid_request")

    def test_another_process_can_refresh_first(self, provider: OAuth2Provider) -> None:
        old = provider.issue()
        new = provider.refresh(old["refresh_token"])
        assert provider.is_valid(new["access_token"])
        assert provider.token_requests == []
        with pytest.raises(OAuth2Refusal, match="used before"):
            provider.refresh(old["refresh_token"])

    def test_of_many_refreshes_at_once_one_wins(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(reuse_detection=False)
        token = provider.issue()["refresh_token"]
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: refresh(provider, token).status_code, range(16)))
        assert sorted(statuses) == [200] + [400] * 15

    def test_an_answer_can_be_lost_after_the_rotation(self, provider: OAuth2Provider) -> None:
        provider.script("/token", Fault(drop="before", after_processing=True))
        token = provider.issue()["refresh_token"]
        with pytest.raises(requests.ConnectionError):
            refresh(provider, token)
        assert provider.refreshes == 1
        assert error(refresh(provider, token)) == (400, "invalid_grant")


class TestLife:
    def test_tokens_expire_by_time(self, make: Callable[..., OAuth2Provider], clock: Clock) -> None:
        provider = make(access_token_life_seconds=60)
        token = provider.issue()
        assert token["expires_in"] == 60
        clock.now += 59
        assert provider.is_valid(token["access_token"])
        clock.now += 1
        assert provider.use(token["access_token"])[0] == "expired"

    def test_tokens_expire_by_count(self, make: Callable[..., OAuth2Provider]) -> None:
        provider = make(access_token_life_uses=2)
        token = provider.issue()["access_token"]
        assert [provider.use(token)[0] for _ in range(3)] == ["valid", "valid", "expired"]

    def test_tokens_expire_on_demand(self, provider: OAuth2Provider) -> None:
        one, two = provider.issue(expired=True), provider.issue()
        assert [provider.is_valid(each["access_token"]) for each in (one, two)] == [False, True]
        provider.expire_access_tokens()
        assert not provider.is_valid(two["access_token"])
        assert refresh(provider, two["refresh_token"]).ok

    def test_the_life_need_not_be_told_and_more_can_be(self, make: Callable[..., OAuth2Provider]) -> None:
        silent = make(sends_expires_in=False, extra={"instance_url": "https://na1.test"})
        assert set(silent.issue()) == {"access_token", "token_type", "refresh_token", "instance_url"}
        moving = make(extra=lambda number: {"instance_url": f"https://na{number}.test", "expires_in": "3600.0"})
        urls = [moving.issue()["instance_url"], moving.issue()["instance_url"]]
        assert urls == ["https://na1.test", "https://na2.test"]

    def test_revoking_takes_one_token_a_grant_or_everything(self, provider: OAuth2Provider) -> None:
        one, two, three = (provider.issue() for _ in range(3))
        provider.revoke(one["access_token"])
        provider.revoke(two["refresh_token"])
        assert [provider.is_valid(each["access_token"]) for each in (one, two, three)] == [False, False, True]
        assert refresh(provider, one["refresh_token"]).ok
        assert error(refresh(provider, two["refresh_token"])) == (400, "invalid_grant")
        provider.revoke()
        assert not provider.is_valid(three["access_token"])


class TestClients:
    def test_credentials_are_taken_from_the_form_or_the_header(self, provider: OAuth2Provider) -> None:
        assert post(provider, GRANT | CLIENT).ok
        assert post(provider, GRANT, headers=basic("id", SECRET)).ok
        assert post(provider, GRANT | {"client_id": "id"}, headers=basic("id", SECRET)).ok

    def test_wrong_credentials_are_401_and_name_the_scheme_that_was_tried(self, provider: OAuth2Provider) -> None:
        in_form = post(provider, GRANT | {"client_id": "id", "client_secret": "wrong"})
        in_header = post(provider, GRANT, headers=basic("nobody", SECRET))
        assert error(in_form) == error(in_header) == (401, "invalid_client")
        assert "WWW-Authenticate" not in in_form.headers
        assert in_header.headers["WWW-Authenticate"].startswith("Basic")

    @pytest.mark.parametrize("header", ["Basic !!", "Basic aWQ=", "Bearer aWQ6eA==", "Basic /w=="])
    def test_headers_that_cannot_be_read_are_401(self, provider: OAuth2Provider, header: str) -> None:
        assert error(post(provider, GRANT, headers={"Authorization": header})) == (401, "invalid_client")

    def test_a_secret_that_was_not_form_encoded_is_wrong(self, provider: OAuth2Provider) -> None:
        plain = "Basic " + base64.b64encode(f"id:{SECRET}".encode()).decode()
        assert error(post(provider, GRANT, headers={"Authorization": plain})) == (401, "invalid_client")

    def test_credentials_in_two_places_are_refused(self, provider: OAuth2Provider) -> None:
        header = basic("id", SECRET)
        for answer in (
            post(provider, GRANT | CLIENT, headers=header),
            post(provider, GRANT | CLIENT | {"client_assertion": "x"}),
            post(provider, GRANT | {"client_id": "public"}, headers=header),
            post(provider, GRANT | {"client_id": "id"}, "/token?client_secret=x"),
        ):
            assert error(answer) == (400, "invalid_request")

    def test_only_a_public_client_may_name_itself_alone(self, provider: OAuth2Provider) -> None:
        token = provider.issue(client_id="public")["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        assert post(provider, form | {"client_id": "public"}).ok
        for answer in (post(provider, form | {"client_id": "id"}), post(provider, form)):
            assert error(answer) == (401, "invalid_client")
        assert error(post(provider, GRANT | {"client_id": "public"})) == (400, "unauthorized_client")

    def test_only_the_accepted_ways_are_accepted(self, make: Callable[..., OAuth2Provider]) -> None:
        header_only, form_only = make(client_auth="basic"), make(client_auth={"post"})
        assert post(header_only, GRANT, headers=basic("id", SECRET)).ok
        assert error(post(header_only, GRANT | CLIENT)) == (401, "invalid_client")
        assert error(post(header_only, GRANT | {"client_id": "public"})) == (401, "invalid_client")
        assert error(post(form_only, GRANT, headers=basic("id", SECRET))) == (401, "invalid_client")

    def test_where_only_none_is_accepted_a_secret_is_not_asked_for(self, make: Callable[..., OAuth2Provider]) -> None:
        assert post(make(client_auth="none"), GRANT | {"client_id": "id"}).ok

    def test_an_unknown_way_is_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match="mtls"):
            OAuth2Provider(client_auth="mtls")

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ("{}", "application/json"),
            ("grant_type=client_credentials", ""),
            ("grant_type=a&grant_type=a", "application/x-www-form-urlencoded"),
            ("no pair", "application/x-www-form-urlencoded"),
            ("a=%ff", "application/x-www-form-urlencoded"),
            ("a=é", "application/x-www-form-urlencoded"),
            ("", "application/x-www-form-urlencoded"),
            ("grant_type=", "application/x-www-form-urlencoded"),
        ],
    )
    def test_anything_but_a_clean_form_is_an_invalid_request(
        self, provider: OAuth2Provider, body: str, content_type: str
    ) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = requests.post(provider.token_url, data=body.encode(), headers=headers, timeout=TIMEOUT)
        assert error(answer) == (400, "invalid_request")

    def test_an_unknown_grant_is_named_as_such(self, provider: OAuth2Provider) -> None:
        assert error(post(provider, {"grant_type": "password"} | CLIENT)) == (400, "unsupported_grant_type")

    def test_client_credentials_give_an_access_token_and_no_refresh_token(self, provider: OAuth2Provider) -> None:
        answer = post(provider, GRANT | CLIENT | {"scope": "x"}).json()
        assert provider.is_valid(answer["access_token"])
        assert answer["scope"] == "x"
        assert "refresh_token" not in answer


class TestAssertions:
    @pytest.fixture
    def provider(self, make: Callable[..., OAuth2Provider], public_pem: str) -> OAuth2Provider:
        """Return a provider that knows the key of the client ``signer``."""
        return make({"signer": None, "odd": None}, public_keys={"signer": public_pem, "odd": _ec_pem()})

    @pytest.fixture
    def signed(self, provider: OAuth2Provider, private_key: rsa.RSAPrivateKey, clock: Clock) -> Callable[..., str]:
        """Return a function that signs claims over good ones."""
        pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

        def sign(**claims: Any) -> str:
            good = {"iss": "signer", "sub": "signer", "aud": provider.token_url, "exp": clock.now + 60, "jti": "1"}
            wanted = {name: value for name, value in (good | claims).items() if value is not None}
            return jwt.encode(wanted, pem, algorithm="RS256")

        return sign

    def ask(self, provider: OAuth2Provider, assertion: str, **extra: str) -> requests.Response:
        """Authenticate a client by an assertion."""
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **extra}
        return post(provider, {"grant_type": "client_credentials", **form})

    def test_a_client_proves_itself_once_by_a_signed_assertion(
        self, provider: OAuth2Provider, signed: Callable[..., str]
    ) -> None:
        assertion = signed()
        assert self.ask(provider, assertion).ok
        assert error(self.ask(provider, assertion)) == (401, "invalid_client")
        assert self.ask(provider, signed(jti="2", aud=["x", provider.url]), client_id="signer").ok

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": 1},
            {"exp": "soon"},
            {"aud": "elsewhere"},
            {"aud": [{}]},
            {"iss": "nobody"},
            {"iss": "odd"},
            {"sub": "another"},
            {"jti": None},
        ],
    )
    def test_a_wrong_claim_is_refused(
        self, provider: OAuth2Provider, signed: Callable[..., str], claims: dict[str, Any]
    ) -> None:
        assert error(self.ask(provider, signed(**claims))) == (401, "invalid_client")

    def test_a_forged_or_malformed_assertion_is_refused(
        self, provider: OAuth2Provider, signed: Callable[..., str]
    ) -> None:
        head, payload, signature = signed().split(".")
        forged = f"{head}.{payload}.{'A' * len(signature)}"
        unsigned = jwt.encode({"iss": "signer", "exp": 9e9, "aud": provider.url}, "", algorithm="none")
        for assertion in (forged, unsigned, "a.b", "a.b.c"):
            assert error(self.ask(provider, assertion)) == (401, "invalid_client")
        assert error(self.ask(provider, signed(), client_assertion_type="saml")) == (401, "invalid_client")
        assert error(self.ask(provider, signed(), client_id="odd")) == (401, "invalid_client")

    def test_the_jwt_bearer_grant_needs_nothing_but_the_assertion(
        self, provider: OAuth2Provider, signed: Callable[..., str]
    ) -> None:
        form = {"grant_type": JWT_BEARER, "assertion": signed(sub="person", scope="api", jti=None)}
        answer = post(provider, form).json()
        _, grant, scope = provider.use(answer["access_token"])
        assert grant is not None
        assert (grant.client_id, grant.subject, scope) == ("signer", "person", "api")
        assert "refresh_token" not in answer
        assert error(post(provider, {"grant_type": JWT_BEARER})) == (400, "invalid_grant")


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
    def test_an_unknown_client_or_strange_address_gets_no_redirect(
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


class TestOtherEndpoints:
    def test_a_client_revokes_its_own_tokens_only(self, provider: OAuth2Provider) -> None:
        own, foreign = provider.issue(), provider.issue(client_id="public")
        for token in (own["refresh_token"], foreign["refresh_token"], "unknown"):
            assert post(provider, {"token": token} | CLIENT, "/revoke").status_code == 200
        assert not provider.is_valid(own["access_token"])
        assert provider.is_valid(foreign["access_token"])
        assert error(post(provider, CLIENT, "/revoke")) == (400, "invalid_request")

    def test_the_metadata_names_endpoints_and_methods(self, provider: OAuth2Provider) -> None:
        found = requests.get(provider.url + "/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()
        assert found["issuer"] == provider.url
        assert found["token_endpoint"] == provider.token_url
        assert "client_secret_basic" in found["token_endpoint_auth_methods_supported"]
        assert JWT_BEARER in found["grant_types_supported"]

    def test_without_clients_there_is_a_demo_client(self) -> None:
        with OAuth2Provider() as provider:
            token = provider.issue()["refresh_token"]
            assert refresh(provider, token, client_id="demo-client", client_secret="demo-secret").ok

    def test_a_misspelt_rule_is_an_error(self) -> None:
        with pytest.raises(TypeError, match="rotatoin"):
            OAuth2Provider(rotatoin=True)


def _ec_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
