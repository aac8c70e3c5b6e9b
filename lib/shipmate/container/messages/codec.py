"""Reads the metadata and body of a delivery, and writes those of publications. Pure; no I/O.

Source: contract §4, §5, §6.
"""

import os
import random
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pybase64

from shipmate.container.messages.cipher import RAW_SINCE_PROTOCOL, Cipher, Undecodable
from shipmate.jsonvalue import encode, from_json, to_json
from shipmate.settings import FlowSettings, MessageSettings

_META: Final = "x-eio-meta-"
_FIRST_LETTERS: Final = ("x", "X")  # also skips names that are bytes, because they are not UTF-8
_TRACE_ID: Final = "x-eio-meta-trace-id"
_USUAL: Final = frozenset(
    "execId taskId workspaceId containerId userId stepId compId function threadId messageId parentMessageId start end "
    "protocolVersion retry reply_to reboundIteration reboundReason".split()
)
_LEAST_CHARACTERS: Final = 200
_ROUTING_KEY: Final = "x-eio-routing-key"
# The two highest bits of a digit are those of the variant. Source: RFC 9562 §4.1.
_VARIANTS: Final = {f"{number:x}": f"{0b1000 | number & 0b11:x}" for number in range(16)}
_random: Final = random.Random()  # noqa: S311 - makes ids, not secrets
os.register_at_fork(after_in_child=_random.seed)  # otherwise a forked process makes the ids of its parent

Metadata = dict[str, Any]


def new_id() -> str:
    """Return a random UUID, version 4; ids need not be unguessable, so this avoids the system call of `uuid.uuid4`."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def epoch_ms() -> int:
    """Return the time in milliseconds since 1970, which is the platform's unit."""
    return int(time.time() * 1000)


class Incoming(NamedTuple):
    """The metadata of a delivery that the runtime uses. Source: contract §5.1."""

    thread_id: Any
    """Text, unless the sender uses another type: ids go on as they came."""
    message_id: Any
    parent_message_id: Any
    step_id: str | None
    """The step that sent the message."""
    reply_to: str | None
    protocol: float
    forwarded: Mapping[str, Any]
    """The metadata that every event of the message carries on."""

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "Incoming":
        """Read the metadata of a delivery, which may be empty."""
        forwarded: Metadata = {}
        if not _USUAL.issuperset(metadata):  # most messages have no other names
            for name, value in metadata.items():
                if name[:1] in _FIRST_LETTERS and name.lower().startswith(_META):
                    forwarded[name.lower()] = value
        thread_id = metadata.get("threadId") or forwarded.get(_TRACE_ID) or new_id()
        reply_to = metadata.get("reply_to") or None
        if reply_to:
            forwarded["reply_to"] = reply_to
        return cls(
            thread_id=thread_id,
            message_id=_none_if_empty(metadata.get("messageId")),
            parent_message_id=_none_if_empty(metadata.get("parentMessageId")),
            step_id=_text(metadata.get("stepId")),
            reply_to=_text(reply_to),
            protocol=_protocol(metadata.get("protocolVersion")),
            forwarded=forwarded,
        )


def _none_if_empty(value: object) -> Any:
    return None if value == "" else value


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if type(value) is str else str(value)


def _protocol(value: object) -> float:
    try:
        return float(value or 1)  # type: ignore[arg-type]  # a header may hold any value
    except (TypeError, ValueError):
        return 1.0


