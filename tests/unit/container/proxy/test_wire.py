"""Sockets to the proxy, with and without TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from shipmate.container.proxy.connecting import Address, open_wire
from shipmate.container.proxy.wire import Wire
from shipmate.emulator.ports import free_port

SECONDS = 10
Peer = Callable[[socket.socket], None]


@contextmanager
def server(serve: Peer, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve one connection on a thread; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield int(listener.getsockname()[1])
    thread.join(SECONDS)
    listener.close()


def opened(uri: str) -> Wire | OSError:
    """Connect, and return what comes of it."""
    done = threading.Event()
    results: list[Wire | OSError] = []
    open_wire(Address.from_uri(uri), lambda result: (results.append(result), done.set()))  # type: ignore[arg-type, return-value]
    assert done.wait(SECONDS)
    return results[0]


def read(wire: Wire, count: int) -> bytes:
    """Read so many bytes as a loop would."""
    received = b""
    while len(received) < count:
        if (piece := wire.read()) is not None:
            received += piece
    return received


def echo(connection: socket.socket) -> None:
    while received := connection.recv(65_536):
        connection.sendall(received)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The context of a server that this system trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    return context


def test_an_address_is_read_from_the_setting() -> None:
    assert Address.from_uri("http://proxy:5001") == Address("http", "proxy", 5001)
    assert Address.from_uri("https://[::1]:443").authority == "[::1]:443"


def test_a_wire_never_blocks_and_tells_its_end() -> None:
    go = threading.Event()
    with server(lambda connection: (go.wait(SECONDS), connection.sendall(b"abc"))) as port:  # type: ignore[arg-type, return-value]
        wire = opened(f"http://127.0.0.1:{port}")
        assert isinstance(wire, Wire)
        assert wire.read() is None
        go.set()
        assert read(wire, 3) == b"abc"
        while (last := wire.read()) is None:
            pass
        assert last == b""
        wire.end()
        wire.close()


def test_a_full_socket_takes_a_part() -> None:
    """The rest is sent later."""
    go = threading.Event()
    with server(lambda connection: go.wait(SECONDS)) as port:  # type: ignore[arg-type, return-value]
        wire = opened(f"http://127.0.0.1:{port}")
        assert isinstance(wire, Wire)
        pieces = [memoryview(b"x" * 100_000)] * 200
        assert 0 < wire.write(pieces) < 20_000_000
        while wire.write(pieces):
            pass
        go.set()
        wire.close()


def test_a_proxy_with_tls_is_trusted_as_the_system_trusts_it(tls: ssl.SSLContext) -> None:
    """Proxy 17, Q14."""
    with server(echo, tls) as port:
        wire = opened(f"https://127.0.0.1:{port}")
        assert isinstance(wire, Wire)
        sent = 0
        while sent < 60_000:
            sent += wire.write([b"a" * (30_000 - sent % 30_000)])
        assert read(wire, 60_000) == b"a" * 60_000
        wire.close()


def test_a_stranger_is_not_trusted(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with server(echo, tls) as port:
        result = opened(f"https://127.0.0.1:{port}")
    assert isinstance(result, ssl.SSLCertVerificationError)


def test_a_server_without_http_2_is_refused(tls: ssl.SSLContext) -> None:
    tls.set_alpn_protocols(["http/1.1"])
    with server(echo, tls) as port:
        result = opened(f"https://127.0.0.1:{port}")
    assert isinstance(result, OSError)


@pytest.mark.parametrize("host", ["127.0.0.1", "a" * 70])
def test_a_proxy_that_is_not_there_is_an_error(host: str) -> None:
    """A name may be wrong, too."""
    assert isinstance(opened(f"http://{host}:{free_port()}"), OSError)
