"""A transport that does everything on one thread: I/O, and the messages of one step, one after the other.

The runtime's own transport gives functions that wait threads of their own. Mappings only compute, and all steps inside
the coordinator share one interpreter: there more threads only disturb each other.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from shipmate.container.amqp.adapter import TurnLoop
from shipmate.container.amqp.connection import ChannelUser, Connection, ReconnectPolicy, connection_parameters
from shipmate.container.amqp.consumer import Consumer
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.error_copies import publish_error_copy
from shipmate.container.amqp.publisher import Publisher, RoutedPublication, Then
from shipmate.container.amqp.routing import Routing
from shipmate.container.transport import Delivery, Publication
from shipmate.errors import EmitUnconfirmed
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.flow")
_CLOSE_SECONDS: Final = 2.0
_FEWEST_FOR_A_PAUSE: Final = 8
_LONGEST_PAUSE_SECONDS: Final = 0.01
_MOST_PER_SECOND: Final = 2000
"""The messages per second that a step can still process with its pauses."""
_MOST_AT_ONCE: Final = 16
"""After so many messages I/O is done, which sends their results together."""


class InlineBroker:
    """Two connections to the broker and one thread."""

    lock = None

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        on_lost: Callable[[BaseException], None],
        on_settled: Callable[[Delivery, bool], None],
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            settings: The address of the broker, its queue and exchange, and how often to retry.
            on_lost: Called with the error after which no more messages come.
            on_settled: Called with each delivery that is settled, and whether it is a success.
        """
        self._settings = settings
        self._on_lost, self._on_settled = on_lost, on_settled
        self._work: Callable[[Delivery], None] = lambda _: None
        self._loop = TurnLoop()
        self._routing = Routing(settings)
        self._arrived: deque[AmqpDelivery] = deque()
        self._todo: deque[Callable[[], object]] = deque()
        self._consumer = Consumer(settings, self._arrived.append)
        self._publisher = Publisher(self._loop, settings)
        self._read = self._link("read", self._consumer)
        self._write = self._link("write", self._publisher)
        self._pause_seconds = _pause_seconds(settings.prefetch)
        self._is_over = False
        self._lost: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="shipmate-local-step", daemon=True)

    @property
    def is_alive(self) -> bool:
        """True while publications can still be confirmed."""
        return self._thread.is_alive()

    def start(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        """Connect, and process messages with ``work``.

        Raises:
            BrokerLost, BrokerRefused: The broker is not there, or refuses the queue or the exchange.
        """
        self._work = work
        self._loop.activate_poller()
        self._consumer.begin(on_consuming)
        self._thread.start()
        for link in (self._read, self._write):
            link.opened.wait()
        if self._lost is not None:
            raise self._lost

    def publish(self, publication: Publication) -> None:
        """Publish, and return when the broker has confirmed.

        Raises:
            EmitUnconfirmed: The broker has not confirmed in as many attempts as are allowed.
            EmitError: A reply has no caller who waits for it.
            ReboundLimitReached: The message has been sent back too often.
        """
        routed = self._routing.route(publication)
        publish_error_copy(self._routing, publication, self._publish)
        self._publish(routed)

    def publish_later(self, publication: Publication, then: Then) -> None:
        """Publish without waiting; ``then`` is called on the thread of this broker."""
        self._send(self._routing.route(publication), then)

    def flush(self) -> None:
        """Send the publications of `publish_later` now."""
        self._loop.wake()

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Acknowledge or reject a message."""
        assert isinstance(delivery, AmqpDelivery)  # noqa: S101
        self._submit(lambda: self._consumer.settle(delivery, is_success))
        self._on_settled(delivery, is_success)

    def leave(self, delivery: Delivery) -> None:
        """Neither acknowledge nor reject a message: the broker redelivers it."""
        assert isinstance(delivery, AmqpDelivery)  # noqa: S101
        self._submit(lambda: self._consumer.leave(delivery))

    def stop(self) -> None:
        """Close the connections, and end the thread."""
        self._is_over = True
        self._loop.wake()
        if self._thread.is_alive():
            self._thread.join(2 * _CLOSE_SECONDS)

    @property
    def _is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _link(self, name: str, user: ChannelUser) -> Connection:
        settings = self._settings
        return Connection(
            self._loop,
            connection_parameters(settings.uri, f"{os.uname().nodename}-{name}"),
            ReconnectPolicy(settings.reconnect_attempts, settings.reconnect_delay_ms / 1000),
            user=user,
            on_given_up=self._fail,
        )

    def _publish(self, routed: RoutedPublication) -> None:
        outcome: list[EmitUnconfirmed | None] = []
        done = threading.Event()

        def then(error: EmitUnconfirmed | None) -> None:
            outcome.append(error)
            done.set()

        self._send(routed, then)
        if self._is_here:
            self._release()
            while not outcome and not self._is_over:
                self._loop.turn(may_wait=True)
                self._do()
            self._hold()
        else:
            done.wait()
        if outcome and outcome[0] is not None:
            raise outcome[0]

    def _send(self, routed: RoutedPublication, then: Then) -> None:
        self._submit(lambda: self._publisher.publish(routed, then))

    def _submit(self, action: Callable[[], object]) -> None:
        """Do something on the thread of this broker, at once if this is it."""
        if self._is_here:
            action()
        else:
            self._todo.append(action)
            self._loop.wake()

    def _run(self) -> None:
        try:
            self._read.start()
            self._write.start()
            while not self._is_over:
                self._loop.turn(may_wait=not self._arrived)
                is_small = 0 < len(self._arrived) < self._settings.prefetch // 2
                with self._held():
                    self._do()
                    self._process()
                    self._consumer.flush()
                if is_small and self._pause_seconds:
                    time.sleep(self._pause_seconds)
            self._close()
        except BaseException as error:  # the top of the thread
            _log.critical("internal error in the connection to the broker", exc_info=error)
            self._fail(error)

    def _do(self) -> None:
        while self._todo:
            self._todo.popleft()()

    def _process(self) -> None:
        for _ in range(min(len(self._arrived), _MOST_AT_ONCE)):
            delivery = self._arrived.popleft()
            if not (self._consumer.is_stale(delivery) and self._consumer.forget_stale(delivery)):
                self._work(delivery)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Send all frames of a block together."""
        self._hold()
        try:
            yield
        finally:
            self._release()

    def _hold(self) -> None:
        for link in (self._read, self._write):
            if (connection := link.open_connection) is not None:
                connection.hold()

    def _release(self) -> None:
        for link in (self._read, self._write):
            if (connection := link.open_connection) is not None:
                connection.release()

    def _close(self) -> None:
        self._publisher.stop_retrying()
        self._consumer.flush()
        self._read.close()
        self._write.close()
        ends = threading.Event()
        self._loop.call_later(_CLOSE_SECONDS, ends.set)
        while not ends.is_set() and not all(map(_is_closed, (self._read, self._write))):
            self._loop.turn(may_wait=True)

    def _fail(self, error: BaseException) -> None:
        self._lost = self._lost or error
        for link in (self._read, self._write):
            link.opened.set()
        self._on_lost(error)


def _pause_seconds(prefetch: int) -> float:
    """Return the pause after a small batch, in which the next messages come together; 0 if it would slow the flow.

    >>> [_pause_seconds(prefetch) for prefetch in (1, 7, 8, 20, 100)]
    [0.0, 0.0, 0.004, 0.01, 0.01]
    """
    return min(_LONGEST_PAUSE_SECONDS, prefetch / _MOST_PER_SECOND) if prefetch >= _FEWEST_FOR_A_PAUSE else 0.0


def _is_closed(link: Connection) -> bool:
    connection: Any = link.connection
    return connection is None or connection.is_closed
