"""The authorization request: its secrets and its address."""

from urllib.parse import parse_qsl, urlsplit

from shipmate.oauth2.options import Client
from shipmate.tools.login.authorization_request import AuthorizationRequest
from shipmate.tools.login.config import SignInConfig


def terms(auth_uri: str = "https://example.com/authorize", **members: object) -> SignInConfig:
    """Return settings with these members."""
    client = Client("https://example.com/token", "id", "the-secret", scopes="read write")
    return SignInConfig(**{"auth_uri": auth_uri, "client": client, "field": "oauth", **members})  # type: ignore[arg-type]


def test_each_request_has_new_secrets() -> None:
    """They are long enough for PKCE."""
    one, other = AuthorizationRequest.new(), AuthorizationRequest.new()

    assert 43 <= len(one.verifier) <= 128
    assert len(one.state) >= 43
    assert len({one.state, one.verifier, other.state, other.verifier}) == 4
    assert one.state not in repr(one)


def test_the_address_has_everything_and_no_secret() -> None:
    """The verifier and the client secret are for the token endpoint only."""
    attempt = AuthorizationRequest("the-state", "the-verifier")
    url = attempt.url(terms(extras={"prompt": "consent"}), "http://127.0.0.1:5000/callback")

    assert dict(parse_qsl(urlsplit(url).query)) == {
        "prompt": "consent",
        "scope": "read write",
        "response_type": "code",
        "response_mode": "query",
        "client_id": "id",
        "redirect_uri": "http://127.0.0.1:5000/callback",
        "state": "the-state",
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    assert "the-verifier" not in url
    assert "the-secret" not in url


def test_the_query_of_the_address_is_kept_and_no_parameter_occurs_twice() -> None:
    """Providers refuse a request that repeats a parameter."""
    address = terms(
        "https://example.com/authorize?tenant=a%20b&empty=&prompt=none&response_type=token",
        extras={"prompt": "consent", "resource": ["https://a.test", "https://b.test"], "state": "theirs"},
    )
    pairs = parse_qsl(
        urlsplit(AuthorizationRequest("ours", "v").url(address, "http://x")).query, keep_blank_values=True
    )

    assert pairs[:2] == [("tenant", "a b"), ("empty", "")]
    assert [value for name, value in pairs if name == "resource"] == ["https://a.test", "https://b.test"]
    assert [pair for pair in pairs if pair[0] in ("prompt", "response_type", "state")] == [
        ("prompt", "consent"), ("state", "ours"), ("response_type", "code"),
    ]  # fmt: skip
