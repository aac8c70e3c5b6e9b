"""The port for probes: what it answers, and that slow and hostile clients harm nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from shipmate.container.operations import server as module
from shipmate.container.operations.server import Answer, Server
from shipmate.errors import BadSetting

BIG = b"metric 1\n" * 1_000_000  # more than the buffers of two sockets


def broken() -> Answer:
    raise RuntimeError("broken")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with some pages, on a free port."""
    pages = {
        "/live": lambda: Answer(200, b"well\n"),
        "/ready": lambda: Answer(503, b"starting\n"),
        "/big": lambda: Answer(200, BIG),
        "/broken": broken,
    }
    one = Server("127.0.0.1", 0, pages)
    yield one
    one.close()


def connect(server: Server) -> socket.socket:
    """Return a connection to the server."""
    return socket.create_connection(("127.0.0.1", server.port), 5)


def exchanged(server: Server, request: bytes) -> bytes:
    """Return all that the server sends for a request."""
    with connect(server) as client:
        client.sendall(request)
        return rest(client)


def rest(client: socket.socket) -> bytes:
    """Return what comes until the server has nothing more to say."""
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


def is_well(server: Server) -> bool:
    """Tell whether a probe is answered within a second, as a kubelet asks."""
    begun = time.monotonic()
    answer = exchanged(server, get("/live"))
    return answer.startswith(b"HTTP/1.1 200 OK\r\n") and time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (get("/live"), b"200 OK", b"well\n"),
        (get("/live?verbose"), b"200 OK", b"well\n"),
        (get("/ready"), b"503 Service Unavailable", b"starting\n"),
        (get("/live", "HEAD"), b"200 OK", b""),
        (get("/"), b"404 Not Found", b"expected one of /live, /ready, /big, /broken\n"),
        (get("/live", "POST"), b"405 Method Not Allowed", b"expected GET or HEAD\n"),
        (get("/broken"), b"500 Internal Server Error", b"internal error\n"),
        (b"GET /live HTTP/1.0\r\n\r\n", b"200 OK", b"well\n"),
        (b"GET /live\r\n\r\n", b"400 Bad Request", b"expected a request of HTTP/1.1\n"),
        (b"\r\n\r\n", b"400 Bad Request", b"expected a request of HTTP/1.1\n"),
        (b"\x16\x03\x01\x02\x00\x01\xff\r\n\r\n", b"400 Bad Request", b"expected a request of HTTP/1.1\n"),
    ],
)
def test_each_request_has_one_answer(server: Server, request_: bytes, status: bytes, body: bytes) -> None:
    """And the connection ends with it."""
    answer = exchanged(server, request_)
    head, _, found = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert found == body
    assert b"Connection: close" in head


def test_a_long_answer_arrives_whole_at_a_slow_reader(server: Server) -> None:
    """The socket takes it in pieces, and others are answered meanwhile."""
    with connect(server) as slow:
        slow.sendall(get("/big"))
        assert is_well(server)
        assert rest(slow).endswith(BIG)


