"""Servers that do byte by byte what a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import trustme

Script = Callable[[socket.socket, int], None]
"""Serves one connection; gets its number, from 0."""


@dataclass
class ScriptedServer:
    """A server for HTTP on this machine that writes down what it receives."""

    port: int
    scheme: str
    received: list[bytes] = field(default_factory=list)
    """The bytes of each connection."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set at the end of the test: scripts that wait must end then."""

    @property
    def url(self) -> str:
        """The URL without a path."""
        return f"{self.scheme}://localhost:{self.port}" if self.scheme == "https" else f"http://127.0.0.1:{self.port}"


def read_request(sock: socket.socket) -> bytes:
    """Read one request with its body; empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += sock.recv(65536)
        if name.lower() == b"transfer-encoding":
            while not body.endswith(b"0\r\n\r\n"):
                body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server for localhost, whose certificate comes from an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@contextmanager
def scripted_server(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server whose connections follow a script, each in a thread of its own."""
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def serve(sock: socket.socket, number: int) -> None:
        with suppress(OSError):  # the client has hung up
            secure = sock if tls is None else tls.wrap_socket(sock, server_side=True)
            sockets.append(secure)
            with secure:
                script(secure, number)
        sock.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(10)
                sockets.append(sock)
                threads.append(threading.Thread(target=serve, args=(sock, len(threads))))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        main = threading.Thread(target=accept)
        main.start()
        server = ScriptedServer(listener.getsockname()[1], "http" if tls is None else "https")
        try:
            yield server
        finally:
            server.stop.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            main.join(10)
            for sock in sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
