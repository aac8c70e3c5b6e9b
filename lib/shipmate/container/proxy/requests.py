"""The requests that the proxy knows: their paths, queries and bodies. Pure; no I/O.

Source: proxy §1, §5.1, §7, §9.1, §10.3.
"""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote_plus

from shipmate.jsonvalue import encode

CLAIM_PATH: Final = "/resume-processing"
# As JavaScript's URLSearchParams writes a query: Python leaves ~ and escapes *.
_UNESCAPED: Final = "*"
_TYPES: Final = {"updateSnapshot": "snapshot", "httpReply": "http-reply"}
"""The types of events that have other names for authors."""


def poll_path(prefetch: int) -> str:
    """Return the path of a poll."""
    return f"/message?prefetch={prefetch}"


def message_path(incoming_id: str | None, event: str, routing_key: str | None) -> str:
    """Return the path for an event.

    Args:
        incoming_id: The id of the message in work, None if it has none or there is no message.
        event: The name that authors emit.
        routing_key: The author's own routing key, None for no such key.

    >>> message_path("a b", "httpReply", None)
    '/message?incomingMessageId=a+b&type=http-reply'
    """
    key = "" if routing_key is None else f"&customRoutingKey={_escaped(routing_key)}"
    return f"/message?{_incoming(incoming_id)}type={_escaped(_TYPES.get(event, event))}{key}"


def finish_path(incoming_id: str | None, *, is_success: bool) -> str:
    """Return the path for the end of a message."""
    return f"/finish-processing?{_incoming(incoming_id)}status={'success' if is_success else 'error'}"


def claim_body(message_ids: Iterable[Any], *, step_id: str, flow_id: str) -> bytes:
    """Return the body by which a container that comes back claims the messages that it has in work."""
    return encode([{"messageId": each, "stepId": step_id, "taskId": flow_id} for each in message_ids])


def id_text(message_id: Any) -> str | None:
    """Return the id of a message as queries have it, None if it has none."""
    if message_id is None or message_id == "":
        return None
    return message_id if isinstance(message_id, str) else encode(message_id).decode()


def _incoming(incoming_id: str | None) -> str:
    return "" if incoming_id is None else f"incomingMessageId={_escaped(incoming_id)}&"


def _escaped(text: str) -> str:
    if text.isascii() and text.replace("-", "").replace("_", "").isalnum():
        return text
    return quote_plus(_well_formed(text), safe=_UNESCAPED).replace("~", "%7E")


def _well_formed(text: str) -> str:
    """Return a text with U+FFFD in place of lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
