"""The exact forms of token requests."""

import base64
import sys
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shipmate.errors import ClientMisconfigured
from shipmate.oauth2.options import Client, ClientOptions, Variables
from shipmate.oauth2.token_request import TokenRequest, code_request, token_request

KEYS = {"access_token": "a", "refresh_token": "r", "scope": "mail offline"}
NOBODY = Variables({}, {}, frozenset())


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    """Return a key pair for assertions."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    encoding, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(encoding, shape, serialization.NoEncryption()).decode())


def request_for(keys: dict[str, str] = KEYS, **options: object) -> TokenRequest:
    merged = {"token_url": "https://p.example/token", "client_id": "id", "client_secret": "sec", **options}
    provider = ClientOptions.from_options(merged, {}, "oauth")
    return token_request(provider, provider.fill(NOBODY), keys, wall_clock=1_700_000_000)


def test_credentials_in_the_form() -> None:
    """The default: client_id and client_secret are form fields."""
    request = request_for()
    assert list(request.form.items()) == [
        ("grant_type", "refresh_token"),
        ("refresh_token", "r"),
        ("client_id", "id"),
        ("client_secret", "sec"),
    ]
    assert request.headers == {}


def test_basic_credentials_are_form_encoded_first() -> None:
    """RFC 6749 §2.3.1; and then they are nowhere in the form."""
    request = request_for(client_auth="basic", client_id="i d:ü", client_secret="s%:+")
    assert request.form == {"grant_type": "refresh_token", "refresh_token": "r"}
    scheme, _, pair = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"i+d%3A%C3%BC:s%25%3A%2B"


def test_raw_basic_credentials_are_not_form_encoded() -> None:
    """For servers that do not decode them."""
    request = request_for(client_auth="basic_raw", client_id="i d:ü", client_secret="s%:+")
    assert request.form == {"grant_type": "refresh_token", "refresh_token": "r"}
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")) == "i d:ü:s%:+".encode()


@pytest.mark.parametrize("blanks", ["{} ", " {}", "{}\n", "{}\r\n", "\t{}\n", "\ufeff{}", "{}\xa0"])
@pytest.mark.parametrize("option", ["client_id", "client_secret"])
def test_blanks_around_the_credentials_of_a_client_are_not_sent(
    option: str, blanks: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They come from copying, or from the end of a file; the warning names the variable and not the value."""
    variables = Variables({"CRM_VALUE": blanks.format("va lue")}, {}, frozenset())
    merged = {"token_url": "https://p.example/token", "client_id": "id", "client_secret": "s", option: "{{CRM_VALUE}}"}
    options = ClientOptions.from_options(merged, {}, "oauth")
    request = token_request(options, options.fill(variables), KEYS, wall_clock=1)
    assert request.form[option] == "va lue"
    assert "CRM_VALUE" in caplog.text
    assert "va lue" not in caplog.text


def test_a_public_client_sends_its_id_alone() -> None:
    """There is no secret to send."""
    request = request_for(client_auth="none")
    assert request.form == {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "id"}


def test_a_private_key_signs_a_fresh_assertion_each_time(private_key: rsa.RSAPrivateKey) -> None:
    """RFC 7523 §2.2: the client's id as issuer and subject, the token URL as audience."""
    first, second = (request_for(client_auth="private_key_jwt", client_secret=pem(private_key)) for _ in range(2))
    assert set(first.form) == {
        "grant_type",
        "refresh_token",
        "client_id",
        "client_assertion_type",
        "client_assertion",
    }
    claims = [
        jwt.decode(
            request.form["client_assertion"],
            private_key.public_key(),
            algorithms=["RS256"],
            audience="https://p.example/token",
            options={"verify_exp": False, "verify_iat": False},
        )
        for request in (first, second)
    ]
    assert claims[0]["iss"] == claims[0]["sub"] == "id"
    assert claims[0]["exp"] > claims[0]["iat"] == 1_700_000_000
    assert claims[0]["jti"] != claims[1]["jti"]


