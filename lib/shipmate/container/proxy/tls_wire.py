"""A socket to the proxy with TLS; a module of its own, since ssl takes time to import.

Source: proxy §17 (Q14).
"""

import socket
import ssl
from collections.abc import Sequence
from typing import Final

from shipmate.container.proxy.wire import MOST_BUFFERS, RECEIVED_BYTES, Piece, Wire

_ALPN: Final = "h2"


class TlsWire(Wire):
    """A socket with TLS."""

    _socket: ssl.SSLSocket

    def read(self) -> bytes | None:
        """Return bytes that have come, empty at the end of the connection; None if there are none now."""
        try:
            return self._socket.recv(RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def write(self, pieces: Sequence[Piece]) -> int:
        """Send some bytes, and return how many the socket has taken."""
        try:
            return self._socket.send(b"".join(pieces[:MOST_BUFFERS]))
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0


def encrypted(plain: socket.socket, host: str) -> TlsWire:
    """Return a connected socket with TLS, with a certificate that the system trusts.

    Raises:
        OSError: The certificate is not trusted, or the server does not speak HTTP/2.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols([_ALPN])
    wrapped = context.wrap_socket(plain, server_hostname=host)
    if wrapped.selected_alpn_protocol() != _ALPN:
        wrapped.close()
        raise OSError("the server does not speak HTTP/2")
    return TlsWire(wrapped)
