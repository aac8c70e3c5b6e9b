"""The lean client against servers that close, hush and lie."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from shipmate.errors import ResponseTooLarge, ResponseTooSlow
from shipmate.http.adapter import LimitedAdapter
from shipmate.http.client import LeanClient
from shipmate.http.limits import within
from shipmate.http.response import LeanResponse
from tests.scripted import ScriptedServer, read_request, scripted_server, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET_PATH = "/secret-path?query=secret"


@pytest.fixture
def client() -> Iterator[LeanClient]:
    adapter = LimitedAdapter()
    yield LeanClient(adapter)
    adapter.close()


def send(
    client: LeanClient, url: str, method: str = "GET", limits: within | None = None, **arguments: Any
) -> LeanResponse:
    """Send a request that must take the lean path."""
    arguments = {"timeout": 5, "headers": {"Authorization": "Bearer secret-token"}, **arguments}
    prepared = client.prepare(method, url, arguments)
    assert prepared is not None
    response = client.send(prepared, limits or within(None, 20))
    assert response is not None
    return response


def answering(sock: socket.socket, number: int) -> None:
    while read_request(sock):
        sock.sendall(OK)


class Counting:
    """Answers each request, or hangs up on some; counts connections and requests."""

    def __init__(self, hangs_up: Callable[[int, int], bool]) -> None:
        self.hangs_up = hangs_up
        self.requests: list[tuple[int, bytes]] = []
        """The number of the connection, and the method."""

    def __call__(self, sock: socket.socket, number: int) -> None:
        count = 0
        while request := read_request(sock):
            self.requests.append((number, request.split()[0]))
            if self.hangs_up(number, count):
                return
            count += 1
            sock.sendall(OK)


def test_requests_share_a_connection(client: LeanClient) -> None:
    script = Counting(lambda number, count: False)
    with scripted_server(script) as server:
        for _ in range(3):
            assert send(client, server.url + "/a").text == "ok"
    assert script.requests == [(0, b"GET")] * 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_a_repeatable_request_is_sent_again_on_a_new_connection(client: LeanClient, method: str) -> None:
    """If the server closes an idle connection while the request is on its way: RFC 9110 §9.2.2."""
    script = Counting(lambda number, count: number == 0 and count == 1)
    with scripted_server(script) as server:
        send(client, server.url)
        assert send(client, server.url, method).status_code == 200
    assert script.requests == [(0, b"GET"), (0, method.encode()), (1, method.encode())]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_another_request_is_not_sent_again(client: LeanClient, method: str) -> None:
    """The server may have worked on it."""
    script = Counting(lambda number, count: number == 0 and count == 1)
    with scripted_server(script) as server:
        send(client, server.url)
        with pytest.raises(requests.ConnectionError, match="closed before the answer"):
            send(client, server.url, method, json={})
        assert send(client, server.url, method, json={}).status_code == 200
    assert [number for number, _ in script.requests] == [0, 0, 1]


def test_a_new_connection_that_closes_is_an_error(client: LeanClient) -> None:
    """It is tried once more only if the connection was an idle one."""
    script = Counting(lambda number, count: True)
    with scripted_server(script) as server, pytest.raises(requests.ConnectionError):
        send(client, server.url)
    assert len(script.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_was_closed_before_is_replaced(client: LeanClient, method: str) -> None:
    """A request that must not be sent twice is sent once, on a new connection."""
    seen: list[int] = []
    closed = threading.Event()

    def once(sock: socket.socket, number: int) -> None:
        read_request(sock)
        seen.append(number)
        sock.sendall(OK)
        sock.shutdown(socket.SHUT_WR)
        closed.set()
        sock.recv(1)

    with scripted_server(once) as server:
        send(client, server.url)
        assert closed.wait(5)
        assert send(client, server.url, method).status_code == 200
    assert seen == [0, 1]


def test_bytes_after_an_answer_answer_no_request(client: LeanClient) -> None:
    """A server that answers twice must not give one account the answer of another."""
    late = threading.Event()

    def twice(sock: socket.socket, number: int) -> None:
        read_request(sock)
        sock.sendall(OK)
        if number == 0:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            late.set()
            sock.recv(1)

    with scripted_server(twice) as server:
        assert send(client, server.url).text == "ok"
        assert late.wait(5)
        assert send(client, server.url).text == "ok"


@pytest.mark.parametrize(
    ("answer", "limits"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"a" * 50, within(None, 0.2)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"a" * 100, within(10, 20)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", within(None, 20)),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", within(None, 20)),
    ],
)
def test_an_answer_that_is_not_read_to_its_end_is_followed_by_no_request(
    client: LeanClient, answer: bytes, limits: within
) -> None:
    numbers: list[int] = []

    def serve(sock: socket.socket, number: int) -> None:
        while read_request(sock):
            numbers.append(number)
            sock.sendall(OK if number else answer)

    with scripted_server(serve) as server:
        try:
            send(client, server.url, limits=limits)
        except (requests.RequestException, ResponseTooLarge, ResponseTooSlow):
            pass
        assert send(client, server.url).text == "ok"
    assert numbers == [0, 1]


def test_twenty_threads_share_the_connections(client: LeanClient) -> None:
    """Each gets the answer to its own request."""
    problems: list[object] = []

    def echo(sock: socket.socket, number: int) -> None:
        count = 0
        while request := read_request(sock):
            path = request.split()[1]
            count += 1
            close = b"Connection: close\r\n" if count % 7 == 0 else b""
            sock.sendall(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (close, len(path), path))
            if close:
                return

    def work(name: int) -> None:
        try:
            for count in range(30):
                path = f"/{name}/{count}"
                if send(client, server.url + path).text != path:
                    problems.append(path)
        except Exception as error:
            problems.append(error)

    with scripted_server(echo) as server:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert problems == []


def refused(url: str) -> str:
    """Return the URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_no_error_has_the_path_the_query_or_the_token(client: LeanClient) -> None:
    """Errors are logged."""
    answers = [b"", b"secret-token\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsecret", b"HTTP/1.1 200 OK"]

    def serve(sock: socket.socket, number: int) -> None:
        read_request(sock)
        sock.sendall(answers[number])

    with scripted_server(serve) as server:
        urls = [server.url] * len(answers) + [refused(server.url), "http://nowhere.invalid"]
        for url in urls:
            with pytest.raises(requests.RequestException) as failed:
                send(client, url + SECRET_PATH)
            assert "secret" not in str(failed.value)
            assert failed.value.request.url == (url + SECRET_PATH)
            assert failed.value.response is None
            assert failed.value.__cause__ is None


