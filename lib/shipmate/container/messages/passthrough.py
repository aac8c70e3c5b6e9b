"""Passthrough: messages of earlier steps, carried on in each message. Pure; no I/O.

Source: contract §8.1.
"""

from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]


def carried(incoming: Message, sender: str | None, *, without_self: bool) -> dict[str, Any]:
    """Return the passthrough of an emitted message, without the entry of this step.

    Args:
        incoming: The message in work.
        sender: The step that sent it.
        without_self: Whether each step adds the message of its sender, instead of its own.
    """
    passthrough = incoming.get("passthrough")
    entries = dict(passthrough) if isinstance(passthrough, Mapping) else {}
    if without_self and sender:
        entries[sender] = without(incoming)
    return entries


def without(message: Message) -> dict[str, Any]:
    """Return a message without its passthrough."""
    return {name: value for name, value in message.items() if name != "passthrough"}