def test_a_request_that_comes_byte_by_byte_is_answered(server: Server) -> None:
    """As over a bad line."""
    with connect(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index, byte in enumerate(get("/live")):
            client.sendall(bytes([byte]))
            if index % 20 == 0:
                assert is_well(server)
        assert rest(client).endswith(b"well\n")


def test_clients_that_say_nothing_keep_nobody_waiting(server: Server) -> None:
    """Slowloris: each holds a connection, and sends a header now and then."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(50)]
        for client in clients:
            client.sendall(b"GET /live HTTP/1.1\r\nX-Slow: ")
        assert is_well(server)
        for client in clients:
            client.sendall(b"a")
        assert is_well(server)


def test_a_slow_client_is_dropped_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """However diligently it sends."""
    monkeypatch.setattr(module, "_CONNECTION_SECONDS", 0.2)
    with connect(server) as client:
        client.sendall(b"GET ")
        assert client.recv(100) == b""
    assert is_well(server)


def test_a_client_that_does_not_read_is_dropped_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer does not stay in memory."""
    monkeypatch.setattr(module, "_CONNECTION_SECONDS", 0.2)
    with connect(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(get("/big"))
        end = time.monotonic() + 5
        while server._connections and time.monotonic() < end:
            assert is_well(server)
        assert not server._connections


def test_thousands_of_connections_make_room_for_the_next_one(server: Server) -> None:
    """The oldest ones go; the number of open ones is bounded."""
    with ExitStack() as stack:
        for number in range(2000):
            stack.enter_context(connect(server))
            if number % 400 == 399:
                assert is_well(server)
        assert len(server._connections) <= 64
        assert is_well(server)


def test_a_flood_of_requests_is_answered_in_bounds(server: Server) -> None:
    """More than 100 connections within 50 ms wait for the next 50 ms; nobody is refused."""
    begun = time.monotonic()
    for _ in range(400):
        assert exchanged(server, get("/live")).endswith(b"well\n")
    assert time.monotonic() - begun > 0.1
    assert is_well(server)


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(range(256)) * 64,
        b"\0" * 100_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    ],
    ids=["bytes", "zeros", "header", "path", "headers"],
)
def test_garbage_and_huge_headers_are_refused(server: Server, garbage: bytes) -> None:
    """After 8 KiB nothing more is kept; the client reads the refusal, since its bytes are read and dropped."""
    answer = exchanged(server, garbage)
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert is_well(server)


def test_a_client_that_goes_away_is_forgotten(server: Server) -> None:
    """With a reset in the middle of its request, and in the middle of its answer."""
    for request in (b"GET /big", get("/big")):
        client = connect(server)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(request)
        client.close()
    assert is_well(server)


def test_without_free_file_descriptors_it_waits(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that has opened too many files does not end the thread, and is not disturbed by it."""
    listener = server._listener
    failures = iter([OSError(24, "Too many open files")] * 3)

    class Exhausted:
        def accept(self) -> tuple[socket.socket, object]:
            for error in failures:
                raise error
            return listener.accept()

        def fileno(self) -> int:
            return listener.fileno()

        def getsockname(self) -> tuple[str, int]:
            return listener.getsockname()

        def close(self) -> None:
            listener.close()

    monkeypatch.setattr(server, "_listener", Exhausted())
    with connect(server) as client:
        client.sendall(get("/live"))
        assert rest(client).endswith(b"well\n")


def test_its_thread_sleeps_while_nobody_asks(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits without a timeout, also after a request."""
    assert is_well(server)
    waits: list[float | None] = []
    slept = threading.Event()
    select = server._selector.select

    def noted(timeout: float | None) -> object:
        waits.append(timeout)
        if timeout is None:
            slept.set()
        return select(timeout)

    monkeypatch.setattr(server._selector, "select", noted)
    assert is_well(server)
    assert slept.wait(5), waits


def test_an_internal_error_does_not_end_the_thread(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next probe finds it."""
    with monkeypatch.context() as patch:
        patch.setattr(module._Connection, "go_on", lambda self: broken())
        with suppress(ConnectionResetError), connect(server) as client:
            client.sendall(get("/live"))
            assert rest(client) == b""
    assert "internal error of the HTTP port" in caplog.text
    assert is_well(server)


def test_a_closed_server_leaves_no_port(server: Server) -> None:
    port = server.port
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BadSetting, match=f"SHIPMATE_HTTP_PORT: port {port} of 127.0.0.1 is in use"):
            Server("127.0.0.1", port, {})


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.7", "a..b", "x" * 300])
def test_an_address_of_another_machine_is_one_line(host: str) -> None:
    with pytest.raises(BadSetting, match="SHIPMATE_HTTP_HOST: expected an address of this machine, found '"):
        Server(host, 0, {})


def test_all_interfaces_can_be_asked_for() -> None:
    one = Server("0.0.0.0", 0, {"/live": lambda: Answer(200, b"well\n")})  # noqa: S104 - what is asked for
    assert is_well(one)
    one.close()
