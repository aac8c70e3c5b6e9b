"""What the headers and the body of a delivery say, and those of what is published. Pure; no I/O.

Source: contract §4, §5, §6.
"""

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pybase64

from shipmate.container.messages.cipher import Cipher, Undecodable
from shipmate.jsonvalue import encode, from_json, to_json
from shipmate.settings import FlowSettings, MessageSettings

_META: Final = "x-eio-meta-"
_FIRST_LETTERS: Final = ("x", "X")  # names that are no text have bytes
_TRACE_ID: Final = "x-eio-meta-trace-id"
_USUAL: Final = frozenset(
    "execId taskId workspaceId containerId userId stepId compId function threadId messageId parentMessageId start end "
    "protocolVersion retry reply_to reboundIteration reboundReason".split()
)
_ROUTING_KEY: Final = "x-eio-routing-key"
_RAW_SINCE_PROTOCOL: Final = 2
# All headers of a message must fit into one frame, which has 131072 bytes at most brokers.
_LONGEST_REASON: Final = 10_000

Headers = dict[str, Any]
# The two highest bits of a digit are those of the variant. Source: RFC 9562 §4.1.
_VARIANTS: Final = {f"{number:x}": f"{0b1000 | number & 0b11:x}" for number in range(16)}
_random: Final = random.Random()  # noqa: S311 - ids, no secrets; seeded by the system


def new_id() -> str:
    """Return a fresh UUID, version 4; nobody need be unable to guess it, so that a system call is not needed."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def epoch_ms() -> int:
    """Return the time as the platform counts it."""
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What the headers of a delivery say. Source: contract §5.1."""

    thread_id: Any
    """Text, unless the sender has used another type: ids go on as they came."""
    message_id: Any
    parent_message_id: Any
    step_id: str | None
    """The step that sent the message."""
    reply_to: str | None
    protocol: float
    rebounds: int
    """How often the message has come back already."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """What goes with everything that is published for the message."""

    @classmethod
    def from_headers(cls, headers: Mapping[str, Any]) -> "Incoming":
        """Read the headers of a delivery, which may have none."""
        kept: Headers = {}
        if not _USUAL.issuperset(headers):  # most messages have no others
            for name, value in headers.items():
                if name[:1] in _FIRST_LETTERS and name.lower().startswith(_META):
                    kept[name.lower()] = value
        thread_id = headers.get("threadId") or kept.get(_TRACE_ID) or new_id()
        reply_to = headers.get("reply_to") or None
        if reply_to:
            kept["reply_to"] = reply_to
        return cls(
            thread_id=thread_id,
            message_id=_known(headers.get("messageId")),
            parent_message_id=_known(headers.get("parentMessageId")),
            step_id=_text(headers.get("stepId")),
            reply_to=_text(reply_to),
            protocol=_protocol(headers.get("protocolVersion")),
            rebounds=_count(headers.get("reboundIteration")),
            kept=kept,
        )


def _known(value: object) -> Any:
    return None if value == "" else value


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if type(value) is str else str(value)


def _protocol(value: object) -> float:
    try:
        return float(value or 1)  # type: ignore[arg-type]  # whatever a header may hold
    except (TypeError, ValueError):
        return 1.0


def _count(value: object) -> int:
    """Return how often a message came back; what is no number has not, and no number makes a delay of a fraction."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0, int(value)) if is_number and math.isfinite(value) else 0  # type: ignore[arg-type, call-overload]


