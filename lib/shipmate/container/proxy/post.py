"""A request with an event or with the end of a message."""

from collections.abc import Callable

from shipmate.errors import EmitUnconfirmed

Then = Callable[[EmitUnconfirmed | None], None]
"""Called on the I/O thread: with None when the proxy has accepted the request, otherwise with the error."""


class Post:
    """An event or a finish on its way to the proxy."""

    __slots__ = ("body", "failures", "is_sent", "metadata", "path", "then")

    def __init__(self, path: str, then: Then, *, metadata: bytes | None = None, body: bytes = b"") -> None:
        """Prepare it.

        Args:
            path: Path and query.
            then: Called once, at the end.
            metadata: The header ``message-metadata``, None to leave it out.
            body: The encoded body.
        """
        self.path = path
        self.then = then
        self.metadata = metadata
        self.body = body
        self.failures = 0
        self.is_sent = False
        """True if the proxy may have accepted it, whatever its answers were."""