def test_a_key_that_cannot_sign_is_named_and_not_shown() -> None:
    """The error must not quote the secret."""
    with pytest.raises(ClientMisconfigured, match="PEM") as caught:
        request_for(client_auth="private_key_jwt", client_secret="not-a-key-s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_key_that_cannot_sign_is_named_by_its_variable(private_key: rsa.RSAPrivateKey) -> None:
    """The operator knows the variable, and learns how its line breaks may be written."""
    merged = {"token_url": "https://p.example/token", "client_id": "id", "client_secret": "{{CRM_KEY}}"}
    for algorithm, key in (("RS256", "no-key-s3cret"), ("ES256", pem(private_key))):
        options = ClientOptions.from_options(
            {**merged, "client_auth": "private_key_jwt", "jwt_algorithm": algorithm}, {}, "oauth"
        )
        client = options.fill(Variables({"CRM_KEY": key}, {}, frozenset()))
        with pytest.raises(ClientMisconfigured, match=rf"from CRM_KEY.*{algorithm}.*\\n"):
            token_request(options, client, KEYS, wall_clock=1)


@pytest.mark.parametrize("line_break", ["\\n", "\\r\\n", "\r\n", "\n"])
def test_a_private_key_may_have_its_line_breaks_written_out(private_key: rsa.RSAPrivateKey, line_break: str) -> None:
    """As in a variable of one line."""
    secret = pem(private_key).replace("\n", line_break)
    assert request_for(client_auth="private_key_jwt", client_secret=secret).form["client_assertion"]


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"])
def test_assertions_are_signed_as_the_options_say(private_key: rsa.RSAPrivateKey, algorithm: str) -> None:
    """Entra wants PS256 and x5t, others an elliptic curve and a kid."""
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}
    key: Any = ec.generate_private_key(curves[algorithm]) if algorithm in curves else private_key
    key = ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else key
    request = request_for(
        client_auth="private_key_jwt",
        client_secret=pem(key),
        jwt_algorithm=algorithm,
        jwt_header={"kid": "k1", "x5t": "t"},
    )
    assertion = request.form["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "typ": "JWT", "kid": "k1", "x5t": "t"}
    options = {"verify_exp": False, "verify_iat": False}
    jwt.decode(assertion, key.public_key(), [algorithm], audience="https://p.example/token", options=options)


def test_the_code_is_exchanged_without_a_verifier_where_a_provider_has_no_pkce() -> None:
    """Some refuse a field that they do not know."""
    client = Client("https://p.example/token", "id", "s")
    with_one, without = (
        code_request(client, "c", redirect_uri="http://127.0.0.1/", verifier=verifier, wall_clock=1)
        for verifier in ("v", None)
    )
    assert set(with_one.form) - set(without.form) == {"code_verifier"}


def test_client_credentials_ask_without_a_refresh_token() -> None:
    """RFC 6749 §4.4.2."""
    request = request_for({}, grant="client_credentials")
    assert request.form == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "sec"}


def test_a_jwt_grant_has_its_claims_in_the_assertion_only(private_key: rsa.RSAPrivateKey) -> None:
    """RFC 7523 §2.1; no client fields, other extras stay in the form."""
    request = request_for(
        {},
        grant="jwt_bearer",
        client_secret=pem(private_key),
        extra={"claims": {"sub": "user@x", "aud": "https://login.example"}, "format": "json"},
    )
    assert set(request.form) == {"grant_type", "assertion", "format"}
    assert request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        request.form["assertion"],
        private_key.public_key(),
        algorithms=["RS256"],
        audience="https://login.example",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["iss"], claims["sub"]) == ("id", "user@x")


def test_members_of_the_keys_go_along_when_asked_for() -> None:
    """The scope is the stored one, or else the configured one, and only if ``send`` names it."""
    assert "scope" not in request_for().form
    assert request_for(send=("scope",)).form["scope"] == "mail offline"
    without = {"refresh_token": "r"}
    assert request_for(without, send=("scope",), scopes=["a", "b"]).form["scope"] == "a b"
    assert "scope" not in request_for(without, send=("scope",)).form
    assert request_for({**KEYS, "scope": ["x", "y"]}, send=["scope"]).form["scope"] == "x y"  # type: ignore[dict-item]


def test_extra_fields_come_last() -> None:
    """They are text, whatever they were."""
    assert list(request_for(extra={"format": "json", "n": 1, "no": None}).form)[-2:] == ["format", "n"]
    assert request_for(extra={"n": 1}).form["n"] == "1"


def test_signing_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT is not part of a plain installation."""
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ClientMisconfigured, match=r"shipmate\[jwt\]"):
        request_for({}, grant="jwt_bearer")


def test_nothing_secret_shows_in_a_request() -> None:
    """A request in a traceback shows neither token nor secret."""
    request = request_for(client_auth="basic")
    assert "sec" not in repr(request).replace("secret", "")
    assert str(Client("https://x", "id", "s3cret")).find("s3cret") == -1
