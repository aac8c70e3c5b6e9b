"""A small HTTP server for probes: one thread, a bounded number of connections, and a time limit for each.

The servers of the standard library give each connection a thread, or let a slow client keep all others waiting.
"""

import errno
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from shipmate.errors import BadSetting

_log: Final = logging.getLogger("shipmate.operations")
_MOST_CONNECTIONS: Final = 64
_CONNECTION_SECONDS: Final = 5.0
"""The longest life of a connection."""
_MOST_REQUEST_BYTES: Final = 8192
_RECEIVED_BYTES: Final = 16384
_MOST_ACCEPTED: Final = 100
_MOST_WAITING: Final = 1024
"""The most connections that wait to be accepted: half a second at most."""
_ACCEPT_SECONDS: Final = 0.05
"""The period in which `_MOST_ACCEPTED` connections are accepted; more wait for the next one, to save CPU time."""
_STATUSES: Final[Mapping[int, str]] = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
_METHODS: Final = frozenset({"GET", "HEAD"})


class Answer(NamedTuple):
    """An answer of the server: ``Answer(503, b"starting")``."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class Server:
    """Answers GET and HEAD on a thread of its own, which sleeps while nobody asks."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> None:
        """Open the port, and begin to answer.

        Args:
            host: The address to listen on.
            port: The port, 0 for any free one.
            pages: The function that answers requests, by path.

        Raises:
            BadSetting: The port or the address cannot be used.
        """
        self._pages = pages
        self._listener = _listener(host, port)
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._connections: dict[_Connection, None] = {}
        """In the order of their begin."""
        self._window_seconds = 0.0
        self._accepted = 0
        self._is_listening = False
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="shipmate-http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The open port."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Close the port and all connections."""
        if self._is_over:
            return
        self._waker.send(b"\0")  # first, since the thread closes this socket as soon as it ends
        self._is_over = True
        self._thread.join(_CONNECTION_SECONDS)

    def _run(self) -> None:
        self._selector.register(self._woken, selectors.EVENT_READ, lambda: None)  # `close` has written
        self._listen(True)
        while not self._is_over:
            try:
                self._turn()
            except Exception as error:  # the top of the thread: the next probe must find it
                _log.error("internal error of the HTTP port", exc_info=error)
                time.sleep(_ACCEPT_SECONDS)
        for connection in self._connections:
            connection.close()
        for socket_ in (self._listener, self._waker, self._woken):
            socket_.close()
        self._selector.close()

    def _turn(self) -> None:
        events = self._selector.select(self._timeout_seconds())
        for key, _ in events:
            key.data()
        now = time.monotonic()
        for each in [one for one in self._connections if one.end_seconds <= now]:
            self._drop(each)
        if not self._is_listening and now >= self._window_seconds:
            self._listen(True)

    def _timeout_seconds(self) -> float | None:
        """Return the time until something is due, None if nothing will be."""
        due = [next(iter(self._connections)).end_seconds] if self._connections else []
        if not self._is_listening:
            due.append(self._window_seconds)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _listen(self, is_listening: bool) -> None:
        self._is_listening = is_listening
        if is_listening:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        else:
            self._selector.unregister(self._listener)

    def _accept(self) -> None:
        """Accept a connection; when there are too many, the oldest one makes room."""
        now = time.monotonic()
        if now >= self._window_seconds:
            self._window_seconds, self._accepted = now + _ACCEPT_SECONDS, 0
        self._accepted += 1
        if self._accepted > _MOST_ACCEPTED:
            self._listen(False)
            return
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no file descriptor is free
            self._listen(False)
            return
        accepted.setblocking(False)
        if len(self._connections) >= _MOST_CONNECTIONS:
            self._drop(next(iter(self._connections)))
        connection = _Connection(accepted, self._answer, now + _CONNECTION_SECONDS)
        self._connections[connection] = None
        self._selector.register(accepted, connection.awaited, partial(self._continue, connection))
        self._continue(connection)  # a request has usually come together with its connection

    def _continue(self, connection: "_Connection") -> None:
        try:
            connection.go_on()
        except OSError:
            connection.is_over = True
        except Exception as error:  # one connection ends, not the thread
            _log.error("internal error of the HTTP port", exc_info=error)
            connection.is_over = True
        if connection.is_over:
            self._drop(connection)
        else:
            self._selector.modify(connection.socket, connection.awaited, partial(self._continue, connection))

    def _drop(self, connection: "_Connection") -> None:
        if connection in self._connections:
            del self._connections[connection]
            self._selector.unregister(connection.socket)
            connection.close()

    def _answer(self, method: str, target: str) -> Answer:
        if method not in _METHODS:
            return Answer(405, b"expected GET or HEAD\n")
        page = self._pages.get(target.partition("?")[0])
        if page is None:
            return Answer(404, f"expected one of {', '.join(self._pages)}\n".encode())
        try:
            return page()
        except Exception as error:  # the answer is lost, not the thread
            _log.error("internal error of the HTTP port", exc_info=error)
            return Answer(500, b"internal error\n")


class _Connection:
    """One request and its answer; the connection ends with it."""

    def __init__(self, accepted: socket.socket, answer: Callable[[str, str], Answer], end_seconds: float) -> None:
        self.socket = accepted
        self.end_seconds = end_seconds
        self.awaited = selectors.EVENT_READ
        self.is_over = False
        self._answer = answer
        self._received = b""
        self._unsent = memoryview(b"")
        self._is_answered = False

    def go_on(self) -> None:
        """Read or write as much as is possible now.

        Raises:
            OSError: The client has gone.
        """
        if self.awaited == selectors.EVENT_READ:
            self._read()
        if self.awaited == selectors.EVENT_WRITE:
            self._write()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _read(self) -> None:
        try:
            data = self.socket.recv(_RECEIVED_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.is_over = True
        elif not self._is_answered:  # read and drop the rest, or the client would not see the answer
            self._received += data
            if (answer := self._answer_to(self._received)) is not None:
                self._is_answered = True
                self._received, self._unsent = b"", memoryview(answer)
                self.awaited = selectors.EVENT_WRITE

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return
        if not self._unsent:
            self.socket.shutdown(socket.SHUT_WR)
            self.awaited = selectors.EVENT_READ

    def _answer_to(self, received: bytes) -> bytes | None:
        """Return the encoded answer, None while the request is incomplete."""
        end = received.find(b"\r\n\r\n")
        if end < 0 and len(received) <= _MOST_REQUEST_BYTES:
            return None
        if not 0 <= end <= _MOST_REQUEST_BYTES:
            return _encoded(Answer(431, b"expected a shorter request\n"), has_body=True)
        parts = received[: received.find(b"\r\n")].decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _encoded(Answer(400, b"expected a request of HTTP/1.1\n"), has_body=True)
        return _encoded(self._answer(parts[0], parts[1]), has_body=parts[0] != "HEAD")


def _encoded(answer: Answer, *, has_body: bool) -> bytes:
    """Return an answer as bytes, with headers that end the connection and forbid caching and sniffing."""
    allow = "Allow: GET, HEAD\r\n" if answer.status == 405 else ""
    head = (
        f"HTTP/1.1 {answer.status} {_STATUSES[answer.status]}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n{allow}"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (answer.body if has_body else b"")


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        BadSetting: The port or the address cannot be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_MOST_WAITING)
    except (socket.gaierror, UnicodeError):
        raise BadSetting(f"SHIPMATE_HTTP_HOST: expected an address of this machine, found {host!r}") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadSetting(f"SHIPMATE_HTTP_HOST: expected an address of this machine, found {host!r}") from None
        if error.errno == errno.EADDRINUSE:
            raise BadSetting(
                f"SHIPMATE_HTTP_PORT: port {port} of {host} is in use by another process: set another port"
            ) from None
        if error.errno == errno.EACCES:
            raise BadSetting(
                f"SHIPMATE_HTTP_PORT: this user may not open port {port}: set one from 1024 to 65535"
            ) from None
        raise BadSetting(f"SHIPMATE_HTTP_PORT: port {port} of {host} cannot be opened: {error.strerror}") from None
    listener.setblocking(False)
    return listener
