"""The platform's side of one step, whatever the transport: the messages into the step, and its events."""

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from shipmate.container.messages.cipher import Cipher
from shipmate.jsonvalue import to_json

OUTPUTS: Final = ("data", "error", "snapshot", "rebound")
PASSWORD: Final = "emulator-password"  # noqa: S105 - of messages that tests make up
IV: Final = "emulator-vector!"
TAKE_SECONDS: Final = 10.0


class NotTaken(AssertionError):
    """Fewer messages arrived than expected."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that a component has published."""

    body: bytes = field(repr=False)
    headers: Mapping[str, Any]
    properties: Any = field(repr=False)
    """The AMQP properties; None over the sailor proxy."""
    routing_key: str
    cipher: Cipher = field(repr=False)

    @property
    def message(self) -> Any:
        """The decrypted message; a snapshot, which is not encrypted, as it is."""
        if "snapshotEvent" in self.headers:
            return json.loads(self.body)
        return json.loads(self.cipher.decode(self.body, self.headers.get("protocolVersion", 1)))

    @property
    def error(self) -> Any:
        """The decrypted error: ``{"name": ..., "message": ..., "stack": ...}``. Source: contract §6.2."""
        return json.loads(self.cipher.decode(json.loads(self.body)["error"].encode(), 1))

    @property
    def error_input(self) -> Any:
        """The decrypted input of an error, None if the error has none."""
        encrypted = json.loads(self.body).get("errorInput")
        return None if encrypted is None else json.loads(self.cipher.decode(encrypted.encode(), 1))


class StepTraffic(ABC):
    """Sends messages to one step and takes its events; a context manager that ends with `delete`.

    The kinds of events are ``data``, ``error``, ``snapshot`` and ``rebound``, the keys of `bind`, and ``dead`` for the
    inputs that the step rejected.

    Args:
        password: The flow's password for messages, with ``iv``.
        iv: A text of 16 bytes.
    """

    transport: ClassVar[str]
    """The value of SHIPMATE_TRANSPORT."""
    uri: str
    """The address of the broker or the proxy."""

    def __init__(self, *, password: str = PASSWORD, iv: str = IV) -> None:
        self.cipher = Cipher(password, iv)
        self._password, self._iv = password, iv

    def __enter__(self) -> Self:
        """Return this traffic."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Delete everything and disconnect."""
        self.delete()
        self.close()

    @property
    def problems(self) -> list[str]:
        """The breaches of the contract by containers, as far as this side of the transport sees them."""
        return []

    def environ(self, function: str, **more: object) -> dict[str, str]:
        """Return the environment variables of a container for this step.

        Args:
            function: Id of the trigger or action.
            **more: Further variables, without ``ELASTICIO_``; they override these.
        """
        values: dict[str, object] = {
            "FLOW_ID": "flow",
            "EXEC_ID": "exec",
            "STEP_ID": "step",
            "CONTAINER_ID": "container",
            "WORKSPACE_ID": "workspace",
            "USER_ID": "user",
            "COMP_ID": "component",
            "FUNCTION": function,
            "MESSAGE_CRYPTO_PASSWORD": self._password,
            "MESSAGE_CRYPTO_IV": self._iv,
            **self._address(),
            **more,
        }
        prefixed = {f"ELASTICIO_{name}": str(value) for name, value in values.items()}
        return {**prefixed, "SHIPMATE_TRANSPORT": self.transport}

    def publish(self, message: Any, *, headers: Mapping[str, Any] | None = None, protocol: int = 1) -> str:
        """Publish a message to the input, as the previous step does, and return its id.

        Args:
            message: A JSON value: ``{"body": {...}}``.
            headers: Override the platform's headers; a value of None removes one.
            protocol: Protocol version of the encoding, 1 or 2.
        """
        message_id, body, all_headers = self._encoded(message, headers, protocol)
        self.publish_raw(body, all_headers)
        return message_id

    def fill(self, messages: Iterable[Any], *, protocol: int = 1) -> list[str]:
        """Publish many messages to the input, and return their ids when all of them have arrived."""
        ids = [self.publish(message, protocol=protocol) for message in messages]
        self.depth("input")  # a broker serves a channel in order, so the reply follows the messages
        return ids

    @abstractmethod
    def publish_raw(self, body: bytes, headers: Mapping[str, Any] | None) -> None:
        """Publish bytes to the input as they are, with these headers, or without any if None."""

    @abstractmethod
    def bind(self, routing_key: str) -> str:
        """Keep what is published with a routing key, for example HTTP replies, and return its kind for `take`."""

    @abstractmethod
    def take(self, kind: str, count: int = 1, timeout_seconds: float = TAKE_SECONDS) -> list[Received]:
        """Wait for messages of a kind, and return them in order.

        Args:
            kind: ``data``, ``error``, ``snapshot``, ``rebound``, ``dead``, or a key from `bind`.
            count: How many messages to wait for.
            timeout_seconds: Longest wait for the next message.

        Raises:
            NotTaken: Fewer arrived in time. The text has the errors that the step published.
        """

    @abstractmethod
    def drain(self, kind: str) -> list[Received]:
        """Return and forget all messages of a kind that have arrived."""

    @abstractmethod
    def depth(self, kind: str) -> int:
        """Return the number of messages of a kind that have arrived; of ``input``: that wait for the step."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Wait for an event for some time."""

    @abstractmethod
    def purge(self) -> None:
        """Forget all messages that wait for the step, and all events."""

    @abstractmethod
    def delete(self) -> None:
        """Delete the messages and what holds them."""

    @abstractmethod
    def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    def _address(self) -> Mapping[str, object]:
        """Return the variables by which a container finds the messages, without ``ELASTICIO_``."""

    def _encoded(
        self, message: Any, headers: Mapping[str, Any] | None, protocol: int
    ) -> tuple[str, bytes, dict[str, Any]]:
        """Return the id, the body and the headers of a message from the previous step."""
        message_id = str(uuid.uuid4())
        all_headers = {
            "execId": "exec",
            "taskId": "flow",
            "workspaceId": "workspace",
            "userId": "user",
            "stepId": "previous",
            "threadId": str(uuid.uuid4()),
            "messageId": message_id,
            "protocolVersion": protocol,
            **(headers or {}),
        }
        present = {name: value for name, value in all_headers.items() if value is not None}
        return str(present.get("messageId", message_id)), self.cipher.encode(to_json(message), protocol), present

    def _checked(self, kind: str, count: int, taken: Sequence[Received]) -> list[Received]:
        """Return what was taken.

        Raises:
            NotTaken: It is less than expected.
        """
        if len(taken) < count:
            errors = [] if kind == "error" else [f"{each.error['message']}" for each in self.drain("error")]
            raise NotTaken(f"expected {count} of {kind}, found {len(taken)}; errors: {errors or 'none'}")
        return list(taken)
