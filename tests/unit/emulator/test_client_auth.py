"""Client authentication at the emulated provider."""

import base64
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shipmate.emulator import OAuth2Provider
from tests.unit.emulator.token_endpoint import (
    CLIENT,
    GRANT,
    JWT_BEARER,
    SECRET,
    TIMEOUT,
    Clock,
    basic,
    error,
    post,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    """Return a key to sign assertions with."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def public_pem(private_key: rsa.RSAPrivateKey) -> str:
    """Return the text that the provider knows the key by."""
    return private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


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
    def test_malformed_headers_are_401(self, provider: OAuth2Provider, header: str) -> None:
        assert error(post(provider, GRANT, headers={"Authorization": header})) == (401, "invalid_client")

    def test_a_secret_that_was_not_form_encoded_is_wrong(self, provider: OAuth2Provider) -> None:
        plain = "Basic " + base64.b64encode(f"id:{SECRET}".encode()).decode()
        assert error(post(provider, GRANT, headers={"Authorization": plain})) == (401, "invalid_client")

    def test_a_server_that_does_not_decode_takes_the_secret_as_it_is(self, make: Callable[..., OAuth2Provider]) -> None:
        plain = {"Authorization": "Basic " + base64.b64encode(f"id:{SECRET}".encode()).decode()}
        wrong = {"Authorization": "Basic " + base64.b64encode(b"id:wrong").decode()}
        raw, both = make(client_auth="basic_raw"), make(client_auth={"basic", "basic_raw"})
        assert post(raw, GRANT, headers=plain).ok
        assert error(post(raw, GRANT, headers=basic("id", SECRET))) == (401, "invalid_client")
        assert post(both, GRANT, headers=plain).ok
        assert post(both, GRANT, headers=basic("id", SECRET)).ok
        for provider in (raw, both):
            assert error(post(provider, GRANT, headers=wrong)) == (401, "invalid_client")
            assert error(post(provider, GRANT | {"client_id": "x"}, headers=plain)) == (400, "invalid_request")

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

    def test_only_accepted_methods_authenticate(self, make: Callable[..., OAuth2Provider]) -> None:
        header_only, form_only = make(client_auth="basic"), make(client_auth={"post"})
        assert post(header_only, GRANT, headers=basic("id", SECRET)).ok
        assert error(post(header_only, GRANT | CLIENT)) == (401, "invalid_client")
        assert error(post(header_only, GRANT | {"client_id": "public"})) == (401, "invalid_client")
        assert error(post(form_only, GRANT, headers=basic("id", SECRET))) == (401, "invalid_client")

    def test_where_only_none_is_accepted_a_secret_is_not_asked_for(self, make: Callable[..., OAuth2Provider]) -> None:
        assert post(make(client_auth="none"), GRANT | {"client_id": "id"}).ok

    def test_an_unknown_method_is_refused_by_name(self) -> None:
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

        def sign(**claims: Any) -> str:
            good = {"iss": "signer", "sub": "signer", "aud": provider.token_url, "exp": clock.now + 60, "jti": "1"}
            wanted = {name: value for name, value in (good | claims).items() if value is not None}
            return jwt.encode(wanted, private_key, algorithm="RS256")

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

    @pytest.mark.parametrize(
        "algorithm",
        [*("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "ES256", "ES384", "ES512", "ES256K", "EdDSA"],
    )
    def test_the_signature_has_any_algorithm_that_fits_the_key(
        self, make: Callable[..., OAuth2Provider], private_key: rsa.RSAPrivateKey, clock: Clock, algorithm: str
    ) -> None:
        keys = KEYS | {name: private_key for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")}
        key = keys[algorithm]
        others = {name: other for name, other in keys.items() if other is not key}
        public = {name: _public_pem(each) for name, each in keys.items()}
        provider = make(dict.fromkeys(keys), public_keys=public)

        def signed(name: str, key: Any, by: str) -> str:
            number["jti"] += 1
            claims = {"iss": name, "sub": name, "aud": provider.url, "exp": clock.now + 60, "jti": str(number["jti"])}
            return jwt.encode(claims, key, algorithm=by)

        number = {"jti": 0}
        right = signed(algorithm, key, algorithm)
        head, payload, signature = right.split(".")
        assert error(self.ask(provider, f"{head}.{payload}.{signature[:20]}AAAA{signature[24:]}"))[0] == 401
        assert error(self.ask(provider, f"{head}.{payload}.{signature[4:]}"))[0] == 401
        assert self.ask(provider, right).ok
        for name, other in others.items():
            assert error(self.ask(provider, signed(algorithm, other, name))) == (401, "invalid_client")

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


KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "ES256K": ec.generate_private_key(ec.SECP256K1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def _ec_pem() -> str:
    return _public_pem(KEYS["ES256"])


def _public_pem(private_key: Any) -> str:
    key = private_key.public_key()
    text: str = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return text
