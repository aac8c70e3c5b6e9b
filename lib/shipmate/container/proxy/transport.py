"""The transport over the sailor proxy: takes messages by polls, and sends events from any thread.

One thread at a time does all I/O: the leader of the workers. It is called "the I/O thread" below.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from shipmate import observation
from shipmate.container.messages.codec import new_id
from shipmate.container.proxy.connections import Connections
from shipmate.container.proxy.delivery import ProxyDelivery
from shipmate.container.proxy.inbox import Inbox
from shipmate.container.proxy.loop import Loop
from shipmate.container.proxy.metadata import encode_metadata
from shipmate.container.proxy.post import Post, Then
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.requests import message_path
from shipmate.container.proxy.sender import Sender
from shipmate.container.proxy.token import claims_of, signed
from shipmate.container.threads.workers import Workers
from shipmate.container.throttle import Throttle
from shipmate.container.transport import Delivery, Publication
from shipmate.errors import EmitError, EmitUnconfirmed
from shipmate.invocation.events import CUSTOM
from shipmate.settings import FlowSettings, ProxySettings, RateSettings

_log: Final = logging.getLogger("shipmate.proxy")
_CANCEL_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 1.0


class ProxyTransport:
    """One connection to the sailor proxy, and the next one whenever it is lost."""

    lock: Callable[[str], AbstractContextManager[None]] | None = None
    more_events: tuple[str, ...] = (CUSTOM,)

    def __init__(
        self,
        settings: ProxySettings,
        rates: RateSettings,
        *,
        flow: FlowSettings,
        size_limit_bytes: int,
        on_lost: Callable[[BaseException], None],
        on_settled: Callable[[Delivery, bool], None] | None = None,
    ) -> None:
        """Sign the token; nothing is opened yet.

        Args:
            settings: The address of the proxy, and how to connect and repeat.
            rates: How many events of a kind may start in each interval.
            flow: The ids of the step, for the token and for claims.
            size_limit_bytes: The limit of an encoded body.
            on_lost: Called when the proxy cannot be used any more: the process must end.
            on_settled: Called with each delivery whose finish the proxy has accepted, and whether it is a success.
        """
        self.error_limit_bytes: int | None = size_limit_bytes
        self._size_limit_bytes = size_limit_bytes
        self._throttles = _throttles(rates)
        self._on_lost = on_lost
        claims = claims_of(settings, flow, client_id=new_id(), issued_at=int(time.time()))
        token = signed(claims, settings.jwt_secret)
        self.secrets: tuple[str, ...] = (token, *token.split(".")[1:])
        self._work: Callable[[Delivery], None] = lambda _: None  # until `consume`
        self._workers: Workers[ProxyDelivery] = Workers(
            settings.prefetch, self._process, self._turn, wake=self._wake, on_failure=self._fail
        )
        self._todo: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._is_woken = False
        self._is_answered = False
        """True if an event was accepted or failed in this turn, so that its caller need not wait any longer."""
        self._is_over = False
        self._lost: BaseException | None = None
        self._opened, self._stopped, self._closed, self._ended = (threading.Event() for _ in range(4))
        self._loop = loop = Loop()
        delays = Delays(settings)
        self._connections = Connections(
            loop,
            delays,
            f"Bearer {token}",
            submit=self._submit,
            on_first=self._opened.set,
            on_given_up=self._give_up,
        )
        self._sender = Sender(self._connections, loop, delays)
        self._inbox = Inbox(
            self._connections,
            self._sender,
            loop,
            delays,
            flow=flow,
            process=self._workers.submit,
            on_settled=on_settled or (lambda _delivery, _is_success: None),
        )

    def connect(self) -> None:
        """Begin to connect."""
        self._todo.append((self._connections.begin, (self._inbox,)))
        self._workers.start()

    def wait_until_open(self) -> None:
        """Return when there is a connection.

        Raises:
            ProxyLost: The proxy cannot be reached.
        """
        self._opened.wait()
        if self._lost is not None:
            raise self._lost

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        """Begin to poll.

        Args:
            work: Processes a message, and must call `settle` or `leave` for it, now or later; called on as many
                threads as messages are prefetched.
            on_consuming: Called on the I/O thread when the first poll can be sent.
        """
        self._work = work
        self._submit(self._inbox.begin, on_consuming)

    def publish(self, publication: Publication) -> None:
        """Send an event when its rate limit allows it, and return when the proxy has accepted it.

        Raises:
            EmitUnconfirmed: The proxy has refused it, or has not accepted it in as many attempts as are allowed.
            EmitError: It is too large.
        """
        answers: list[EmitUnconfirmed | None] = []
        turn = threading.Lock()
        turn.acquire()

        def then(error: EmitUnconfirmed | None) -> None:
            answers.append(error)
            self._is_answered = True
            turn.release()

        self.publish_later(publication, then)
        self._workers.wait(lambda: bool(answers), turn.acquire)
        if answers[0] is not None:
            raise answers[0]

    def publish_later(self, publication: Publication, then: Then) -> None:
        """Send an event without waiting for the answer: when the worker has done its message, or at `flush`.

        Args:
            publication: The event.
            then: Called on the I/O thread, with None when the proxy has accepted, else with the error.

        Raises:
            EmitError: It is too large; ``then`` is not called.
        """
        begun_seconds = 0.0

        def answered(error: EmitUnconfirmed | None) -> None:
            if error is None:
                observation.current.published(self._loop.clock() - begun_seconds)
            then(error)

        post = self._post(publication, answered)
        if (throttle := self._throttles.get(publication.event)) is not None:
            throttle.wait(publication.event)
        begun_seconds = self._loop.clock()
        self._todo.append((self._sender.submit, (post,)))

    def flush(self) -> None:
        """Wake the I/O thread if there is something to do for it."""
        if self._todo and not self._workers.is_led_here:
            self._wake()

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Finish a message; its slot is free when the proxy has accepted that."""
        self._submit(self._inbox.finish, delivery, is_success)

    def leave(self, delivery: Delivery) -> None:
        """Do not finish a message: the proxy gives it away again when the connection is closed."""
        self._submit(self._inbox.leave, delivery)

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every message is finished or left; return False if the time is up before."""
        return self._inbox.in_flight.wait_for_none(timeout_seconds)

    @property
    def is_alive(self) -> bool:
        """True while events can be accepted."""
        return self._lost is None and not self._ended.is_set()

    @property
    def obstacle(self) -> str | None:
        """The reason why no messages can arrive: no connection, a claim that is not accepted, or closed polls."""
        if not self._connections.is_open:
            return "no connection to the sailor proxy, or the messages in work are not claimed on it yet"
        return None if self._inbox.slots.is_polling else "the polls of the sailor proxy are closed"

    def ping(self, answer: Callable[[], None]) -> None:
        """Let the I/O thread call ``answer`` in its next turn."""
        self._submit(answer)

    def hurry(self) -> None:
        """Repeat failed requests at once, and after short pauses from now on, because the process is stopping."""
        self._submit(self._sender.hurry)
        self._submit(self._connections.hurry)

    def stop_retrying(self) -> None:
        """Fail requests at their first failed attempt from now on, because the time to stop is over."""
        self._submit(self._sender.stop_retrying)

    def abandon(self, seconds: float) -> None:
        """Fail all requests if the proxy has accepted nothing for ``seconds``, or longer if it is slow."""
        self._submit(self._sender.abandon, seconds)

    def cancel(self) -> None:
        """Close all polls; return when no more messages come, or cannot be waited for any longer."""
        self._submit(self._inbox.slots.stop, self._stopped.set)
        self._stopped.wait(_CANCEL_SECONDS)

    def close(self) -> None:
        """Close the connection; if the proxy does not close it as well in time, drop it."""
        if self._ended.is_set():
            return
        self._submit(self._connections.close, self._closed.set)
        self._closed.wait(_CLOSE_SECONDS)
        self._is_over = True
        self._loop.wake()
        self._ended.wait(_CLOSE_SECONDS)

    def _post(self, publication: Publication, then: Then) -> Post:
        """Return the request for an event.

        Raises:
            EmitError: It is too large. An error is as short as it can be, and goes out in any case.
        """
        event, body, delivery = publication.event, publication.body, publication.delivery
        if len(body) > self._size_limit_bytes and event != "error":
            raise EmitError(f"Outgoing message size {len(body)} exceeds limit of {self._size_limit_bytes}")
        incoming_id = delivery.incoming_id if isinstance(delivery, ProxyDelivery) else None
        path = message_path(incoming_id, event, publication.routing_key)
        return Post(path, then, metadata=encode_metadata(publication.metadata), body=body)

    def _process(self, delivery: ProxyDelivery) -> None:
        self._work(delivery)
        self.flush()

    def _submit(self, action: Callable[..., object], *args: Any) -> None:
        """Call something on the I/O thread."""
        self._todo.append((action, args))
        self.flush()

    def _wake(self) -> None:
        """Interrupt the I/O thread's wait, once for all actions that have been added since."""
        if not self._is_woken:
            self._is_woken = True
            self._loop.wake()

    def _turn(self, may_wait: bool) -> bool:
        """Run the actions and do the I/O that is due; return whether there will be more."""
        self._is_answered = False
        self._do()
        # The caller of `publish` may be this very thread; it must not wait for a frame if its event is accepted.
        self._loop.turn(may_wait=may_wait and not self._is_answered)
        self._do()
        if self._is_over:
            self._ended.set()
        return not self._is_over

    def _do(self) -> None:
        """Run the actions, and send all that there is to send together: events and finishes before polls."""
        self._is_woken = False
        while self._todo:
            action, args = self._todo.popleft()
            action(*args)
        self._sender.flush()
        self._inbox.fill()
        self._connections.flush()

    def _fail(self, error: BaseException) -> None:
        """Give up after an internal error: the process ends, since it could not finish its messages."""
        _log.critical("internal error in the connection to the sailor proxy", exc_info=error)
        self._ended.set()
        self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self._lost = self._lost or error
        for event in (self._opened, self._stopped, self._closed):
            event.set()
        self._on_lost(error)


def _throttles(rates: RateSettings) -> dict[str, Throttle]:
    """Return the rate limits of events; both events of snapshots share one. Source: proxy §7.1."""
    snapshots = Throttle(rates.snapshot, rates.interval_ms)
    return {
        "data": Throttle(rates.data, rates.interval_ms),
        "error": Throttle(rates.error, rates.interval_ms),
        "snapshot": snapshots,
        "updateSnapshot": snapshots,
    }