def test_a_name_that_does_not_exist_is_a_connection_error(client: LeanClient) -> None:
    with pytest.raises(requests.ConnectionError, match=r"nowhere\.invalid:80: .*resolve"):
        send(client, "http://nowhere.invalid/a")


def test_a_port_without_a_server_is_a_connection_error(client: LeanClient) -> None:
    with pytest.raises(requests.ConnectionError, match="refused"):
        send(client, refused(""))


def test_a_server_that_does_not_accept_ends_with_the_time_to_connect(client: LeanClient) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):  # the queue of the system is full then
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        try:
            with pytest.raises(requests.ConnectTimeout, match=r"no connection within 0\.2 seconds"):
                send(client, f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=(0.2, 5))
        finally:
            for sock in waiting:
                sock.close()


def test_a_silent_server_ends_with_the_time_to_read(client: LeanClient) -> None:
    def hush(sock: socket.socket, number: int) -> None:
        server.stop.wait(10)

    with scripted_server(hush) as server:
        with pytest.raises(requests.ReadTimeout, match=r"no answer within 0\.2 seconds"):
            send(client, server.url, timeout=(5, 0.2))
        with pytest.raises(ResponseTooSlow, match=r"within 0\.2 seconds"):
            send(client, server.url, limits=within(None, 0.2))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[ScriptedServer]:
    with scripted_server(answering, tls=server_context(authority)) as server:
        yield server


def test_an_authority_that_is_named_is_trusted(client: LeanClient, server: ScriptedServer, ca_file: str) -> None:
    for _ in range(2):
        assert send(client, server.url, verify=ca_file).text == "ok"


def test_others_are_not_trusted(client: LeanClient, server: ScriptedServer) -> None:
    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
            send(client, server.url + SECRET_PATH)


def test_a_server_without_tls_is_an_error(client: LeanClient) -> None:
    with scripted_server(lambda sock, number: sock.sendall(OK)) as server:
        with pytest.raises(requests.exceptions.SSLError):
            send(client, f"https://localhost:{server.port}/")


def test_an_unchecked_connection_serves_no_checked_request(client: LeanClient, server: ScriptedServer) -> None:
    with pytest.warns(requests.packages.urllib3.exceptions.InsecureRequestWarning):
        assert send(client, server.url, verify=False).text == "ok"
    with pytest.raises(requests.exceptions.SSLError):
        send(client, server.url)


def test_a_wrong_name_is_an_error(client: LeanClient, server: ScriptedServer, ca_file: str) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="127"):
        send(client, f"https://127.0.0.1:{server.port}/", verify=ca_file)


