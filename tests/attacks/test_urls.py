"""Attacks on URLs: values, links and snapshots that try to send a secret to another host."""

import re

import pytest

from shipmate.errors import ClientMisconfigured, MissingSetting
from shipmate.oauth2.options import ClientOptions, Variables
from shipmate.urls import WrongUrl, fill, is_private

BRACES = re.compile(r"\{(\w+)\}")

OTHER_HOSTS = [
    "evil.example/#",
    "evil.example/",
    "evil.example?",
    "evil.example#",
    "evil.example/?x=",
    "evil.example:443/",
    "evil.example\\",
    "evil.example\\@",
    "\\\\evil.example\\",
    "evil.example%2f",
    "evil.example%23",
    "u:p@evil.example/",
    "@evil.example/",
    "x@evil.example#",
    "evil.example\t/",
    "evil.example\n/",
    "evil.example\r\n",
    " evil.example/",
    "evil.example\x00",
    "evil.example\x7f",
    "evil.example\x85",
    "evil.example\u3000",
    "[::1]",
    "[::1]/",
    "::1",
    ":80",
    "evil\u3002example/",
    "evil\uff0f",
    "-",
    ".",
    "..",
    "",
    "a..b",
    ".a",
    "a.",
    "https://evil.example/",
    "//evil.example/",
    "evil.example;",
    "evil.example&",
    "evil.example,",
    "evil.example'",
    "\ud800",
]


@pytest.mark.parametrize("value", OTHER_HOSTS)
@pytest.mark.parametrize(
    "template",
    ["https://{x}.api.example/token", "https://api-{x}.example/token", "https://eu.{x}/t", "https://a.{x}:8443/t"],
)
def test_a_value_in_the_host_is_a_label(template: str, value: str) -> None:
    """Whatever a person types as her subdomain, the host stays below the template's."""
    with pytest.raises(WrongUrl):
        fill(template, BRACES, lambda name: value)


@pytest.mark.parametrize("value", [each for each in OTHER_HOSTS if each != "[::1]"])
def test_a_value_that_is_the_whole_host_is_a_host(value: str) -> None:
    """Only a name, or an address, with a port."""
    with pytest.raises(WrongUrl):
        fill("https://{x}/token", BRACES, lambda name: value)


@pytest.mark.parametrize(
    ("template", "value", "url"),
    [
        ("https://{x}.api.example/token", "acme", "https://acme.api.example/token"),
        ("https://{x}.api.example/token", "acme--dev.sandbox.my", "https://acme--dev.sandbox.my.api.example/token"),
        ("https://{x}/token", "login.example.com", "https://login.example.com/token"),
        ("http://{x}/token", "[::1]:8080", "http://[::1]:8080/token"),
        ("https://{x}:8443/token", "login.example.com", "https://login.example.com:8443/token"),
        ("http://localhost:{x}/token", "8080", "http://localhost:8080/token"),
        ("{x}://api.example/token", "https", "https://api.example/token"),
        ("{x}", "https://api.example/token?a=b", "https://api.example/token?a=b"),
        ("{x}/token", "https://api.example/v1", "https://api.example/v1/token"),
        ("{x}?q=1", "https://api.example", "https://api.example?q=1"),
        ("https://login.example/{x}/token", "contoso.example", "https://login.example/contoso.example/token"),
        ("https://login.example/{x}", "a/b?c=d", "https://login.example/a/b?c=d"),
        ("https://login.example/t?a={x}&b", "c?d", "https://login.example/t?a=c?d&b"),
        ("https://api.example/../a b", "", "https://api.example/../a b"),
    ],
)
def test_values_that_stay_in_their_place_are_filled_in(template: str, value: str, url: str) -> None:
    """What authors use today goes on working."""
    assert fill(template, BRACES, lambda name: value) == url


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{x}@evil.example/token", "https://api.example"),
        ("{x}.evil.example/token", "https://api.example"),
        ("{x}:8443/token", "https://api.example"),
        ("{x}\\@evil.example/token", "https://user"),
        ("{x}{x}", "https://api.example"),
        ("{x}/token", "https://evil.example/#"),
        ("{x}/token", "https://evil.example?"),
        ("{x}/token", "evil.example"),
        ("{x}/token", "//evil.example"),
        ("{x}/token", "https://evil.example\\"),
        ("{x}/token", "https:///"),
        ("{x}://api.example/token", "https://evil.example/#"),
        ("{x}://api.example/token", "ftp"),
        ("http://localhost:{x}/token", "80@evil.example"),
        ("http://localhost:{x}/token", "pw@evil.example:80"),
        ("http://localhost{x}/token", ".evil.example"),
        ("https://api.example/{x}/token", ".."),
        ("https://api.example/{x}/token", "."),
        ("https://api.example/{x}/token", "a/../../b"),
        ("https://api.example/{x}/token", "%2e%2E"),
        ("https://api.example/.{x}/token", "."),
        ("https://api.example/{x}/token", "\\evil"),
        ("https://api.example/{x}/token", "a?b"),
        ("https://api.example/{x}/token", "a#b"),
        ("https://api.example/{x}/token", "a\r\nX: y"),
        ("https://api.example/{x}/token", ""),
        ("https:{x}/token", "//evil.example"),
        ("https:/{x}/token", "/evil.example"),
    ],
)
def test_values_that_leave_their_place_are_refused(template: str, value: str) -> None:
    """Nothing before or behind a placeholder helps."""
    with pytest.raises(WrongUrl) as refused:
        fill(template, BRACES, lambda name: value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example\\@127.0.0.1/", "http://evil.example\\.localhost/", "http://evil.example/@localhost",
        "http://localhost@evil.example/", "http://127.0.0.1:80@evil.example/",
        "http://127.0.0.1\t.evil.example/", "http://127.0.0.1%2f.evil.example/", "http://127.0.0.1\u3002evil.example/",
        "http://evil.example\t@127.0.0.1/", "http://127.0.0.999/", "http://127.1.1.1.evil.example/",
        "http://localhost.evil.example/", "http://0.0.0.0/", "http://①27.0.0.1/", "http:evil.example", "http:///",
        "//127.0.0.1/", "127.0.0.1", "ftp://127.0.0.1/", "https:\\\\evil.example", "http://[::1]evil.example/",
        "http://[::1", "http://[::2]/", "http://127.0.0.1\\", "https://api.example/\x00", "https://api.example/a b",
    ],
)  # fmt: skip
def test_only_a_clear_url_is_private(url: str) -> None:
    """The parser that checks is the one that sends."""
    assert not is_private(url)


@pytest.mark.parametrize("value", ["evil/#", "evil.example/", "evil\\", "a@b", "..", "", "evil.example?x="])
def test_a_credential_field_cannot_move_the_token_endpoint(value: str) -> None:
    """Else the client's secret goes to another host; the message names the field and not the value."""
    options = ClientOptions(token_url="https://{{subdomain}}.api.example/token", client_id="id", client_secret="s")
    variables = Variables({"subdomain": "from-environ"}, {"subdomain": value}, frozenset({"subdomain"}))
    with pytest.raises((ClientMisconfigured, MissingSetting), match=r"token_url: \{\{subdomain\}\}: expected"):
        options.fill(variables)
