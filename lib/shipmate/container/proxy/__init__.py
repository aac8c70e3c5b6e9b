"""The transport over the sailor proxy ("sailor 3"): HTTP/2, with messages by long polls. No other package knows it.

``transport`` is the face of the package. ``inbox`` has the messages in work; its ``slots`` poll for
them. ``sender`` sends events and finishes until they are accepted. ``connections`` keeps a connection and claims the
messages in work on each next one; a ``link`` is one connection, with PINGs, on a ``wire``, its socket. ``loop`` waits
for sockets and timers, ``http2`` is the protocol. The other modules decide, without I/O.

To finish a message is to say whether it has succeeded; to leave it is not to finish it, so that the proxy gives it away
again.

Source: docs/reference/sailor-proxy.md, "proxy §n".
"""

from shipmate.container.proxy.transport import ProxyTransport

__all__ = ["ProxyTransport"]