class MessageCodec:
    """Reads and writes the messages of one step; safe to share between threads."""

    def __init__(self, flow: FlowSettings, settings: MessageSettings) -> None:
        """Derive the key, and the metadata that never changes.

        Raises:
            BadSetting: The password is empty, or the initialization vector does not have 16 bytes.
        """
        self._settings = settings
        self._cipher = Cipher(settings.password, settings.iv)
        self._fixed: Metadata = {
            "execId": flow.exec_id,
            "taskId": flow.flow_id,
            "workspaceId": flow.workspace_id,
            "containerId": flow.container_id,
            "userId": flow.user_id,
            "stepId": flow.step_id,
            "compId": flow.comp_id,
            "function": flow.function,
        }

    def read(self, body: bytes, metadata: Mapping[str, Any], incoming: Incoming) -> dict[str, Any]:
        """Return the message in a delivery, with ``headers`` even if it has none.

        Raises:
            Undecodable: It is not encrypted with this password, or not an object in JSON.
        """
        try:
            if self._settings.is_error_input:
                return {"body": self._error_input(_object(body)), "headers": dict(metadata)}
            message = _object(self._cipher.decode(body, incoming.protocol))
        except Undecodable:
            raise
        except Exception as error:  # a type of its own would tell the sender how far the decoding came
            raise Undecodable(type(error).__name__) from None
        own = message.get("headers")
        message["headers"] = own = own if isinstance(own, dict) else {}
        if incoming.reply_to:
            own["reply_to"] = incoming.reply_to
        return message

    def _error_input(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decrypted members of an error, for a step that handles errors. Source: contract §4.4."""
        decrypted = dict(envelope)
        for name in ("error", "errorInput"):
            if value := envelope.get(name):
                if not isinstance(value, str):
                    raise Undecodable(f"expected text as {name}")
                decrypted[name] = _json(self._cipher.decode(value.encode("utf-8", "surrogatepass"), 1))
        return decrypted

    def start_metadata(self) -> Metadata:
        """Return the metadata of an error that belongs to no message: the process could not start. Contract §1.5."""
        return {**self._settings.extra_headers, **self._fixed, "messageId": new_id()}

    def base_metadata(self, incoming: Incoming, start_ms: int) -> Metadata:
        """Return the metadata that all events of a message have, except ``messageId``. Source: contract §5.2."""
        metadata = {
            **incoming.forwarded,
            **self._settings.extra_headers,
            **self._fixed,
            "threadId": incoming.thread_id,
            "start": start_ms,
        }
        metadata.pop("parentMessageId", None)
        metadata.pop("messageId", None)
        if incoming.message_id is not None:
            metadata["parentMessageId"] = incoming.message_id
        return metadata

    def data_body(self, message: Mapping[str, Any]) -> bytes:
        """Return the body of a data event.

        Raises:
            InvalidMessage: Something in the message has no JSON form.
        """
        return self._cipher.encode(to_json(message), self._settings.protocol)

    def encrypted_json(self, value: Any) -> bytes:
        """Return a value as JSON, encrypted and in base64, which every consumer can decode."""
        return self._cipher.encode(encode(value), 1)

    def encrypted(self, value: Any, protocol: int) -> bytes:
        """Return a value as JSON, encrypted as the protocol has it."""
        return self._cipher.encode(encode(value), protocol)

    def error_body(self, bare_error: bytes, original: bytes | None, incoming: Incoming | None) -> bytes:
        """Return the body of an error event. Source: contract §6.2.

        Args:
            bare_error: The error, from `encrypted_json`.
            original: The body of the delivery that the error is about, None to leave it out.
            incoming: The metadata of this delivery.
        """
        if original is None or incoming is None:
            return b'{"error":"%b"}' % bare_error
        if self._settings.is_error_input:
            error_input = self._cipher.encode(original, 1)
        elif incoming.protocol >= RAW_SINCE_PROTOCOL:
            # The vector never changes, so this equals decrypting and encrypting again.
            error_input = pybase64.b64encode(original)
        else:
            return encode({"error": bare_error.decode("ascii"), "errorInput": original.decode("utf-8", "replace")})
        return b'{"error":"%b","errorInput":"%b"}' % (bare_error, error_input)

    def short_error_body(self, error: Mapping[str, Any], most_bytes: int) -> bytes:
        """Return the body of an error event without the input, and with shorter texts if the limit demands that.

        The stack is cut first, then the message, which stays readable whatever the limit is.

        Source: proxy §7.3.
        """
        shorter = dict(error)
        body = self.error_body(self.encrypted_json(shorter), None, None)
        for name, least in (("stack", 0), ("message", _LEAST_CHARACTERS)):
            while len(body) > most_bytes and isinstance(text := shorter.get(name), str) and len(text) > least:
                shorter[name] = text[: max(least, len(text) // 2)]
                body = self.error_body(self.encrypted_json(shorter), None, None)
        return body

    def encrypt(self, content: bytes) -> bytes:
        """Return content as the object storage keeps it. Source: contract §8.6."""
        return self._cipher.encrypt(content)

    def decrypt(self, content: bytes) -> bytes:
        """Return the content of an object in the object storage.

        Raises:
            Undecodable: It was not encrypted with this password.
        """
        return self._cipher.decrypt(content)


def split_routing_key(headers: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the headers of an emitted message without the author's routing key, and that key. Contract §5.3.

    >>> split_routing_key({"X-Eio-Routing-Key": "k", "a": 1})
    ({'a': 1}, 'k')
    """
    key = None
    others: dict[str, Any] = {}
    for name, value in headers.items() if headers else ():
        if name.lower() == _ROUTING_KEY:
            key = _text(value)
        else:
            others[name] = value
    return others, key


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
        # As in the official runtime, a byte that is not UTF-8 costs a character, and not the message.
        return from_json(content.decode("utf-8", "replace"))
    except ValueError as error:
        raise Undecodable(f"not JSON: {error}") from None
