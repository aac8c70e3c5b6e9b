"""Mocks, recorders, tracers and proxies of requests go on working: what stands in between gets each request."""

import functools
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
import responses
import urllib3.util.connection
import vcr

from shipmate.http.adapter import LimitedAdapter
from shipmate.http.client import LeanClient
from shipmate.oauth2.accounts import CredentialStore
from tests.contract.workbench import Workbench
from tests.scripted import ScriptedServer, read_request, scripted_server

URL = "http://127.0.0.1:9/me"
"""Nobody answers there."""


@pytest.fixture
def ready(bench: Workbench) -> Workbench:
    """A bench with a live token whose connections are open: mocks come between requests."""
    bench.keys = bench.provider.issue()
    assert bench.session().get(bench.api.url + "/me").status_code == 200
    return bench


@pytest.fixture
def lean_requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that the lean path prepares."""
    urls: list[str] = []
    prepare = LeanClient.prepare

    def noting(client: LeanClient, method: str, url: str, *args: Any) -> Any:
        prepared = prepare(client, method, url, *args)
        if prepared is not None:
            urls.append(url)
        return prepared

    monkeypatch.setattr(LeanClient, "prepare", noting)
    return urls


def test_responses_answers(ready: Workbench, lean_requests: list[str]) -> None:
    with responses.RequestsMock() as mocked:
        mocked.add(responses.GET, ready.api.url + "/me", json={"by": "responses"})
        assert ready.session().get(ready.api.url + "/me").json() == {"by": "responses"}
        assert mocked.calls[0].request.headers["Authorization"].startswith("Bearer ")
    assert lean_requests == []
    assert ready.session().get(ready.api.url + "/me").json() != {"by": "responses"}
    assert lean_requests == [ready.api.url + "/me"]


def test_requests_mock_answers(ready: Workbench, lean_requests: list[str]) -> None:
    with requests_mock.Mocker() as mocked:
        mocked.get(ready.api.url + "/me", json={"by": "requests-mock"})
        assert ready.session().get(ready.api.url + "/me").json() == {"by": "requests-mock"}
        assert mocked.last_request.headers["Authorization"].startswith("Bearer ")
    assert lean_requests == []
    assert ready.session().get(ready.api.url + "/me").json() != {"by": "requests-mock"}


def test_vcrpy_records_and_plays(ready: Workbench, tmp_path: Path, lean_requests: list[str]) -> None:
    cassette = str(tmp_path / "recorded.yaml")
    with vcr.use_cassette(cassette, record_mode="all") as recorded:
        first = ready.session().get(ready.api.url + "/me")
    assert len(recorded) == 1
    seen = len(ready.api.requests)
    with vcr.use_cassette(cassette, record_mode="none") as played:
        assert ready.session().get(ready.api.url + "/me").json() == first.json()
    assert played.all_played
    assert len(ready.api.requests) == seen
    assert lean_requests == []


class Mounted(requests.adapters.HTTPAdapter):
    """An adapter of an author that answers itself."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 299
        response.request = request
        response.url = request.url or ""
        response._content = b"mounted"
        return response


