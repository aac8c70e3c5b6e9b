"""A socket to the proxy that never blocks."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

# More than a record of TLS has: nothing decrypted stays in the socket, where a wait would not see it.
RECEIVED_BYTES: Final = 65_536
# The limit of Linux and macOS for one call.
MOST_BUFFERS: Final = 1024

Piece = bytes | memoryview


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
            return self._socket.recv(RECEIVED_BYTES)
        except (BlockingIOError, InterruptedError):
            return None

    def write(self, pieces: Sequence[Piece]) -> int:
        """Send some bytes, and return how many the socket has taken.

        Raises:
            OSError: The connection is lost.
        """
        try:
            return self._socket.sendmsg(pieces[:MOST_BUFFERS])
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
