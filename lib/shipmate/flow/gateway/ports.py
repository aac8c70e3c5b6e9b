"""The sides of the gateway that face the flow: messages out, replies back, files in both directions.

The coordinator implements `Publish` and `Storage`, and calls `Gateway.on_reply`. A step publishes its reply, and the
copy of its error, with the routing key that the message has in ``reply_to``; it is ``<prefix>.<request id>``, so one
binding ``<prefix>.*`` of a topic exchange brings all replies of a gateway to one queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

_ERROR_COPY: Final = "x-eio-error-response"


class Publish(Protocol):
    """Puts a message into the queue of the first step. Called on several threads at once."""

    def __call__(self, message: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
        """Return True when the broker has confirmed the message, False if the queue is full.

        Args:
            message: The message in plain JSON; the publisher encrypts it.
            headers: The AMQP headers ``messageId``, ``threadId``, ``x-eio-meta-trace-id``, and ``reply_to`` if a caller
                waits; the publisher adds ``taskId``, ``execId`` and ``userId``.

        Raises:
            Exception: The message could not be published; the caller gets status 500.
        """


class Storage(Protocol):
    """The object storage of the flow. Called on several threads at once."""

    def store(self, content: bytes, content_type: str) -> str:
        """Store a file, and return the URL at which a step reads it without credentials."""

    def read(self, object_id: str) -> "StoredFile | None":
        """Return the file of a reply, None if the storage does not have it."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the object storage."""

    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class StepReply:
    """A reply of a step: a message with reply headers, or the value of the event ``httpReply``.

    ``StepReply({"body": {"id": 7}, "headers": {"x-eio-status-code": 201}})`` or
    ``StepReply({"statusCode": 201, "body": {"id": 7}, "headers": {}})``. A body that the runtime moved to the object
    storage is in its place again; a header ``x-ipaas-object-storage-id`` names the file that is the answer.
    """

    message: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """The error of a step, on its way to the caller who waits for a reply."""

    component: str
    function: str
    step_id: str
    thread_id: str
    error: Mapping[str, Any] = field(repr=False)
    """``{"name": ..., "message": ..., "stack": ...}``"""


def reply_from(headers: Mapping[str, Any], value: Mapping[str, Any]) -> StepReply | StepFailure:
    """Return the reply in a message of the gateway's queue.

    Args:
        headers: The AMQP headers.
        value: The decrypted message, reply or error.

    >>> reply_from({"x-eio-error-response": True, "compId": "crm", "stepId": "step_2"}, {"message": "no such list"})
    StepFailure(component='crm', function='', step_id='step_2', thread_id='')
    """
    if not any(name.lower() == _ERROR_COPY for name in headers):
        return StepReply(value)
    component, function, step_id, thread_id = (
        str(headers.get(name) or "") for name in ("compId", "function", "stepId", "threadId")
    )
    return StepFailure(component, function, step_id, thread_id, value)
