"""Makes and checks messages."""

from collections.abc import Mapping
from typing import Any

from shipmate.errors import InvalidMessage


def message(
    body: Any, *, attachments: Mapping[str, Any] | None = None, headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a message with this body, ready to be emitted or returned.

    >>> message({"id": 7}, headers={"x-total": "1"})
    {'body': {'id': 7}, 'headers': {'x-total': '1'}}
    """
    made: dict[str, Any] = {"body": body}
    if attachments is not None:
        made["attachments"] = dict(attachments)
    if headers is not None:
        made["headers"] = dict(headers)
    return made


def check_message(value: object, *, needs_body: bool = True) -> None:
    """Refuse what is not a message.

    Args:
        value: What is to be one.
        needs_body: Whether it must have a ``body``.

    Raises:
        InvalidMessage: The value is not an object with a ``body``; the text says how to make one.
    """
    if type(value) is dict or isinstance(value, Mapping):
        if "body" in value or not needs_body:
            return
        found = "an object without it"
    else:
        found = type(value).__name__
    raise InvalidMessage(f'A message is an object with a "body", found {found}: wrap it with shipmate.message(...)')
