"""The options of OAuth2 and their defaults."""

from typing import Any

import pytest

from shipmate.errors import ClientMisconfigured, InvalidOption, MissingSetting
from shipmate.oauth2.api import OAuth2
from shipmate.oauth2.options import ClientOptions, OAuth2Options, Variables, check_options, check_token_url

DESCRIBED = {
    "token_uri": "https://{{region}}.p.example/token",
    "client_id": "{{ CLIENT_ID }}",
    "client_secret": "{{CLIENT_SECRET}}",
    "scopes": ["a", "b"],
    "client_auth": "basic",
    "auth_uri": "https://p.example/authorize",
    "access_type": "offline",
}
ENVIRON = {"CLIENT_ID": "id", "CLIENT_SECRET": "sec", "region": "from-environ"}


def test_everything_comes_from_the_descriptor() -> None:
    """Variables are filled from the environment, credential fields go before it."""
    provider = ClientOptions.from_options({}, DESCRIBED, "oauth")
    client = provider.fill(Variables(ENVIRON, {"region": "eu"}, frozenset({"region"})))
    assert client.token_url == "https://eu.p.example/token"
    assert (client.client_id, client.client_secret, client.client_auth) == ("id", "sec", "basic")
    assert client.scopes == "a b"
    assert (provider.grant, provider.refresh, provider.field) == ("refresh_token", "on_401", "oauth")
    client = provider.fill(Variables(ENVIRON, {"region": "eu"}, frozenset()))
    assert client.token_url == "https://from-environ.p.example/token"


def test_options_go_before_the_descriptor_and_are_filled_too() -> None:
    """However deep the variable is."""
    options = {"token_url": "https://o.example", "extra": {"a": ["{{CLIENT_ID}}", {"b": "x{{CLIENT_ID}}y"}], "n": 1}}
    client = ClientOptions.from_options(options, DESCRIBED, "oauth").fill(Variables(ENVIRON, {}, frozenset()))
    assert client.token_url == "https://o.example"
    assert client.extra == {"a": ["id", {"b": "xidy"}], "n": 1}


@pytest.mark.parametrize("environ", [{}, {"CLIENT_ID": ""}])
def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    """An empty one is missing, too."""
    provider = ClientOptions.from_options({}, {**DESCRIBED, "token_uri": "https://p.example"}, "oauth")
    with pytest.raises(MissingSetting, match="CLIENT_ID is missing"):
        provider.fill(Variables(environ, {}, frozenset()))


def test_a_missing_address_or_client_is_named() -> None:
    """With the places where it may be given."""
    with pytest.raises(ClientMisconfigured, match="token_url"):
        ClientOptions.from_options({}, {}, "oauth").fill(Variables({}, {}, frozenset()))
    with pytest.raises(ClientMisconfigured, match="client_id"):
        ClientOptions.from_options({"token_url": "https://x"}, {}, "oauth").fill(Variables({}, {}, frozenset()))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"refesh": "on_401"}, "refesh.*did you mean 'refresh'"),
        ({"zzz": 1}, "no option 'zzz'; available: "),
        ({"refresh": "always"}, "refresh.*on_401.*'always'"),
        ({"client_auth": "header"}, "client_auth"),
        ({"grant": "implicit"}, "grant"),
        ({"send": "scope"}, "send"),
        ({"extra": []}, "extra"),
        ({"expired": 401}, "expired"),
        ({"header": "X-Token"}, "header"),
        ({"header": "X Token: {access_token}"}, "header"),
        ({"header": "X: {access_token}\r\nY: 1"}, "header"),
        ({"token_url": ""}, "token_url"),
        ({"client_secret": 7}, "client_secret.*int"),
        ({"field": None}, "field"),
        ({"scopes": 1}, "scopes"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_name(options: dict[str, Any], text: str) -> None:
    """Before anything is sent, and without showing a value that could be a secret."""
    with pytest.raises(InvalidOption, match=text):
        OAuth2(**options)


def test_the_types_and_the_checks_know_the_same_options() -> None:
    """Each typed option is known when it has a wrong value; each one in the list of an error is typed."""
    for name in OAuth2Options.__annotations__:
        with pytest.raises(InvalidOption, match=f"option {name} of OAuth2: expected"):
            check_options({name: object()})
    with pytest.raises(InvalidOption) as refused:
        check_options({"zzz": 1})
    assert str(refused.value).partition("available: ")[2].split(", ") == sorted(OAuth2Options.__annotations__)


def test_a_wrong_value_in_the_descriptor_is_refused_too() -> None:
    """It is an option like the others."""
    with pytest.raises(InvalidOption, match="client_auth"):
        ClientOptions.from_options({}, {"client_auth": "magic"}, "oauth")


@pytest.mark.parametrize(
    "url", ["https://p.example/t", "http://localhost:1/t", "http://127.0.0.1/t", "http://127.9.9.9/t", "http://[::1]/t"]
)
def test_https_or_loopback_is_fine(url: str) -> None:
    """Secrets do not leave this machine in clear."""
    check_token_url(url)


@pytest.mark.parametrize(
    "url", ["http://p.example/t", "http://localhost.evil.example/t", "ftp://x/t", "p.example/t", "https:///t", ""]
)
def test_other_token_urls_are_refused(url: str) -> None:
    """The message says what would be right."""
    with pytest.raises(ClientMisconfigured, match="https"):
        check_token_url(url)


def test_a_provider_shows_no_values() -> None:
    """Its options may be secrets."""
    assert repr(OAuth2("https://x", client_secret="s3cret")) == "OAuth2(client_secret, token_url)"
    assert "s3cret" not in repr(ClientOptions(client_secret="s3cret"))


def test_the_descriptor_adds_parameters_and_the_place_of_the_tokens() -> None:
    """What the provider needs in the exchange of a code, it needs in refreshes, too; the author's options win."""
    described = {"token_params": {"audience": "a", "tenant": "{{TENANT}}"}, "token_pointer": "/user"}
    options = ClientOptions.from_options({"extra": {"audience": "b"}}, described, "oauth")
    assert options.extra == {"audience": "b", "tenant": "{{TENANT}}"}
    assert options.parse is not None
    assert options.parse({"user": {"access_token": "t"}})["access_token"] == "t"
    assert options.parse({"access_token": "t"}) == {"access_token": "t"}
    assert ClientOptions.from_options({"parse": dict}, described, "oauth").parse is dict
    with pytest.raises(InvalidOption, match="token_params: expected an object of texts, found an array"):
        ClientOptions.from_options({}, {"token_params": ["a"]}, "oauth")
