"""What earlier steps have emitted, carried along. Pure; no I/O.

Source: contract §8.1.
"""

from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]


def carried(incoming: Message, sender: str | None, *, without_self: bool) -> dict[str, Any]:
    """Return the entries for what is emitted, but for the emitted message's own.

    Args:
        incoming: The message that is processed.
        sender: The step that it came from.
        without_self: Whether the sender's message is added here, and not by the sender itself.
    """
    given = incoming.get("passthrough")
    entries = dict(given) if isinstance(given, Mapping) else {}
    if without_self and sender:
        entries[sender] = without(incoming)
    return entries


def without(message: Message) -> dict[str, Any]:
    """Return a message without what it carries along."""
    return {name: value for name, value in message.items() if name != "passthrough"}