class MessageCodec:
    """Reads and writes the messages of one step; safe to share between threads."""

    def __init__(self, flow: FlowSettings, settings: MessageSettings) -> None:
        """Derive the key, and the headers that never change.

        Raises:
            BadSetting: The password or the vector cannot be used.
        """
        self._settings = settings
        self._cipher = Cipher(settings.password, settings.iv)
        self._fixed: Headers = {
            "execId": flow.exec_id,
            "taskId": flow.flow_id,
            "workspaceId": flow.workspace_id,
            "containerId": flow.container_id,
            "userId": flow.user_id,
            "stepId": flow.step_id,
            "compId": flow.comp_id,
            "function": flow.function,
        }

    def read(self, body: bytes, headers: Mapping[str, Any], incoming: Incoming) -> dict[str, Any]:
        """Return the message in a delivery, with ``headers`` even if it has none.

        Raises:
            Undecodable: It is not encrypted with this password, or not an object in JSON; nothing of it is told.
        """
        if self._settings.is_error_input:
            return {"body": self._failure(_object(body)), "headers": dict(headers)}
        message = _object(self._cipher.decode(body, incoming.protocol))
        own = message.get("headers")
        message["headers"] = own = own if isinstance(own, dict) else {}
        if incoming.reply_to:
            own["reply_to"] = incoming.reply_to
        return message

    def _failure(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a step that handles errors is given. Source: contract §4.4."""
        found = dict(envelope)
        for name in ("error", "errorInput"):
            if value := envelope.get(name):
                if not isinstance(value, str):
                    raise Undecodable(f"expected text as {name}")
                found[name] = _json(self._cipher.decode(value.encode("utf-8", "surrogatepass"), 1))
        return found

    def start_headers(self) -> Headers:
        """Return the headers of an error that has no message: the process did not get that far. Contract §1.5."""
        return {**self._settings.extra_headers, **self._fixed, "messageId": new_id()}

    def base_headers(self, incoming: Incoming, start_ms: int) -> Headers:
        """Return the headers that everything published for a message has, but for ``messageId``. Contract §5.2."""
        made = {
            **incoming.kept,
            **self._settings.extra_headers,
            **self._fixed,
            "threadId": incoming.thread_id,
            "start": start_ms,
        }
        made.pop("parentMessageId", None)
        made.pop("messageId", None)
        if incoming.message_id is not None:
            made["parentMessageId"] = incoming.message_id
        return made

    def data_body(self, message: Mapping[str, Any]) -> bytes:
        """Return the body for a data message.

        Raises:
            InvalidMessage: Something in it has no JSON form.
        """
        return self._cipher.encode(to_json(message), self._settings.protocol)

    def sealed(self, value: Any) -> bytes:
        """Return a value in JSON as every consumer can read it: encrypted, in base64."""
        return self._cipher.encode(encode(value), 1)

    def error_body(self, sealed_error: bytes, original: bytes | None, incoming: Incoming | None) -> bytes:
        """Return the body of an error message, with the input it is about, if there is any. Contract §6.2."""
        if original is None or incoming is None:
            return b'{"error":"%b"}' % sealed_error
        if self._settings.is_error_input:
            given = self._cipher.encode(original, 1)
        elif incoming.protocol >= _RAW_SINCE_PROTOCOL:
            # The vector never changes, so this is what decrypting and encrypting again would give.
            given = pybase64.b64encode(original)
        else:
            return encode({"error": sealed_error.decode("ascii"), "errorInput": original.decode("utf-8", "replace")})
        return b'{"error":"%b","errorInput":"%b"}' % (sealed_error, given)

    def encrypt(self, content: bytes) -> bytes:
        """Return what the object storage holds. Source: contract §8.6."""
        return self._cipher.encrypt(content)

    def decrypt(self, content: bytes) -> bytes:
        """Return what was stored.

        Raises:
            Undecodable: It was not encrypted with this password.
        """
        return self._cipher.decrypt(content)


def routed(headers: Mapping[str, Any]) -> tuple[Headers, str | None]:
    """Return the headers of an emitted message without the routing key in it, and that key. Contract §5.3.

    >>> routed({"X-Eio-Routing-Key": "k", "a": 1})
    ({'a': 1}, 'k')
    """
    key = None
    left: Headers = {}
    for name, value in headers.items() if headers else ():
        if name.lower() == _ROUTING_KEY:
            key = _text(value)
        else:
            left[name] = value
    return left, key


def rebound_headers(original: Mapping[str, Any], iteration: int, reason: str, end_ms: int) -> Headers:
    """Return the headers of a message that goes back. Source: contract §6.3."""
    return {**original, "reboundIteration": iteration, "reboundReason": reason[:_LONGEST_REASON], "end": end_ms}


def _object(content: bytes) -> dict[str, Any]:
    value = _json(content)
    if not isinstance(value, dict):
        raise Undecodable("not an object in JSON")
    return value


def _json(content: bytes) -> Any:
    try:
        return from_json(content)
    except ValueError:
        pass
    try:
        return from_json(content.decode("utf-8", "replace"))  # as in the official runtime, bytes that are no text cost
    except ValueError as error:  # a character, and not the message
        raise Undecodable(f"not JSON: {error}") from None
