"""The sockets of the emulator's servers: read requests, write replies, close connections."""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from shipmate.emulator.journal import Reply

Exchange = Callable[[str, str, Message, bytes], tuple[Reply | None, bool]]
"""Takes method, target, headers and body; returns the reply (None: drop the connection) and whether to cut it."""


class Listener(ThreadingHTTPServer):
    """The listening socket with its thread and its open connections."""

    daemon_threads = True
    request_queue_size = 128
    timeout = 0  # of handle_request(), which is called for a connection that is there

    def __init__(self, address: tuple[str, int], name: str, exchange: Exchange) -> None:
        self.exchange = exchange
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Connection)
        self._is_stopped, self._stop = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, name=f"emulator-{name}", daemon=True)

    def server_bind(self) -> None:
        # HTTPServer looks up the host's name here, which can take seconds without a resolver.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that closed their connection; the default prints a traceback."""

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._stop.close()
        self.thread.join()
        self._is_stopped.close()
        self.server_close()
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            _hang_up(connection)

    def _serve(self) -> None:
        """Accept connections until `close`, which serve_forever() would notice at its next poll only."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._is_stopped, selectors.EVENT_READ)
            while self._is_stopped not in [key.fileobj for key, _ in selector.select()]:
                self.handle_request()


def _hang_up(connection: socket.socket) -> None:
    # Only shutdown() ends a blocked read in another thread; close() does not.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    """One connection: read requests, write replies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the journal has all requests."""

    def do(self) -> None:
        """Serve one request of any method."""
        try:
            body = self._body()
        except ValueError:
            self.close_connection = True
            self._send(Reply(400, {"error": "the length of the body is malformed"}), is_cut=False)
            return
        reply, is_cut = self.server.exchange(self.command, self.path, self.headers, body)
        if reply is None or is_cut:
            self.close_connection = True
        if reply is not None:
            self._send(reply, is_cut=is_cut)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self._exactly(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(parts)

    def _exactly(self, size_bytes: int) -> bytes:
        data = self.rfile.read(size_bytes)
        if len(data) < size_bytes:
            raise ConnectionError("the client closed the connection in the middle of the body")
        return data

    def _send(self, reply: Reply, *, is_cut: bool) -> None:
        content_type, body = reply.encoded()
        headers = {"Content-Length": str(len(body)), "Date": self.date_time_string()}
        if content_type:
            headers["Content-Type"] = content_type
        if reply.status < 200 or reply.status in (204, 304):
            body = b""
            del headers["Content-Length"]
        given = {name.title() for name in reply.headers}
        headers = {name: value for name, value in headers.items() if name not in given} | dict(reply.headers)
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if is_cut:
            self.wfile.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
        else:
            self.wfile.write(head + (b"" if self.command == "HEAD" else body))
