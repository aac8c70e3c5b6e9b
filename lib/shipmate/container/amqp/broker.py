"""The transport over AMQP: delivers messages on many threads, and publishes from any thread.

One thread at a time does all I/O: the leader of the workers. It is called "the I/O thread" below.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from shipmate.container.amqp.adapter import TurnLoop, check_pika_version
from shipmate.container.amqp.connection import ChannelUser, Connection, ReconnectPolicy, connection_parameters
from shipmate.container.amqp.consumer import Consumer
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.error_copies import publish_error_copy
from shipmate.container.amqp.lease import Lease, Lock, Patience
from shipmate.container.amqp.publisher import Publisher, RoutedPublication, Then
from shipmate.container.amqp.routing import Routing
from shipmate.container.threads.inflight import InFlight
from shipmate.container.threads.workers import Workers
from shipmate.container.throttle import Throttle
from shipmate.container.transport import Delivery, Publication
from shipmate.errors import BrokerLost, EmitUnconfirmed
from shipmate.settings import BrokerSettings, RateSettings

_log: Final = logging.getLogger("shipmate.amqp")
_CLOSE_SECONDS: Final = 0.3
_CLOSE_SILENT_SECONDS: Final = 0.1


class Broker:
    """Two connections to the broker: one to consume and acknowledge, one to publish.

    A broker that is short of memory blocks the second one, and still takes acknowledgements on the first.
    """

    secrets: tuple[str, ...] = ()
    error_limit_bytes: int | None = None
    more_events: tuple[str, ...] = ()

    def __init__(
        self,
        settings: BrokerSettings,
        rates: RateSettings,
        *,
        on_lost: Callable[[BaseException], None],
        on_settled: Callable[[Delivery, bool], None] | None = None,
        size_limit_bytes: int | None = None,
    ) -> None:
        """Prepare the connections; nothing is opened yet.

        Args:
            settings: The address of the broker, its queue and exchange, and how often to retry.
            rates: How many events of a kind may start in each interval.
            on_lost: Called when the broker cannot be reached any more: the process must end.
            on_settled: Called with each delivery that is settled, and whether it is a success.
            size_limit_bytes: The limit of the encoded body of a message or a reply, None for none.

        Raises:
            BadSetting: The address is not a valid AMQP address.
            OperatorError: The installed version of pika is not supported.
        """
        check_pika_version()
        # pika logs every step of a connection; the important ones are logged here.
        if (pika := logging.getLogger("pika")).level == logging.NOTSET:
            pika.setLevel(logging.CRITICAL)
        self._settings = settings
        self._routing = Routing(settings, size_limit_bytes)
        self._throttles = {
            "data": Throttle(rates.data, rates.interval_ms),
            "error": Throttle(rates.error, rates.interval_ms),
            "snapshot": Throttle(rates.snapshot, rates.interval_ms),
        }
        self._work: Callable[[Delivery], None] = lambda _: None  # until `consume`
        self._on_lost = on_lost
        self._on_settled = on_settled
        self._loop = TurnLoop()
        self._workers: Workers[AmqpDelivery] = Workers(
            settings.prefetch, self._process, self._turn, wake=self._wake, on_failure=self._fail
        )
        self._in_flight = InFlight()
        self._patience = Patience(time.monotonic)
        self._locks: dict[str, int] = {}
        self._todo: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._is_woken = False
        self._is_answered = False
        """True if a publication was confirmed or failed in this turn, so that its caller need not wait any longer."""
        self._publisher = Publisher(self._loop, settings)
        self._consumer = Consumer(settings, self._delivered)
        self._is_closing = self._is_over = False
        self._lost: BaseException | None = None
        self._is_silent = False
        """True after `cancel` timed out: `close` then waits only briefly."""
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
            BrokerLost: The broker has not accepted them in as many attempts as are allowed.
        """
        for link in (self._read, self._write):
            link.opened.wait()
            if self._lost is not None:
                raise self._lost

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        """Begin to consume.

        Args:
            work: Processes a message, and must call `settle` or `leave` for it, now or later; called on as many
                threads as messages are prefetched.
            on_consuming: Called on the I/O thread when the broker has accepted the consumer; else ``on_lost`` is.
        """
        self._work = work
        self._submit(self._consumer.begin, on_consuming)

    def publish(self, publication: Publication) -> None:
        """Publish when the rate limit of the event allows it, and return when the broker has confirmed.

        Raises:
            EmitUnconfirmed: The broker has not confirmed in as many attempts as are allowed.
            EmitError: It is too large, or a reply has no caller who waits for it.
            ReboundLimitReached: The message has been sent back too often.
        """
        routed = self._routing.route(publication)
        publish_error_copy(self._routing, publication, self._publish)  # the caller does not wait for the rate limit
        self._wait_for_rate(publication.event)
        self._publish(routed)

    def publish_later(self, publication: Publication, then: Then) -> None:
        """Publish without waiting for the confirm: when the worker has done its message, on other threads at `flush`.

        Args:
            publication: A data event, or the error of a process that could not start.
            then: Called on the I/O thread, with None when the broker has confirmed, else with the error.

        Raises:
            EmitError: It is too large; ``then`` is not called.
        """
        routed = self._routing.route(publication)
        self._wait_for_rate(publication.event)
        self._todo.append((self._publisher.publish, (routed, then)))

    def flush(self) -> None:
        """Wake the I/O thread if there is something to do for it."""
        if self._todo and not self._workers.is_led_here:
            self._wake()

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Acknowledge or reject a message, now or when it is redelivered."""
        self._submit(self._consumer.settle, delivery, is_success)
        self._in_flight.end()
        if self._on_settled is not None:
            self._on_settled(delivery, is_success)

    def leave(self, delivery: Delivery) -> None:
        """Neither acknowledge nor reject a message: the broker redelivers it, to any consumer of the queue."""
        self._submit(self._consumer.leave, delivery)
        self._in_flight.end()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every message is settled or left; return False if the time is up before."""
        return self._in_flight.wait_for_none(timeout_seconds)

    def lock(self, name: str) -> Lock:
        """Return a lock that other containers respect, for one refresh.

        It is entered until it is free. The attempts end after 60 s, or after 1 s in the five minutes after a wait in
        vain; the work then begins without the lock, and at once if the broker has no locks.
        """

        def begin() -> Lease:
            self._lock_connection()  # without it, perhaps no thread does I/O any more
            lease = Lease(self._loop, queue, self._lock_connection, self._locks)
            self._todo.append((lease.begin, ()))
            self._workers.let_lead()
            return lease

        queue = f"shipmate.{name}"
        return Lock(queue, self._patience, begin=begin, end=lambda lease: self._submit(lease.end))

    def cancel(self) -> None:
        """Stop consuming; return when the broker has agreed, has gone, or does not answer in time."""
        self._submit(self._consumer.stop)
        self._is_silent = not self._consumer.stopped.wait(_CLOSE_SECONDS)

    def hurry(self) -> None:
        """Retry failed publications at once, and after short pauses from now on, because the process is stopping."""
        self._submit(self._publisher.hurry)

    def stop_retrying(self) -> None:
        """Fail publications at their first failed attempt from now on, and end the waits for locks."""
        self._patience.end()
        self._submit(self._publisher.stop_retrying)

    def abandon(self, seconds: float) -> None:
        """Fail all publications if the broker has confirmed nothing for ``seconds``, or longer if it is slow."""
        self._submit(self._publisher.abandon, seconds)

    @property
    def is_alive(self) -> bool:
        """True while the I/O thread runs; without it, no publication can be confirmed."""
        return not self._ended.is_set()

    @property
    def obstacle(self) -> str | None:
        """The reason why no messages can arrive: a lost connection, or a subscription that is not accepted."""
        for link, purpose in ((self._read, "consuming"), (self._write, "publishing")):
            if not link.is_ready:
                return f"no connection to the broker for {purpose}"
        return None if self._consumer.is_subscribed else "the broker has not accepted the subscription"

    def ping(self, answer: Callable[[], None]) -> None:
        """Let the I/O thread call ``answer`` in its next turn."""
        self._submit(answer)

    def close(self) -> None:
        """Close both connections; if the broker does not answer in time, drop them."""
        if not self.is_alive:
            return
        self._submit(self._close)
        self._closed.wait(_CLOSE_SILENT_SECONDS if self._is_silent else _CLOSE_SECONDS)
        self._is_over = True
        self._loop.wake()
        self._ended.wait(_CLOSE_SECONDS)

    def _lock_connection(self) -> Any:
        """Return the connection that owns the locks of the process, None while there is none.

        Raises:
            BrokerLost: There will be none.
        """
        if self._lost is not None:
            raise BrokerLost(str(self._lost)) from self._lost
        return self._read.connection

    def _wait_for_rate(self, event: str) -> None:
        """Wait until the rate limit of an event allows it; some events have none. Source: contract §6."""
        if (throttle := self._throttles.get(event)) is not None:
            throttle.wait(event)

    def _publish(self, routed: RoutedPublication) -> None:
        outcome: list[EmitUnconfirmed | None] = []
        turn = threading.Lock()
        turn.acquire()

        def then(error: EmitUnconfirmed | None) -> None:
            outcome.append(error)
            self._is_answered = True
            turn.release()

        self._todo.append((self._publisher.publish, (routed, then)))
        self._workers.wait(lambda: bool(outcome), turn.acquire)
        if outcome[0] is not None:
            raise outcome[0]

    def _link(self, name: str, user: ChannelUser) -> Connection:
        settings = self._settings
        return Connection(
            self._loop,
            connection_parameters(settings.uri, f"{os.uname().nodename}-{name}"),
            ReconnectPolicy(settings.reconnect_attempts, max(0, settings.reconnect_delay_ms) / 1000),
            user=user,
            on_given_up=self._give_up,
            name=name,
        )

    def _wake(self) -> None:
        """Interrupt the I/O thread's wait, once for all actions that have been added since."""
        if not self._is_woken:
            self._is_woken = True
            self._loop.wake()

    def _turn(self, may_wait: bool) -> bool:
        """Run the actions and do the I/O that is due; return whether there will be more."""
        self._is_answered = False
        self._do()
        # The caller of `publish` may be this very thread; it must not wait for a frame if its publication is over.
        self._loop.turn(may_wait=may_wait and not self._is_answered)
        self._do()
        if self._is_over:
            self._ended.set()
        return not self._is_over

    def _fail(self, error: BaseException) -> None:
        """Give up after an internal error: the process ends, since it could not settle its messages."""
        _log.critical("internal error in the connection to the broker", exc_info=error)
        self._ended.set()
        self._give_up(error)

    def _delivered(self, delivery: AmqpDelivery) -> None:
        self._in_flight.begin()
        self._workers.submit(delivery)

    def _process(self, delivery: AmqpDelivery) -> None:
        """Process a message, unless its channel was lost before: then it is redelivered."""
        # Not on the I/O thread: at worst, a message is processed whose redelivery is then adopted.
        if self._consumer.is_stale(delivery):
            self._submit(self._leave_stale, delivery)
        else:
            self._work(delivery)
            self.flush()

    def _leave_stale(self, delivery: AmqpDelivery) -> None:
        if self._consumer.forget_stale(delivery):
            self._in_flight.end()
        else:
            self._workers.submit(delivery)  # adopted since the worker's check: it is delivered here and nowhere else

    def _submit(self, action: Callable[..., object], *args: Any) -> None:
        """Call something on the I/O thread."""
        self._todo.append((action, args))
        self.flush()

    def _do(self) -> None:
        """Run the actions, and send all frames that they make together."""
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
