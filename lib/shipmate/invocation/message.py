"""The shapes of messages and replies; makes and checks messages.

Source: contract §4.3, §6.6.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from shipmate.errors import InvalidMessage

if TYPE_CHECKING:
    from shipmate.platform.attachments import Attachment


class Message(TypedDict):
    """A message as a function receives, returns and emits it: ``{"body": {"id": 7}, "headers": {"x-total": "1"}}``.

    A message that was received has ``headers``. ``method``, ``url``, ``originalUrl`` and ``query`` come from a webhook.
    """

    body: Any
    id: NotRequired[str]
    headers: NotRequired[dict[str, Any]]
    attachments: NotRequired["dict[str, Attachment]"]
    passthrough: NotRequired[dict[str, Any]]
    method: NotRequired[str]
    url: NotRequired[str]
    originalUrl: NotRequired[str]
    query: NotRequired[dict[str, Any]]


class HttpReply(TypedDict):
    """The answer to the caller of a webhook: ``{"statusCode": 201, "body": {"id": 7}, "headers": {"etag": "1"}}``."""

    statusCode: int
    body: NotRequired[Any]
    headers: NotRequired[Mapping[str, str]]


class Verdict(TypedDict):
    """The result of ``verify_credentials``: ``{"verified": True}`` or ``{"verified": False, "reason": "..."}``."""

    verified: bool
    reason: NotRequired[str]


def message(
    body: Any,
    *,
    attachments: "Mapping[str, Attachment] | None" = None,
    headers: Mapping[str, Any] | None = None,
) -> Message:
    """Return a message with this body, ready to be emitted or returned.

    >>> message({"id": 7}, headers={"x-total": "1"})
    {'body': {'id': 7}, 'headers': {'x-total': '1'}}
    """
    built: Message = {"body": body}
    if attachments is not None:
        built["attachments"] = dict(attachments)
    if headers is not None:
        built["headers"] = dict(headers)
    return built


def check_message(value: object, *, needs_body: bool = True) -> None:
    """Raise an error for a value that is not a message.

    Args:
        value: The value that a function emits or returns.
        needs_body: Whether a message must have a ``body``.

    Raises:
        InvalidMessage: The value is not an object with a ``body``; the text says how to make one.
    """
    if type(value) is dict or isinstance(value, Mapping):
        if "body" in value or not needs_body:
            return
        found = "an object without it"
    elif isinstance(value, list | tuple | set | frozenset):
        raise InvalidMessage(
            f'A message is an object with a "body", found {type(value).__name__}: emit or yield one message for each '
            "item, or wrap the list as the body of one with shipmate.message(...)"
        )
    else:
        found = type(value).__name__
    raise InvalidMessage(f'A message is an object with a "body", found {found}: wrap it with shipmate.message(...)')
