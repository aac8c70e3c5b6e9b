"""Gets a copy of everything that is published in a run, on a connection and a thread of its own."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import pika
from pika.exceptions import AMQPError

from shipmate.container.amqp.connection import connection_parameters

_log: Final = logging.getLogger("shipmate.flow")
_PREFETCH: Final = 200
_IDLE_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 10.0

Take = Callable[[str, Mapping[str, Any], bytes], None]
"""Takes the routing key, the headers and the body of a publication."""


class Tap:
    """A consumer of an exclusive queue that the exchange fills with all messages.

    The broker deletes the queue with the connection, so that it outlives no run. If the connection is lost, the
    publications until the next one are missing.
    """

    def __init__(self, amqp_uri: str, exchange: str, take: Take) -> None:
        """Prepare; nothing is opened yet.

        Args:
            amqp_uri: The broker's address.
            exchange: The name of the run's exchange.
            take: Takes each publication, on the thread of the tap.
        """
        self._parameters = connection_parameters(amqp_uri, "shipmate-flow-trace")
        self._exchange, self._take = exchange, take
        self._end = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipmate-trace", daemon=True)

    def start(self) -> None:
        """Start the thread, and wait until the queue exists."""
        self._thread.start()
        self._ready.wait(_STOP_SECONDS)

    def stop(self) -> None:
        """Take what is left in the queue, and end."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._consume()
            except (AMQPError, OSError) as error:
                if self._end.is_set():
                    return
                _log.warning(
                    "the trace has a gap, since its connection to the broker is lost: %s", type(error).__name__
                )
                self._end.wait(_PAUSE_SECONDS)

    def _consume(self) -> None:
        connection = pika.BlockingConnection(self._parameters)
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, self._exchange, "#")
            self._ready.set()
            for method, properties, body in channel.consume(queue, inactivity_timeout=_IDLE_SECONDS):
                if method is not None:
                    self._take(method.routing_key, (properties and properties.headers) or {}, body or b"")
                    channel.basic_ack(method.delivery_tag)
                elif self._end.is_set() and not channel.queue_declare(queue, passive=True).method.message_count:
                    return
        finally:
            if connection.is_open:
                connection.close()