def test_an_adapter_is_mounted_when_a_session_is_created(ready: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of OAuth2 has no ``mount``: an author mounts on all sessions of requests."""
    original = requests.Session.__init__

    def init(session: requests.Session) -> None:
        original(session)
        session.mount(ready.api.url + "/", Mounted())

    monkeypatch.setattr(requests.Session, "__init__", init)
    assert ready.session().get(ready.api.url + "/me").status_code == 299


def test_an_adapter_is_chosen_by_a_patch(ready: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.Session, "get_adapter", lambda session, url: Mounted())
    assert ready.session().get(ready.api.url + "/me").text == "mounted"


def test_an_adapter_is_mounted_by_a_patch(ready: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    original = requests.Session.mount
    monkeypatch.setattr(
        requests.Session, "mount", lambda session, prefix, adapter: original(session, prefix, Mounted())
    )
    assert ready.session().get(ready.api.url + "/me").text == "mounted"


@pytest.mark.parametrize("has_client", [True, False])
def test_the_adapter_of_the_store_is_replaced(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, has_client: bool
) -> None:
    """Also after the first request."""
    bench.keys = bench.provider.issue()
    if has_client:
        bench.session().get(bench.api.url + "/me")
    monkeypatch.setattr(CredentialStore, "adapter", property(lambda store: Mounted()))
    assert bench.session().get(bench.api.url + "/me").text == "mounted"


def test_a_patched_adapter_of_the_runtime_gets_the_request(ready: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedAdapter, "send", Mounted.send)
    assert ready.session().get(ready.api.url + "/me").text == "mounted"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (requests.Session, "send"),
        (requests.Session, "request"),
        (urllib3.HTTPConnectionPool, "urlopen"),
        (http.client.HTTPConnection, "putrequest"),
    ],
)
def test_a_tracer_sees_each_request(ready: Workbench, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """As those of OpenTelemetry, Sentry and others, which wrap one of these functions."""
    original, seen = getattr(owner, name), []

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        seen.append(name)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, traced)
    for _ in range(2):
        assert ready.session().get(ready.api.url + "/me").status_code == 200
    assert seen == [name, name]


class BlockedError(RuntimeError):
    """As that of pytest-socket."""


def test_blocked_sockets_block_the_lean_path(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same words as without it."""
    bench.keys = bench.provider.issue()

    class Guarded(socket.socket):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            raise BlockedError("a test tried to use a socket")

    monkeypatch.setattr(socket, "socket", Guarded)
    with pytest.raises(BlockedError):
        bench.session().get(bench.api.url + "/me")


def test_a_fake_socket_takes_the_full_path(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of httpretty, which know nothing of options and time-outs of the system."""
    bench.keys = bench.provider.issue()
    original = urllib3.util.connection.create_connection

    class Fake(socket.socket):
        def setsockopt(self, *args: Any) -> None:
            raise AssertionError("not expected here")

    def create(*args: Any, **kwargs: Any) -> Any:
        sock = original(*args, **kwargs)
        return Fake(sock.family, sock.type, sock.proto, sock.detach())

    monkeypatch.setattr(urllib3.util.connection, "create_connection", create)
    assert bench.session().get(bench.api.url + "/me").status_code == 200


class Proxy:
    """Answers requests for other servers itself."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    def __call__(self, sock: socket.socket, number: int) -> None:
        while request := read_request(sock):
            self.requests.append(request)
            if request.startswith(b"CONNECT"):
                sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")


@pytest.fixture
def seen_by_proxy() -> list[bytes]:
    return []


@pytest.fixture
def proxy(seen_by_proxy: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name in ["http_proxy", "https_proxy", "no_proxy", "all_proxy"]:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    script = Proxy()
    script.requests = seen_by_proxy
    with scripted_server(script) as server:
        yield server


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_gets_the_request(
    bench: Workbench, proxy: ScriptedServer, seen_by_proxy: list[bytes], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench.keys = bench.provider.issue()
    monkeypatch.setenv(name, proxy.url.replace("://", "://user:password@"))
    for _ in range(2):
        assert bench.session(allow_http=True).get("http://api.invalid/me").text == "proxy"
    assert [request.split(b"\r\n")[0] for request in seen_by_proxy] == [b"GET http://api.invalid/me HTTP/1.1"] * 2
    assert b"Proxy-Authorization: Basic " in seen_by_proxy[0]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_for_https_is_asked_for_a_tunnel(
    bench: Workbench, proxy: ScriptedServer, seen_by_proxy: list[bytes], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench.keys = bench.provider.issue()
    monkeypatch.setenv(name, proxy.url)
    with pytest.raises(requests.exceptions.ProxyError):
        bench.session().get("https://api.invalid/me")
    assert seen_by_proxy[0].startswith(b"CONNECT api.invalid:443 ")


def test_no_proxy_leaves_servers_out(
    bench: Workbench, proxy: ScriptedServer, seen_by_proxy: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.keys = bench.provider.issue()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,.example")
    assert bench.session().get(bench.api.url + "/me").json() != "proxy"
    assert seen_by_proxy == []


@pytest.mark.parametrize("where", ["session", "request"])
def test_a_proxy_of_the_author_gets_the_request(
    ready: Workbench, proxy: ScriptedServer, lean_requests: list[str], where: str
) -> None:
    """Also for a server to which a connection is open."""
    session, proxies = ready.session(), {"http": proxy.url}
    if where == "session":
        session.proxies = proxies
        assert session.get(ready.api.url + "/me").text == "proxy"
    else:
        assert session.get(ready.api.url + "/me", proxies=proxies).text == "proxy"
    assert lean_requests == []


def test_no_password_comes_from_netrc(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On neither path, and after no redirect."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\ndefault login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    bench.keys = bench.provider.issue()
    received: list[bytes] = []

    def serve(sock: socket.socket, number: int) -> None:
        while request := read_request(sock):
            received.append(request)
            where = b"Location: http://localhost:%d/x\r\n" % server.port
            status = b"302 Found\r\n" + where if b"localhost" not in request else b"200 OK\r\n"
            sock.sendall(b"HTTP/1.1 " + status + b"Content-Length: 0\r\n\r\n")

    with scripted_server(serve) as server:
        bench.session().get(server.url + "/a")
        bench.session().get(server.url + "/a", stream=True)
    assert len(received) == 4
    assert not any(b"Basic" in request for request in received)
