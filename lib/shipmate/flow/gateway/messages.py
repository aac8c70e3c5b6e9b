"""Makes the message of a request."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate.container.messages.codec import new_id
from shipmate.flow.gateway.bodies import Content, read_content, unpacked
from shipmate.flow.gateway.forms import parse_form
from shipmate.flow.gateway.hook import Hook
from shipmate.flow.gateway.limits import Limits
from shipmate.flow.gateway.ports import Storage
from shipmate.flow.gateway.request import Head

REPLY_TO: Final = "reply_to"
_PLATFORM_HEADERS: Final = ("x-eio-", "x-ipaas-")
_JOINED_BY: Final[Mapping[str, str]] = {"cookie": "; "}


def message_of(head: Head, suffix: str, body: bytes, hook: Hook, storage: Storage, limits: Limits) -> dict[str, Any]:
    """Return the message of a request.

    Args:
        head: The request line and the headers.
        suffix: The path behind the id of the flow.
        body: The body, as it was sent.
        hook: The webhook.
        storage: Stores the attachments.
        limits: The limits of requests.

    Raises:
        BadRequest: The body is malformed or too large.
    """
    query = parse_form(head.query)
    content = Content(query)
    if head.method != "GET":
        data = unpacked(body, head.values("content-encoding"), limits.request_bytes)
        is_raw = hook.is_raw or query.get("raw") == "true"
        content = read_content(data, head.header("content-type"), storage, is_raw=is_raw)
    message = {
        "id": new_id(),
        "attachments": dict(content.attachments),
        "headers": _headers(head, hook.authorization.signature_header),
        "metadata": {},
        "method": head.method,
        "url": head.target,
        "originalUrl": head.target,
        "query": query,
        "params": {"taskId": hook.flow_id},
        "pathSuffix": suffix,
        "taskId": hook.flow_id,
        "body": content.body,
    }
    return {**message, "additionalUrlPath": suffix} if suffix else message


def _headers(head: Head, signature: str | None) -> dict[str, str]:
    """Return the headers of the request for the message.

    Headers of the platform are left out, except the signature: a caller could choose the next step with them, or read
    what others have stored. So is ``reply_to``, which the runtime sets.
    """
    headers: dict[str, str] = {}
    for name, value in head.headers:
        if name == REPLY_TO or (name.startswith(_PLATFORM_HEADERS) and name != signature):
            continue
        headers[name] = f"{headers[name]}{_JOINED_BY.get(name, ', ')}{value}" if name in headers else value
    return headers
