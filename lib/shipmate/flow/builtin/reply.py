"""Stands in for the HTTP reply: answers the caller of a webhook, and passes the message on."""

import math
from typing import Any, Final

from shipmate import Context, message
from shipmate.jsonvalue import is_falsy, object_member

_ROUTING_KEY: Final = "X-EIO-Routing-Key"
_STATUS: Final = "x-eio-status-code"
_OBJECT: Final = "x-ipaas-object-storage-id"
_JSON: Final = "application/json"
_MOST_BYTES: Final = 100 * 1024 * 1024
"""The size of the largest file. Source: the platform allows no larger attachment."""


class BadReply(ValueError):
    """The message has no valid reply."""


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Reply with ``responseBody``, or with the whole body without it; then emit the body."""
    headers = _headers(msg)
    given = _member(msg, "responseBody")
    if is_falsy(given):
        context.logger.warning("responseBody is empty: the reply is the whole body of the message")
    _emit(context, msg, msg.get("body") if is_falsy(given) else given, headers)


def process_with_attachment(
    context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]
) -> None:
    """Reply with the file at ``responseUrl``; then emit the body."""
    headers = _headers(msg)
    url = _member(msg, "responseUrl")
    if not isinstance(url, str) or not url:
        raise BadReply("responseUrl: expected the URL of an attachment, found none")
    with context.attachments.open(url) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise BadReply(f"responseUrl: expected a file of at most {_MOST_BYTES} bytes, found more")
    headers[_OBJECT] = context.api.objects.create(content, str(headers["Content-Type"]))
    _emit(context, msg, {}, headers)


def _headers(msg: dict[str, Any]) -> dict[str, Any]:
    """Return the headers of the reply.

    Raises:
        BadReply: The status is not a number from 200 to 999.
    """
    content_type = _member(msg, "contentType")
    headers = {"Content-Type": _JSON if content_type is None else content_type, _STATUS: _status(msg)}
    return {**headers, **object_member(msg.get("body"), "customHeaders")}


def _status(msg: dict[str, Any]) -> int | float:
    given = object_member(msg, "body").get("statusCode", 200)
    try:
        status = float(given)
    except (TypeError, ValueError):
        status = math.nan
    if not 200 <= status <= 999:
        raise BadReply(f"statusCode: expected a number from 200 to 999, found {given!r:.20}")
    return int(status) if status.is_integer() else status


def _emit(context: Context, msg: dict[str, Any], body: Any, headers: dict[str, Any]) -> None:
    reply_to = object_member(msg, "headers").get("reply_to")
    if reply_to:
        context.emit("data", message(body, headers={_ROUTING_KEY: reply_to, **_without_key(headers)}))
    context.emit("data", message(msg.get("body")))


def _without_key(headers: dict[str, Any]) -> dict[str, Any]:
    """Return the headers without a key of the author's own: the reply goes to the caller."""
    return {name: value for name, value in headers.items() if name.lower() != _ROUTING_KEY.lower()}


def _member(msg: dict[str, Any], name: str) -> Any:
    return object_member(msg, "body").get(name)
