"""Makes the HTTP answer of a step's reply, or of its error."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shipmate.flow.gateway.connection import Answer, json_answer
from shipmate.flow.gateway.ports import StepFailure, StepReply, Storage
from shipmate.jsonvalue import to_json

_log: Final = logging.getLogger("shipmate.flow")
_STATUS: Final = "x-eio-status-code"
_OBJECT: Final = "x-ipaas-object-storage-id"
# The gateway sets these itself, or they are for the platform.
_OWN: Final = frozenset(
    "connection content-length date keep-alive proxy-connection te trailer transfer-encoding upgrade reply_to "
    "x-eio-routing-key".split()
) | {_STATUS, _OBJECT}
_NAME: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


def answer_of(reply: StepReply | StepFailure, storage: Storage) -> Answer:
    """Return the answer for the caller who waits.

    >>> answer_of(StepReply({"body": {"id": 7}, "headers": {"x-eio-status-code": 201}}), None).body
    b'{"id":7}'
    """
    if isinstance(reply, StepFailure):
        return _failure(reply)
    message = reply.message
    headers = {str(name).lower(): value for name, value in _object(message.get("headers")).items()}
    status = _status(message.get("statusCode", headers.get(_STATUS, 200)))
    if status is None:
        _log.error("the reply of the flow has no HTTP status between 200 and 999")
        return json_answer(500, {"error": "the reply of the flow has no valid status"})
    content_type, body = _body(message.get("body"))
    if (object_id := headers.get(_OBJECT)) is not None:
        file = storage.read(str(object_id))
        if file is None:
            _log.error("the file of the reply is not in the object storage")
            return json_answer(500, {"error": "the file of the reply does not exist"})
        content_type, body = file.content_type, file.content
    headers.setdefault("content-type", content_type)
    return Answer(status, body, tuple(_sendable(headers)))


def _failure(failure: StepFailure) -> Answer:
    place = f"(step={failure.step_id})"
    text = f"Component {failure.component} failed when executing function {failure.function} {place}"
    error = {name: failure.error[name] for name in ("message", "stack") if name in failure.error}
    answer = json_answer(200, {"message": text, "error": error})
    return Answer(200, answer.body, (*answer.headers, *_sendable({"x-execution-id": failure.thread_id})))


def _status(value: Any) -> int | None:
    """Return a status that ends a request, None if the value is not one.

    >>> [_status(value) for value in ("201", 404.0, 100, True, "2_00", None)]
    [201, 404, None, None, None, None]
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() and text >= "200" else None


def _body(value: Any) -> tuple[str, bytes]:
    """Return the content type that follows from the body, and its bytes: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return "text/plain; charset=utf-8", value.encode("utf-8", "replace")
    return "application/json; charset=utf-8", to_json(value)


def _sendable(headers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the headers that may be sent: a step's text must not end a header and begin the next one."""
    for name, value in headers.items():
        if name in _OWN:
            continue
        for each in value if isinstance(value, list) else [value]:
            text = _header_text(each)
            if text is None or not name or not _NAME.issuperset(name):
                _log.warning("a header of the reply was left out: its name or value cannot be sent")
            else:
                yield name, text


def _header_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    return text if all(each >= " " and each != "\x7f" for each in text.replace("\t", " ")) else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
