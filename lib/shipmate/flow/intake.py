"""Takes the messages of a queue in batches, on a thread of its own.

A container answers each message as soon as it can. The coordinator need not: a pause of a few milliseconds lets
messages come together, which then cost one system call to read and one to acknowledge, instead of several for each.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from shipmate.container.amqp.adapter import TurnLoop
from shipmate.container.amqp.connection import Connection, ReconnectPolicy, connection_parameters
from shipmate.container.amqp.consumer import Consumer
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.flow")
_PAUSE_SECONDS: Final = 0.01
_LARGE_BATCH: Final = 32
"""After so many messages at once there is no pause, since the next ones are there already."""
_CLOSE_SECONDS: Final = 2.0


class Intake:
    """A consumer of one queue."""

    def __init__(
        self,
        settings: BrokerSettings,
        take: Callable[[AmqpDelivery], None],
        *,
        on_failed: Callable[[BaseException], None],
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            settings: The address of the broker, its queue, and how often to reconnect.
            take: Takes a message on the thread of the intake; it, or any thread later, calls `settle`.
            on_failed: Called with the error after which no more messages come.
        """
        self._take, self._on_failed = take, on_failed
        self._loop = TurnLoop()
        self._arrived: list[AmqpDelivery] = []
        self._settled: deque[AmqpDelivery] = deque()
        self._consumer = Consumer(settings, self._arrived.append)
        self._consuming = threading.Event()
        self._is_over = False
        self._connection = Connection(
            self._loop,
            connection_parameters(settings.uri, f"{os.uname().nodename}-collect"),
            ReconnectPolicy(settings.reconnect_attempts, settings.reconnect_delay_ms / 1000),
            user=self._consumer,
            on_given_up=self._fail,
        )
        self._thread = threading.Thread(target=self._run, name="shipmate-intake", daemon=True)

    def start(self) -> None:
        """Connect, and return when messages come."""
        self._loop.activate_poller()
        self._consumer.begin(self._consuming.set)
        self._thread.start()
        self._consuming.wait()

    def settle(self, delivery: AmqpDelivery) -> None:
        """Acknowledge a message soon; on any thread."""
        self._settled.append(delivery)
        if threading.current_thread() is not self._thread:
            self._loop.wake()

    def stop(self) -> None:
        """Close the connection, and end the thread."""
        self._is_over = True
        self._loop.wake()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            self._connection.start()
            while not self._is_over:
                self._turn()
            self._connection.close()
            until = time.monotonic() + _CLOSE_SECONDS / 2
            while not self._is_closed and time.monotonic() < until:
                self._loop.turn(may_wait=False)
        except BaseException as error:  # the top of the thread
            _log.critical("internal error in the connection to the broker", exc_info=error)
            self._fail(error)

    def _turn(self) -> None:
        self._loop.turn(may_wait=True)
        count = len(self._arrived)
        for delivery in self._arrived:
            self._take(delivery)
        self._arrived.clear()
        while self._settled:
            self._consumer.settle(self._settled.popleft(), True)
        self._consumer.flush()
        if 0 < count < _LARGE_BATCH:
            time.sleep(_PAUSE_SECONDS)

    @property
    def _is_closed(self) -> bool:
        connection: Any = self._connection.connection
        return connection is None or connection.is_closed

    def _fail(self, error: BaseException) -> None:
        self._on_failed(error)
        self._consuming.set()