def test_the_environment_names_an_authority(
    client: LeanClient, server: ScriptedServer, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    assert send(client, server.url).text == "ok"


def test_a_certificate_of_the_client_is_sent(
    client: LeanClient, authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("client@example.com")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    context = server_context(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with scripted_server(answering, tls=context) as server:
        assert send(client, server.url, verify=ca_file, cert=str(tmp_path / "client.pem")).text == "ok"
        with pytest.raises(requests.RequestException):
            send(client, server.url, verify=ca_file)


@pytest.mark.parametrize("name", ["verify", "cert"])
def test_a_missing_file_is_left_to_requests(client: LeanClient, name: str) -> None:
    """It says which file, before anything is sent."""
    prepared = client.prepare("GET", "https://localhost:1/", {name: "/missing.pem"})
    assert prepared is not None
    assert client.send(prepared, within(None, 5)) is None


def test_a_handshake_that_drips_ends_with_the_time(client: LeanClient) -> None:
    def drip(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 10_000:
            sock.sendall(bytes([byte]))
            if server.stop.wait(0.02):
                return

    with scripted_server(drip) as server:
        begun = time.monotonic()
        with pytest.raises(ResponseTooSlow):
            send(client, f"https://localhost:{server.port}/", limits=within(None, 0.3))
        with pytest.raises(requests.ReadTimeout, match=r"no TLS handshake within 0\.3 seconds"):
            send(client, f"https://localhost:{server.port}/", timeout=(0.3, 5))
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("method", "url", "arguments"),
    [
        ("TRACE", "http://a.example/", {}),
        ("get", "http://a.example/", {}),
        ("GET", "http://a.example/", {"stream": True}),
        ("GET", "http://a.example/", {"proxies": {"http": "http://p.example"}}),
        ("GET", "http://a.example/", {"cookies": {"a": "b"}}),
        ("GET", "http://a.example/", {"unknown": None}),
        ("POST", "http://a.example/", {"files": {"a": b"b"}}),
        ("POST", "http://a.example/", {"data": iter([b"a"])}),
        ("POST", "http://a.example/", {"data": bytearray(b"a")}),
        ("POST", "http://a.example/", {"data": {"a": None}}),
        ("POST", "http://a.example/", {"data": iter([])}),
        ("POST", "http://a.example/", {"data": 0}),
        ("POST", "http://a.example/", {"json": float("nan")}),
        ("GET", "http://a.example/", {"params": [("a", "b")]}),
        ("GET", "http://a.example/", {"params": "a=b"}),
        ("GET", "http://a.example/", {"timeout": 0}),
        ("GET", "http://a.example/", {"timeout": -1}),
        ("GET", "http://a.example/", {"timeout": True}),
        ("GET", "http://a.example/", {"timeout": 1e300}),
        ("GET", "http://a.example/", {"timeout": float("nan")}),
        ("GET", "http://a.example/", {"timeout": (1, 2, 3)}),
        ("GET", "http://a.example/", {"timeout": "1"}),
        ("GET", "http://a.example/", {"verify": None}),
        ("GET", "http://a.example/", {"cert": ["a", "b"]}),
        *[
            ("GET", "http://a.example/", {"headers": {name: "x"}})
            for name in ["Host", "transfer-encoding", "Content-Length", "Expect", "Upgrade", "TE", "Trailer", "cookie"]
        ],
        ("GET", "http://a.example/", {"headers": {"X": None}}),
        ("GET", "http://a.example/", {"headers": {"X": b"y"}}),
        ("GET", "http://a.example/", {"headers": {b"X": "y"}}),
        ("GET", "http://a.example/", {"headers": {"X": "€"}}),
    ],
)
def test_what_is_unusual_is_left_to_requests(
    client: LeanClient, method: str, url: str, arguments: dict[str, Any]
) -> None:
    assert client.prepare("GET", url, {}) is not None
    assert client.prepare(method, url, arguments) is None


@pytest.mark.parametrize("value", ["b\rX-Evil: c", "b\nX-Evil: c", "b\x00"])
def test_a_cookie_that_would_begin_another_header_is_left_to_requests(client: LeanClient, value: str) -> None:
    jar = requests.cookies.RequestsCookieJar()
    jar.set("a", "b", domain="a.example")
    prepared = client.prepare("GET", "http://a.example/", {}, jar)
    assert prepared is not None
    assert b"\r\nCookie: a=b\r\n" in prepared.head
    jar.set("c", value, domain="a.example")
    assert client.prepare("GET", "http://a.example/", {}, jar) is None


def test_another_adapter_is_left_to_requests() -> None:
    """It may do anything with a request."""

    class Mine(LimitedAdapter):
        pass

    assert LeanClient(Mine()).prepare("GET", "http://a.example/", {}) is None
