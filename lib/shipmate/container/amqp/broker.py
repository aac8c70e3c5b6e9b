"""The broker as the run mode sees it: deliveries come in on many threads, publications go out from any.

All I/O happens on the thread that leads the workers at the moment, "the I/O thread" below.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from shipmate.container.amqp.adapter import TurnLoop, check_pika_version
from shipmate.container.amqp.consumer import Consumer
from shipmate.container.amqp.deliveries import Delivery
from shipmate.container.amqp.inflight import InFlight
from shipmate.container.amqp.lease import Lease
from shipmate.container.amqp.link import ChannelUser, Connection, ReconnectPolicy, connection_parameters
from shipmate.container.amqp.publisher import Publication, Publisher, Then
from shipmate.container.amqp.workers import Workers
from shipmate.errors import EmitUnconfirmed
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.amqp")
_CLOSE_SECONDS: Final = 0.3
_CLOSE_SILENT_SECONDS: Final = 0.1
_LEASE_SECONDS: Final = 60.0


class Broker:
    """Two connections, one to read and one to write, so that a broker short of memory still takes acknowledgements."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        work: Callable[[Delivery], None],
        on_lost: Callable[[BaseException], None],
    ) -> None:
        """Prepare the connections; nothing is opened yet.

        Args:
            settings: Where to connect and how often to try.
            work: Processes a message, which it must `settle` or `leave`, now or later; called on as many threads as
                messages are prefetched.
            on_lost: Called when the broker could not be had any more: the process must end.

        Raises:
            BadSetting: The address is none of a broker.
            OperatorError: The installed version of pika is not supported.
        """
        check_pika_version()
        # The client library logs every step of a connection; what matters of it is logged here.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._settings = settings
        self._work = work
        self._on_lost = on_lost
        self._loop = TurnLoop()
        self._workers: Workers[Delivery] = Workers(
            settings.prefetch, self._process, self._turn, wake=self._wake, on_failure=self._fail
        )
        self._in_flight = InFlight()
        self._todo: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._is_woken = False
        self._publisher = Publisher(self._loop, settings)
        self._consumer = Consumer(settings, self._delivered)
        self._is_closing = self._is_over = False
        self._lost: BaseException | None = None
        self._is_silent = False
        """Whether the broker has not answered our last word, so that it need not be waited for long."""
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._read = self._link("read", self._consumer)
        self._write = self._link("write", self._publisher)

    def connect(self) -> None:
        """Begin to connect."""
        self._loop.activate_poller()
        self._todo += [(self._read.start, ()), (self._write.start, ())]
        self._workers.start()

    def wait_until_open(self) -> None:
        """Return when both connections can be used.

        Raises:
            BrokerLost: They could not be had.
        """
        for link in (self._read, self._write):
            link.opened.wait()
            if self._lost is not None:
                raise self._lost

    def consume(self, then: Callable[[], None]) -> None:
        """Begin to consume; ``then`` is called on the I/O thread when the broker has agreed, else ``on_lost`` is."""
        self._submit(self._consumer.begin, then)

    def publish(self, publication: Publication) -> None:
        """Publish, and return when the broker has confirmed.

        Raises:
            EmitUnconfirmed: It has not, in as many attempts as are allowed.
        """
        outcome: list[EmitUnconfirmed | None] = []
        turn = threading.Lock()
        turn.acquire()

        def then(error: EmitUnconfirmed | None) -> None:
            outcome.append(error)
            turn.release()

        self.publish_later(publication, then)
        self._workers.wait(lambda: bool(outcome), turn.acquire)
        if outcome[0] is not None:
            raise outcome[0]

    def publish_later(self, publication: Publication, then: Then) -> None:
        """Publish, on a worker's thread when it is done with its message, on others at the next `flush`.

        Args:
            publication: The message.
            then: Called on the I/O thread when the broker has confirmed, or when it will not.
        """
        self._todo.append((self._publisher.publish, (publication, then)))

    def flush(self) -> None:
        """Have everything done that was asked for."""
        if self._todo and not self._workers.is_led_here:
            self._wake()

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Acknowledge or reject a message, now or when it is delivered again."""
        self._submit(self._consumer.settle, delivery, is_success)
        self._in_flight.end()

    def leave(self, delivery: Delivery) -> None:
        """Do neither: the broker will deliver the message again, to whoever consumes then."""
        self._submit(self._consumer.leave, delivery)
        self._in_flight.end()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every message is settled or left; tell whether that is so."""
        return self._in_flight.wait_for_none(timeout_seconds)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep other containers out meanwhile, as far as the broker lets us."""
        lease = Lease(self._loop, f"shipmate.{name}", lambda: self._read.connection)
        self._todo.append((lease.begin, ()))
        self._workers.let_lead()
        lease.wait(_LEASE_SECONDS)
        try:
            yield
        finally:
            self._submit(lease.end)

    def cancel(self) -> None:
        """Stop consuming, and return when the broker has agreed, or cannot any more."""
        self._submit(self._consumer.stop)
        self._is_silent = not self._consumer.stopped.wait(_CLOSE_SECONDS)

    def stop_retrying(self) -> None:
        """Let publications that the broker does not take fail, because the process is stopping."""
        self._submit(self._publisher.stop_retrying)

    def abandon(self, seconds: float) -> None:
        """Let all publications fail if the broker has confirmed nothing for that long."""
        self._submit(self._publisher.abandon, seconds)

    @property
    def is_alive(self) -> bool:
        """Whether there is I/O: without it nothing is confirmed any more."""
        return not self._ended.is_set()

    def close(self) -> None:
        """Close both connections, in order if the broker answers in time."""
        if not self.is_alive:
            return
        self._submit(self._close)
        self._closed.wait(_CLOSE_SILENT_SECONDS if self._is_silent else _CLOSE_SECONDS)
        self._is_over = True
        self._loop.wake()
        self._ended.wait(_CLOSE_SECONDS)

    def _link(self, name: str, user: ChannelUser) -> Connection:
        settings = self._settings
        return Connection(
            self._loop,
            connection_parameters(settings.uri, f"{os.uname().nodename}-{name}"),
            ReconnectPolicy(settings.reconnect_attempts, max(0, settings.reconnect_delay_ms) / 1000),
            user=user,
            on_given_up=self._give_up,
        )

    def _wake(self) -> None:
        """End the wait for I/O, once for all that has come together meanwhile."""
        if not self._is_woken:
            self._is_woken = True
            self._loop.wake()

    def _turn(self, may_wait: bool) -> bool:
        """Do what was asked for and what there is of I/O; tell whether it goes on."""
        self._do()
        self._loop.turn(may_wait=may_wait)
        self._do()
        if self._is_over:
            self._ended.set()
        return not self._is_over

    def _fail(self, error: BaseException) -> None:
        """End what a process without I/O, or with a message that is never settled, would only pretend to do."""
        _log.critical("the work with the broker failed", exc_info=error)
        self._ended.set()
        self._give_up(error)

    def _delivered(self, delivery: Delivery) -> None:
        self._in_flight.begin()
        self._workers.submit(delivery)

    def _process(self, delivery: Delivery) -> None:
        """Process a message, unless it comes again: then nobody need begin with it."""
        # Asked without the I/O thread: at worst a message is begun that is delivered again, and then adopted.
        if self._consumer.is_stale(delivery):
            self._submit(self._leave_stale, delivery)
        else:
            self._work(delivery)
            self.flush()

    def _leave_stale(self, delivery: Delivery) -> None:
        if self._consumer.forget_stale(delivery):
            self._in_flight.end()
        else:
            self._workers.submit(delivery)  # it was adopted after its worker had looked: nobody else has it

    def _submit(self, action: Callable[..., object], *args: Any) -> None:
        """Have something done on the I/O thread."""
        self._todo.append((action, args))
        self.flush()

    def _do(self) -> None:
        """Do what was asked for, and send what comes of it at once."""
        self._is_woken = False
        connections = [each for link in (self._read, self._write) if (each := link.open_connection) is not None]
        for connection in connections:
            connection.hold()
        try:
            while self._todo:
                action, args = self._todo.popleft()
                action(*args)
            self._consumer.flush()
        finally:
            for connection in connections:
                connection.release()

    def _give_up(self, error: BaseException) -> None:
        if self._is_closing:
            return
        self._lost = self._lost or error
        for link in (self._read, self._write):
            link.opened.set()
        self._consumer.stopped.set()
        self._on_lost(error)

    def _close(self) -> None:
        self._is_closing = True
        self._consumer.flush()
        self._read.close()
        self._write.close()
        self._watch_closing()

    def _watch_closing(self) -> None:
        connections = [link.connection for link in (self._read, self._write)]
        if all(one is None or one.is_closed for one in connections):
            self._closed.set()
        else:
            self._loop.call_later(0.005, self._watch_closing)
