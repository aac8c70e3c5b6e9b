"""Attacks on the host that receives a token: concatenated URLs, snapshots, links, plain http."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests

from shipmate.emulator import Fault, Server
from shipmate.errors import InvalidOption, UnsafeUrl
from shipmate.kit.objects.connection import Connection
from shipmate.oauth2.api import OAuth2
from tests.contract.workbench import Workbench


@pytest.fixture
def foreign() -> Iterator[Server]:
    """Return a server that must see no token."""
    with Server(name="foreign") as server:
        yield server


def tokens_at(server: Server) -> list[str | None]:
    return [request.header("Authorization") for request in server.requests]


@pytest.mark.parametrize("behind", ["@{evil}/x", ".{evil}/x", ":80@{evil}/x", "x@{evil}", "\\@{evil}", "0"])
def test_a_member_of_the_token_with_the_host_cannot_be_extended(bench: Workbench, foreign: Server, behind: str) -> None:
    """{instance_url} and a text of a message must not become another host."""
    bench.keys = {**bench.provider.issue(), "instance_url": bench.api.url}
    position = behind.format(evil=foreign.url.removeprefix("http://"))
    with pytest.raises((UnsafeUrl, requests.RequestException)):
        bench.session().get("{instance_url}" + position)
    assert foreign.requests == []


@pytest.mark.parametrize(
    "position", ["@{evil}/x", ".{evil}/x", ":80@{evil}/x", "", "x", "\\@{evil}", "{evil}", "http://{evil}/", "?@{evil}"]
)
@pytest.mark.parametrize("base", ["{instance_url}", "https://api.example/v1"])
def test_the_position_of_a_snapshot_is_a_path(position: str, base: str) -> None:
    """Else the next page of a polling trigger is asked of another host, with the token."""
    connection = Connection(cast(Any, None), base)
    with pytest.raises(ValueError, match="the position in the snapshot"):
        connection.page(position.format(evil="evil.example"))


def test_hosts_hold_the_token_to_the_named_ones(bench: Workbench, foreign: Server) -> None:
    """A link in an answer of the API may lead anywhere."""
    bench.keys = bench.provider.issue()
    session = bench.session(hosts=[bench.api.url])
    assert session.get(bench.api.url + "/me").status_code == 200
    with pytest.raises(UnsafeUrl, match="expected one of the hosts"):
        session.get(foreign.url + "/next")
    assert foreign.requests == []


def test_hosts_may_name_a_member_of_the_token(bench: Workbench, foreign: Server) -> None:
    """An account that moves takes its host along."""
    bench.keys = {**bench.provider.issue(), "instance_url": bench.api.url}
    session = bench.session(hosts=("{instance_url}",))
    assert session.get("{instance_url}/me").status_code == 200
    with pytest.raises(UnsafeUrl):
        session.get(foreign.url)
    assert foreign.requests == []


def test_a_redirect_carries_the_token_to_named_hosts_only(bench: Workbench, foreign: Server) -> None:
    """What is named is allowed, and nothing else: not even the host of instance_url."""
    bench.keys = {**bench.provider.issue(), "instance_url": foreign.url}
    bench.api.script("/go", Fault(redirect=foreign.url + "/take"))
    bench.session(hosts=[bench.api.url]).get(bench.api.url + "/go")
    assert tokens_at(foreign) == [None]
    bench.api.script("/go", Fault(redirect=foreign.url + "/take"))
    bench.session(hosts=[bench.api.url, foreign.url]).get(bench.api.url + "/go")
    assert str(tokens_at(foreign)[1]).startswith("Bearer ")


@pytest.mark.parametrize(
    ("hosts", "host", "is_allowed"),
    [
        (["*.example.com"], "https://api.example.com/", True),
        (["*.example.com"], "https://a.b.EXAMPLE.com:443/", True),
        (["*.example.com"], "https://example.com/", False),
        (["*.example.com"], "https://evilexample.com/", False),
        (["*.example.com"], "https://api.example.com.evil.example/", False),
        (["*.example.com"], "https://evil.example/api.example.com", False),
        (["*.example.com"], "https://evil.example\\.example.com/", False),
        (["*.example.com"], "https://api.example.com@evil.example/", False),
        (["*.example.com"], "https://api.example.com:8443/", False),
        (["api.example.com:8443"], "https://api.example.com:8443/", True),
        (["api.example.com:8443"], "https://api.example.com/", False),
        (["https://api.example.com"], "https://api.example.com/", True),
        (["api.example.com"], "https://api.example.com./", False),
        ([], "https://api.example.com/", False),
    ],
)
def test_patterns_of_hosts(bench: Workbench, hosts: list[str], host: str, is_allowed: bool) -> None:
    """Allowed requests fail for want of a network, forbidden ones before."""
    bench.keys = bench.provider.issue()
    session = bench.session(hosts=hosts)
    session.proxies = {"https": "http://127.0.0.1:9", "http": "http://127.0.0.1:9"}
    with pytest.raises(requests.exceptions.ProxyError if is_allowed else UnsafeUrl):
        session.get(host)


@pytest.mark.parametrize(
    "host", ["*", "*.", "*.com", "a.*.example", "https://", "a b", "", "a/b", "a@b", "{x}/", "a:b"]
)
def test_what_is_no_host_is_refused_as_an_option(host: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidOption, match="hosts"):
        OAuth2(hosts=[host])


@pytest.mark.parametrize(
    "url", ["http://api.example/", "HTTP://api.example/", "http://127.0.0.1.example/", "http://api\\@127.0.0.1/"]
)
def test_the_token_does_not_go_over_plain_http(bench: Workbench, foreign: Server, url: str) -> None:
    """Everybody on the way could read it; this machine is no way. RFC 6750 §5.3."""
    bench.keys = bench.provider.issue()
    session = bench.session()
    session.proxies = {"http": foreign.url}
    with pytest.raises(UnsafeUrl, match="https"):
        session.get(url)
    assert foreign.requests == []


def test_the_instance_url_of_a_token_has_tls_too(bench: Workbench, foreign: Server) -> None:
    """A provider may say http by mistake."""
    bench.keys = {**bench.provider.issue(), "instance_url": "http://api.example"}
    session = bench.session()
    session.proxies = {"http://api.example": foreign.url}
    with pytest.raises(UnsafeUrl, match="https"):
        session.get("{instance_url}/me")
    bench.api.script("/go", Fault(redirect="http://api.example/take"))
    session.get(bench.api.url + "/go")
    assert tokens_at(foreign) == [None]


def test_an_author_may_allow_plain_http(bench: Workbench, foreign: Server) -> None:
    """In a network of her own, for example."""
    bench.keys = bench.provider.issue()
    session = bench.session(allow_http=True)
    session.proxies = {"http": foreign.url}
    session.get("http://api.example/")
    assert str(tokens_at(foreign)[0]).startswith("Bearer ")
