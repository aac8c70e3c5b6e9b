"""Where the requests of a test go."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
import requests

from shipmate.emulator import Reply, Server
from shipmate.testing.routes import Route, Routes, is_on_this_machine


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that tells what it was asked."""
    with Server() as running:
        running.route("*", "/v1/me", lambda request: Reply(200, {"host": request.header("Host"), "q": request.query}))
        running.route("GET", "/away", lambda request: Reply(302, None, {"Location": "https://other.example.com/v1/me"}))
        running.route("GET", "/", lambda request: Reply(200, {"host": request.header("Host")}))
        yield running


@pytest.mark.parametrize(
    ("route", "url", "target"),
    [
        ("https://api.example.com", "https://api.example.com/me?a=1", "http://t/me?a=1"),
        ("https://api.example.com/", "https://API.example.com", "http://t"),
        ("https://api.example.com", "https://api.example.com.evil.net/me", None),
        ("https://api.example.com", "http://api.example.com/me", None),
        ("https://api.example.com/v1", "https://api.example.com/v1/me", "http://t/v1/me"),
        ("https://api.example.com/v1", "https://api.example.com/v10/me", None),
        ("https://{{SHOP}}.example.com", "https://a-shop.example.com/me", "http://t/me"),
        ("https://{{SHOP}}.example.com", "https://a.b/c.example.com/me", None),
    ],
)
def test_a_route_is_meant_for_a_host_and_a_beginning_of_paths(route: str, url: str, target: str | None) -> None:
    """Whole labels and segments only."""
    assert Route(route, "http://t").apply(url) == target


def test_the_longest_route_counts_then_the_latest() -> None:
    """A test may replace what its fixture has served."""
    routes = Routes()
    for route in (Route("https://a.example/v1", "http://long"), Route("https://a.example", "http://old")):
        routes.add(route)
    routes.add(Route("https://a.example", "http://new"))

    assert routes.target("https://a.example/v1/x") == "http://long/v1/x"
    assert routes.target("https://a.example/v2") == "http://new/v2"
    assert routes.target("https://b.example/") is None
    routes.default = "http://default"
    assert routes.target("https://b.example/c?d") == "http://default/c?d"


def test_a_request_reaches_the_server_that_stands_for_its_host(server: Server) -> None:
    """The request looks as if it had gone where it says, to the server and to the component."""
    routes = Routes()
    routes.add(Route("https://api.example.com", server.url))
    routes.add(Route("https://root.example.com/token", server.url, ""))
    routes.add(Route("https://other.example.com", server.url))
    with routes.installed():
        reply = requests.get("https://api.example.com/v1/me", params={"a": 1}, timeout=5)
        root = requests.post("https://root.example.com/token", timeout=5)
        followed = requests.get("https://api.example.com/away", timeout=5)

    assert reply.json() == {"host": "api.example.com", "q": {"a": "1"}}
    assert reply.url == reply.request.url == "https://api.example.com/v1/me?a=1"
    assert root.status_code == 405
    assert followed.json()["host"] == "other.example.com"
    assert [each.path for each in server.requests] == ["/v1/me", "/", "/away", "/v1/me"]


def test_what_is_not_served_is_refused_and_noted(server: Server) -> None:
    """Tests have no network, whatever library asks for it."""
    routes = Routes()
    with routes.installed():
        with pytest.raises(requests.ConnectionError, match=r"elsewhere\.example\.com is not served"):
            requests.get("https://elsewhere.example.com/", timeout=5)
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(b"bytes.example.com", 80)
        routes.add(Route("https://api.example.com", server.url))
        with pytest.raises(socket.gaierror, match=r"api\.example\.com is served for the library requests only"):
            socket.getaddrinfo("api.example.com", 443)
        assert requests.get(server.url, timeout=5).ok
    assert routes.refused == ["elsewhere.example.com", "bytes.example.com", "api.example.com"]


def test_this_machine_is_served_like_other_hosts(server: Server) -> None:
    """What a component takes for its API may really run here, and must not be reached by a test."""
    with Server() as real:
        routes = Routes()
        routes.default = server.url
        routes.own.add(server.url.removeprefix("http://"))
        at = real.url.removeprefix("http://127.0.0.1:")
        with routes.installed():
            assert requests.get(f"http://127.0.0.1:{at}/", timeout=5).json() == {"host": f"127.0.0.1:{at}"}
            assert requests.get(f"http://localhost:{at}/", timeout=5).json() == {"host": f"localhost:{at}"}
            assert requests.get(server.url, timeout=5).json() == {"host": server.url.removeprefix("http://")}
            with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.1 is served for the library requests only"):
                socket.create_connection(("127.0.0.1", int(at)), timeout=5)
            with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.1 is served for the library requests only"):
                asyncio.run(asyncio.open_connection("127.0.0.1", int(at)))
        assert real.requests == []


def test_hosts_may_be_allowed_or_the_network_left_open(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker may be on another machine; and a recorder needs the network once."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kwargs: [host])
    routes = Routes()
    routes.allowed.add("broker.example.com")
    with routes.installed():
        assert socket.getaddrinfo("broker.example.com", 5672) == ["broker.example.com"]
    with routes.installed(closes_network=False):
        assert socket.getaddrinfo("api.example.com", 443) == ["api.example.com"]
    assert routes.is_closed is False


def test_another_process_gets_the_same_routes() -> None:
    """As JSON."""
    routes = Routes()
    routes.add(Route("https://a.example", "http://t", "/token"))
    routes.default = "http://default"
    routes.allowed.add("broker.example.com")
    routes.own.add("127.0.0.1:8000")

    assert Routes.from_json(routes.as_json()).as_json() == routes.as_json()


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("a.localhost", True), ("127.0.0.2", True), ("::1", True), (None, True), ("10.0.0.1", False)],
)
def test_loopback_is_this_machine(host: str | None, is_here: bool) -> None:
    """And nothing else."""
    assert is_on_this_machine(host) is is_here
