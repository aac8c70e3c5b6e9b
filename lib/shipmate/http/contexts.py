"""The TLS contexts of connections to servers, which connections share.

urllib3 makes a new context for each connection and reads the file of the authorities again: 20 ms of CPU, more than all
else that a connection costs.
"""

import os
import ssl
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context, resolve_cert_reqs

_MOST_CONTEXTS: Final = 16
_UNUSUAL: Final = (
    *("cert_file", "key_file", "ca_cert_dir", "assert_hostname", "assert_fingerprint", "proxy"),
    *("ssl_version", "ssl_minimum_version", "ssl_maximum_version"),
)
"""The options of a pool for which urllib3 changes the context of a connection, or needs a second one for the proxy."""


def share_context(pool: HTTPConnectionPool, connection: Any, certificates: str) -> None:
    """Let a connection check its server with the context of all connections that trust the same authorities.

    A file of authorities that has changed gets a new context. urllib3 makes the context as before if the pool has
    unusual options, if the file cannot be used, or if a test has replaced the connection.

    Args:
        pool: The pool, which knows how to check the server.
        connection: The connection, which is open or will be opened.
        certificates: Certificates of more authorities as PEM, empty for none.
    """
    options: Any = pool
    if not isinstance(connection, HTTPSConnection) or any(getattr(options, name) is not None for name in _UNUSUAL):
        return
    mode = resolve_cert_reqs(options.cert_reqs)
    if "ssl_context" in pool.conn_kw or not (options.ca_certs or mode is ssl.CERT_NONE):
        return
    try:
        context = _context(mode, options.ca_certs, _version(options.ca_certs), certificates)
    except OSError:
        # The connection may have been open with a shared context, before the file changed.
        connection.ssl_context, connection.ca_certs = None, options.ca_certs
        return
    connection.ssl_context = context
    # urllib3 would load them into the context again.
    connection.ca_certs = connection.ca_cert_data = None


def _version(path: str | None) -> tuple[int, ...]:
    """Return numbers that differ after a change of a file."""
    if not path:
        return ()
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=_MOST_CONTEXTS)
def _context(mode: ssl.VerifyMode, path: str | None, _version: tuple[int, ...], certificates: str) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=mode)
    if path or certificates:
        context.load_verify_locations(path, cadata=certificates or None)
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 sets the same protocols for each connection, and OpenSSL allows no change while another thread connects.
    context.set_alpn_protocols = _keep  # type: ignore[method-assign, assignment]
    return context


def _keep(_protocols: Iterable[str]) -> None:
    """Leave the protocols as they are."""
