"""The exchange and queues of one run of a flow at a broker."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shipmate.container.amqp.connection import connection_parameters
from shipmate.errors import BadInput, BadSetting, TransientError
from shipmate.flow.broker_problems import connection_problem, refusal_advice
from shipmate.flow.pass_through import BrokerAddress
from shipmate.flow.topology import DEAD, REPLY, Topology

_EXPIRES_MS: Final = 3_600_000
"""A broker deletes queues that nobody uses for an hour, should no later run delete them."""
_PORTS: Final[Mapping[str, int]] = {"amqp": 5672, "amqps": 5671}
_OWN_OPTIONS: Final = frozenset({"ssl_options"})


class BrokerUnreachable(TransientError):
    """The broker does not answer."""

    code = "broker_unreachable"


class BrokerRefuses(BrokerUnreachable):
    """The user of the broker may not declare or delete an exchange or a queue."""


class FlowQueues:
    """The exchange and queues of a run; for one thread."""

    def __init__(self, amqp_uri: str, topology: Topology, *, origin: str | None = None) -> None:
        """Name the broker; `connect` connects.

        Args:
            amqp_uri: The address of the broker.
            topology: The queues.
            origin: The option or the variable with the address, None for a private broker.

        Raises:
            BadInput: The address is not one of a broker.
        """
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each step of a connection
        self.uri = amqp_uri
        self.topology = topology
        self._origin = origin
        try:
            self._parameters = connection_parameters(amqp_uri, "shipmate-flow")
        except BadSetting:
            problem = "expected the address of a broker, such as amqp://127.0.0.1:5672/, found other text"
            raise BadInput(f"{problem}: {origin}") from None
        self._parameters.heartbeat = 0
        self._connection: pika.BlockingConnection | None = None
        self._channel: Any = None

    def connect(self) -> None:
        """Connect.

        Raises:
            BrokerUnreachable: The broker does not accept the connection.
        """
        self.close()
        try:
            self._connection = pika.BlockingConnection(self._parameters)
            self._channel = self._connection.channel()
        except (AMQPError, OSError) as error:
            problem = connection_problem(error, self._origin)
            raise BrokerUnreachable(f"cannot connect to the broker at {place_of(self.uri)}: {problem}") from None

    def declare(self) -> None:
        """Declare the exchange and queues."""
        with self._talking() as channel:
            topology = self.topology
            channel.exchange_declare(topology.exchange, "topic", durable=True, auto_delete=True)
            channel.queue_declare(topology.collected, durable=True, arguments={"x-expires": _EXPIRES_MS})
            for station in topology.stations:
                arguments = {
                    "x-expires": _EXPIRES_MS,
                    "x-dead-letter-exchange": topology.exchange,
                    "x-dead-letter-routing-key": station.key(DEAD),
                }
                channel.queue_declare(topology.queue(station), durable=True, arguments=arguments)
            for key, queue in dict.fromkeys(topology.bindings()):
                channel.queue_bind(queue, topology.exchange, key)
            channel.queue_bind(topology.collected, topology.exchange, f"{REPLY}.*")

    def depths(self) -> Mapping[str, int]:
        """Return the number of messages that are ready, by queue.

        Raises:
            BrokerUnreachable: The connection is lost; `connect` connects again.
        """
        with self._talking() as channel:
            return {
                queue: channel.queue_declare(queue, passive=True).method.message_count for queue in self.topology.queues
            }

    def delete(self) -> None:
        """Delete the queues, and with the last one the exchange."""
        self.delete_names(self.topology.exchange, self.topology.queues)

    def delete_names(self, exchange: str, queues: Iterable[str]) -> None:
        """Delete queues and their exchange, those of another run for example; what does not exist is no error."""
        with self._talking() as channel:
            for queue in queues:
                channel.queue_delete(queue)
            channel.exchange_delete(exchange)

    def close(self) -> None:
        """Disconnect; may be called again."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            with contextlib.suppress(AMQPError, OSError):
                connection.close()

    @contextmanager
    def _talking(self) -> Iterator[Any]:
        try:
            yield self._channel
        except (AMQPError, OSError) as error:
            if isinstance(error, ChannelClosedByBroker):
                advice = refusal_advice(self._origin)
                problem = f"the broker at {place_of(self.uri)} refuses: {error.reply_text}{advice}"
                raise BrokerRefuses(problem) from None
            raise BrokerUnreachable(f"the connection to the broker at {place_of(self.uri)} is lost") from None


def broker_address(uri: str) -> BrokerAddress:
    """Return where a broker listens; for ``amqps`` with the certificates that connections of the runtime trust."""
    parts = urlsplit(uri)
    options = connection_parameters(uri, "shipmate-flow").ssl_options
    return BrokerAddress(
        parts.hostname or "localhost", parts.port or _PORTS[parts.scheme], options.context if options else None
    )


def through(uri: str, port: int) -> str:
    """Return the address of a broker behind a pass-through on this machine.

    >>> through("amqps://user:word@broker.example/v?heartbeat=10", 4000)
    'amqp://user:word@127.0.0.1:4000/v?heartbeat=10'
    """
    parts = urlsplit(uri)
    user, at, _ = parts.netloc.rpartition("@")
    query = urlencode([each for each in parse_qsl(parts.query) if each[0] not in _OWN_OPTIONS])
    return urlunsplit(parts._replace(scheme="amqp", netloc=f"{user}{at}127.0.0.1:{port}", query=query))


def place_of(uri: str) -> str:
    """Return the address of a broker without user and password, for messages.

    >>> place_of("amqp://user:word@broker.example:5672/v")
    'amqp://broker.example:5672/v'
    """
    parts = urlsplit(uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{quote(parts.path)}"
