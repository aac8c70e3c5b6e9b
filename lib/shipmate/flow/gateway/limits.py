"""The limits of the gateway."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for what a caller may send, and for how long anything may take."""

    request_bytes: int = 10 * 1024 * 1024
    """The most bytes of the body of a request, packed or not. Source: the platform refuses more with status 413."""
    head_bytes: int = 64 * 1024
    """The most bytes of the request line and the headers."""
    held_bytes: int = 100 * 1024 * 1024
    """The most bytes of all bodies that are received or processed at once."""
    connections: int = 256
    head_seconds: float = 30.0
    """The time for the head of a request, and the time that an idle connection stays open."""
    body_seconds: float = 60.0
    """The time for the body of a request."""
    write_seconds: float = 30.0
    """The time for each 64 KiB of an answer."""
    reply_seconds: float = 180.0
    """The time that a caller waits for the reply of the flow."""
