"""Connects to the proxy on a thread of its own, since names and handshakes take time."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from shipmate.container.proxy.wire import Wire

_CONNECT_SECONDS: Final = 30.0


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


def open_wire(address: Address, on_done: Callable[[Wire | OSError], None]) -> None:
    """Connect on a thread of its own.

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
        from shipmate.container.proxy.tls_wire import encrypted  # ssl: 4 ms

        return encrypted(plain, address.host)
    except BaseException:
        plain.close()
        raise
