"""The broker as the run mode sees it: deliveries come in, publications go out, from any thread."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from shipmate.amqp.adapter import Loop
from shipmate.amqp.consumer import Consumer
from shipmate.amqp.deliveries import Delivery
from shipmate.amqp.lease import Lease
from shipmate.amqp.link import Link, Persistence, Side, parameters
from shipmate.amqp.publisher import Publication, Publisher, Then
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
        on_delivery: Callable[[Delivery], None],
        on_lost: Callable[[BaseException], None],
    ) -> None:
        """Prepare the connections; nothing is opened yet.

        Args:
            settings: Where to connect and how often to try.
            on_delivery: Called on the I/O thread with each message to process; it must neither wait nor raise.
            on_lost: Called when the broker could not be had any more: the process must end.

        Raises:
            BadSetting: The address is none of a broker.
        """
        # The client library logs every step of a connection; what matters of it is logged here.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._settings = settings
        self._on_lost = on_lost
        self._loop = Loop(self._do)
        self._thread = threading.Thread(target=self._run, name="shipmate-io", daemon=True)
        self._todo: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._is_woken = False
        self._publisher = Publisher(self._loop, settings)
        self._consumer = Consumer(settings, on_delivery)
        self._is_closing = False
        self._lost: BaseException | None = None
        self._is_silent = False
        """Whether the broker has not answered our last word, so that it need not be waited for long."""
        self._closed = threading.Event()
        self._read = self._link("read", self._consumer)
        self._write = self._link("write", self._publisher)

    def connect(self) -> None:
        """Begin to connect."""
        self._thread.start()
        self._submit(self._read.start)
        self._submit(self._write.start)

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

        self._submit(self._publisher.publish, publication, then)
        turn.acquire()
        if outcome[0] is not None:
            raise outcome[0]

    def publish_later(self, publication: Publication, then: Then) -> None:
        """Publish, at the next `flush` at the latest.

        Args:
            publication: The message.
            then: Called on the I/O thread when the broker has confirmed, or when it will not.
        """
        self._todo.append((self._publisher.publish, (publication, then)))

    def flush(self) -> None:
        """Have everything done that was asked for.

        The I/O thread is woken for a message when its worker is done with it: woken before, it could not begin.
        """
        if self._todo and not self._is_woken and threading.get_ident() != self._thread.ident:
            self._is_woken = True
            self._loop.wake()

    def settle(self, delivery: Delivery, *, is_good: bool) -> None:
        """Acknowledge or reject a message, now or when it is delivered again."""
        self._submit(self._consumer.settle, delivery, is_good)

    def leave(self, delivery: Delivery) -> None:
        """Do neither: the broker will deliver the message again, to whoever consumes then."""
        self._submit(self._consumer.leave, delivery)

    def is_stale(self, delivery: Delivery) -> bool:
        """Tell whether nobody need begin with this message, because it comes again."""
        # Read without the I/O thread: at worst a message is begun that is delivered again, and then adopted.
        return self._consumer.is_stale(delivery)

    def leave_stale(self, delivery: Delivery) -> None:
        """Leave a message that comes again; if it has come meanwhile, ``on_delivery`` is told of it once more."""
        self._submit(self._consumer.leave_stale, delivery)

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something done on the I/O thread after some seconds; only that thread may ask for it."""
        self._loop.call_later(seconds, action)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep other containers out meanwhile, as far as the broker lets us."""
        lease = Lease(self._loop, f"shipmate.{name}", lambda: self._read.connection)
        self._submit(lease.begin)
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
        """Whether the I/O thread runs: without it nothing is confirmed any more."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Close both connections, in order if the broker answers in time."""
        if not self.is_alive:
            return
        self._submit(self._close)
        self._closed.wait(_CLOSE_SILENT_SECONDS if self._is_silent else _CLOSE_SECONDS)
        self._loop.add_callback_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)

    def _link(self, name: str, side: Side) -> Link:
        settings = self._settings
        return Link(
            self._loop,
            parameters(settings.uri, f"{os.uname().nodename}-{name}"),
            Persistence(settings.reconnect_attempts, max(0, settings.reconnect_delay_ms) / 1000),
            side=side,
            on_given_up=self._give_up,
        )

    def _run(self) -> None:
        try:
            self._loop.start()
        except BaseException as error:  # the top of the thread; a process without it would live on idle
            _log.critical("the I/O thread failed", exc_info=error)
            self._give_up(error)

    def _submit(self, action: Callable[..., object], *args: Any) -> None:
        """Have something done on the I/O thread; it is woken once for all that has come together meanwhile."""
        self._todo.append((action, args))
        self.flush()

    def _do(self) -> None:
        self._is_woken = False
        if not self._todo:
            return
        connections = [each for link in (self._read, self._write) if (each := link.open_connection) is not None]
        for connection in connections:
            connection.hold()
        try:
            while self._todo:
                action, args = self._todo.popleft()
                action(*args)
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
        self._read.close()
        self._write.close()
        self._watch_closing()

    def _watch_closing(self) -> None:
        connections = [link.connection for link in (self._read, self._write)]
        if all(one is None or one.is_closed for one in connections):
            self._closed.set()
        else:
            self._loop.call_later(0.005, self._watch_closing)
