"""The platform's side of one step at a real AMQP broker: the exchange and queues of the step, filled and emptied."""

from collections.abc import Mapping
from typing import Any

import pika
from pika.exceptions import AMQPError

from shipmate.emulator.step_traffic import IV, OUTPUTS, PASSWORD, TAKE_SECONDS, Received, StepTraffic
from shipmate.errors import BadInput


class StepQueues(StepTraffic):
    """The exchange and queues of one step, as the platform declares them; a context manager that deletes them.

    Rejected inputs go to the queue ``dead``. A rebound waits in the queue ``rebound`` until it expires, and is then an
    input again. Source: contract §3.1, §6.3.
    """

    transport = "amqp"

    def __init__(
        self,
        amqp_uri: str,
        *,
        name: str = "step",
        password: str = PASSWORD,
        iv: str = IV,
        output_limit: int | None = None,
    ) -> None:
        """Connect and declare the exchange and queues.

        Args:
            amqp_uri: The broker's address.
            name: Prefix of all names: ``step:input``, ``step:data``, ...
            password: Encrypts the messages, with ``iv``.
            iv: A text of 16 bytes.
            output_limit: Length of an output queue at which the broker refuses further messages.

        Raises:
            BadInput: The broker cannot be reached.
        """
        super().__init__(password=password, iv=iv)
        self.name = name
        self.uri = amqp_uri
        self.exchange = f"{name}:exchange"
        self._output_limit = output_limit
        self._kinds = [*OUTPUTS, "dead"]
        self.connect()
        self.declare()

    def connect(self) -> None:
        """Connect, or connect again after the broker was stopped."""
        try:
            parameters = pika.URLParameters(self.uri)
            parameters.heartbeat = 0
            self._connection = pika.BlockingConnection(parameters)
            self.channel = self._connection.channel()
        except (AMQPError, OSError, ValueError) as error:
            raise BadInput(f"expected the address of a running AMQP broker, found {type(error).__name__}") from None

    def queue(self, kind: str) -> str:
        """Return the queue name for ``input``, ``dead``, a kind of output, or a key from `bind`."""
        return f"{self.name}:{kind}"

    def routing_key(self, kind: str) -> str:
        """Return the routing key for outputs of a kind: data, error, snapshot or rebound."""
        return f"{self.name}:key:{kind}"

    def declare(self) -> None:
        """Declare the exchange and queues; existing ones and their messages stay."""
        channel = self.channel
        channel.exchange_declare(self.exchange, "direct", durable=True)
        dead_letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.queue("dead")}
        channel.queue_declare(self.queue("dead"), durable=True)
        channel.queue_declare(self.queue("input"), durable=True, arguments=dead_letters)
        back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.queue("input")}
        for kind in OUTPUTS:
            arguments: dict[str, Any] = dict(back) if kind == "rebound" else {}
            if self._output_limit is not None and kind != "rebound":
                arguments |= {"x-max-length": self._output_limit, "x-overflow": "reject-publish"}
            channel.queue_declare(self.queue(kind), durable=True, arguments=arguments)
            channel.queue_bind(self.queue(kind), self.exchange, self.routing_key(kind))

    def bind(self, routing_key: str) -> str:
        """Bind a queue to a further routing key, for example of HTTP replies, and return its kind for `take`."""
        self.channel.queue_declare(self.queue(routing_key), durable=True)
        self.channel.queue_bind(self.queue(routing_key), self.exchange, routing_key)
        if routing_key not in self._kinds:
            self._kinds.append(routing_key)
        return routing_key

    def publish(
        self,
        message: Any,
        *,
        headers: Mapping[str, Any] | None = None,
        protocol: int = 1,
        properties: Mapping[str, Any] | None = None,
    ) -> str:
        """Publish a message to the input, as the previous step does, and return its id.

        Args:
            message: A JSON value: ``{"body": {...}}``.
            headers: Override the platform's headers; a value of None removes one.
            protocol: Protocol version of the encoding, 1 or 2.
            properties: Further AMQP properties, named as in pika.
        """
        message_id, body, all_headers = self._encoded(message, headers, protocol)
        self.publish_raw(body, all_headers, properties)
        return message_id

    def publish_raw(
        self, body: bytes, headers: Mapping[str, Any] | None, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Publish bytes to the input as they are, with these headers, or without a header table if None."""
        amqp_properties = pika.BasicProperties(  # type: ignore[no-untyped-call]
            **{"content_type": "application/json", "content_encoding": "utf8", **(properties or {})},
            headers=dict(headers) if headers is not None else None,
        )
        self.channel.basic_publish("", self.queue("input"), body, amqp_properties)

    def take(self, kind: str, count: int = 1, timeout_seconds: float = TAKE_SECONDS) -> list[Received]:
        """Wait for messages of a kind, and return them in order; as `StepTraffic.take`."""
        taken: list[Received] = []
        channel = self._connection.channel()
        channel.basic_qos(prefetch_count=count)
        for method, properties, body in channel.consume(self.queue(kind), inactivity_timeout=timeout_seconds):
            if method is None or properties is None or body is None:
                break
            channel.basic_ack(method.delivery_tag)
            taken.append(Received(body, properties.headers or {}, properties, method.routing_key, self.cipher))
            if len(taken) == count:
                break
        channel.cancel()
        channel.close()
        return self._checked(kind, count, taken)

    def drain(self, kind: str) -> list[Received]:
        """Return all messages that are in a queue now."""
        messages: list[Received] = []
        while True:
            method, properties, body = self.channel.basic_get(self.queue(kind), auto_ack=True)
            if method is None or properties is None or body is None:
                return messages
            messages.append(Received(body, properties.headers or {}, properties, method.routing_key, self.cipher))

    def depth(self, kind: str) -> int:
        """Return the number of messages that are ready in a queue."""
        return int(self.channel.queue_declare(self.queue(kind), passive=True).method.message_count)

    def wait(self, seconds: float) -> None:
        """Serve the connection for some time."""
        self._connection.process_data_events(time_limit=seconds)

    def purge(self) -> None:
        """Empty all queues."""
        for kind in ("input", *self._kinds):
            self.channel.queue_purge(self.queue(kind))

    def delete(self) -> None:
        """Delete the exchange and queues."""
        for kind in ("input", *self._kinds):
            self.channel.queue_delete(self.queue(kind))
        self.channel.exchange_delete(self.exchange)

    def close(self) -> None:
        """Disconnect."""
        if self._connection.is_open:
            self._connection.close()

    def _address(self) -> Mapping[str, object]:
        return {
            "AMQP_URI": self.uri,
            "LISTEN_MESSAGES_ON": self.queue("input"),
            "PUBLISH_MESSAGES_TO": self.exchange,
            **{f"{kind.upper()}_ROUTING_KEY": self.routing_key(kind) for kind in OUTPUTS},
        }
