"""An error of an API that the fields of the step turn into a message or a rebound."""

from typing import Any


class Diverted(Exception):
    """An error of an API that the fields of the step turn into a message or a rebound.

    Args:
        reason: The text of the error.
        body: The body of the message to emit; None for a rebound.
    """

    def __init__(self, reason: str, body: dict[str, Any] | None) -> None:
        """Store what to emit."""
        super().__init__(reason)
        self.reason = reason
        self.body = body
