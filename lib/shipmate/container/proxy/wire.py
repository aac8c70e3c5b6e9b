"""A socket to the proxy: opened on a thread of its own, then used without ever blocking."""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_CONNECT_SECONDS: Final = 30.0
# More than a record of TLS has: nothing decrypted stays in the socket, where a wait would not see it.
_RECEIVED_BYTES: Final = 65_536
# The limit of Linux and macOS for one call.
_MOST_BUFFERS: Final = 1024
_ALPN: Final = "h2"

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Address:
    """The address of the proxy."""

    scheme: str
    host: str
    port: int

    @classmethod
    def from_uri(cls, uri: str) -> "Address":
        """Return the address in a URI of scheme, host and port, as the settings have it."""
        parts = urlsplit(uri)
        return cls(parts.scheme, parts.hostname or "", parts.port or 0)

    @property
    def authority(self) -> str:
        """Host and port, as requests name them.

        >>> Address("http", "::1", 5001).authority
        '[::1]:5001'
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Wire:
    """A connected socket that never blocks."""

    def __init__(self, connected: socket.socket) -> None:
        """Take over the socket."""
        self._socket = connected
        connected.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """Return bytes that have come, empty at the end of the connection; None if there are none now.

        Raises:
            OSError: The connection is lost.
        """
        try:
            return self._socket.recv(_RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def write(self, pieces: Sequence[Piece]) -> int:
        """Send some bytes, and return how many the socket has taken.

        Raises:
            OSError: The connection is lost.
        """
        try:
            return self._socket.sendmsg(pieces[:_MOST_BUFFERS])
        except (BlockingIOError, InterruptedError):
            return 0

    def end(self) -> None:
        """Say that nothing more is sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._socket.close()


class TlsWire(Wire):
    """A socket with TLS."""

    _socket: ssl.SSLSocket

    def write(self, pieces: Sequence[Piece]) -> int:
        """Send some bytes, and return how many the socket has taken."""
        try:
            return self._socket.send(b"".join(pieces[:_MOST_BUFFERS]))
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0


def open_wire(address: Address, on_done: Callable[[Wire | OSError], None]) -> None:
    """Connect on a thread of its own, since names and handshakes take time.

    Args:
        address: Where to.
        on_done: Called on that thread, with the connection or the reason why there is none.
    """

    def connect() -> None:
        try:
            wire = _connected(address)
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be looked up
            on_done(error if isinstance(error, OSError) else OSError(str(error)))
            return
        on_done(wire)

    threading.Thread(target=connect, name="shipmate-connect", daemon=True).start()


def _connected(address: Address) -> Wire:
    plain = socket.create_connection((address.host, address.port), _CONNECT_SECONDS)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme != "https":
            return Wire(plain)
        context = ssl.create_default_context()
        context.set_alpn_protocols([_ALPN])
        encrypted = context.wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise
    if encrypted.selected_alpn_protocol() != _ALPN:
        encrypted.close()
        raise OSError("the server does not speak HTTP/2")
    return TlsWire(encrypted)
