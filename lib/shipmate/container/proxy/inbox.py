"""The messages of a container: those that have come, are in work, and are being finished.

Source: proxy §5, §9, §10.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from shipmate.container.proxy.connections import Connections
from shipmate.container.proxy.delivery import ProxyDelivery
from shipmate.container.proxy.http2.exchange import Answer
from shipmate.container.proxy.loop import Loop
from shipmate.container.proxy.metadata import UnreadableMetadata, decode_metadata
from shipmate.container.proxy.post import Post
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.requests import claim_body, finish_path
from shipmate.container.proxy.sender import Sender
from shipmate.container.proxy.slots import Slots
from shipmate.container.redeliveries import Admission, Deliveries
from shipmate.container.threads.inflight import InFlight
from shipmate.errors import EmitUnconfirmed
from shipmate.logs.log import delivery_fields
from shipmate.settings import FlowSettings

_log: Final = logging.getLogger("shipmate.proxy")
_REPLACE_SECONDS: Final = 60.0
"""The shortest time between two connections that are closed over a message without readable metadata."""

OnSettled = Callable[[ProxyDelivery, bool], None]


class Inbox:
    """Takes messages from the slots, has them processed, finishes and claims them; only on the I/O thread."""

    def __init__(
        self,
        connections: Connections,
        sender: Sender,
        loop: Loop,
        delays: Delays,
        *,
        flow: FlowSettings,
        process: Callable[[ProxyDelivery], None],
        on_settled: OnSettled,
    ) -> None:
        """Begin without messages.

        Args:
            connections: The connections to poll and to claim on.
            sender: Sends finishes.
            loop: Measures times.
            delays: Say how long pauses are.
            flow: The ids of the step.
            process: Has a message processed on another thread, as many at once as there are slots.
            on_settled: Called with each message whose finish is done, and whether it is a success.
        """
        self._connections = connections
        self._sender = sender
        self._loop = loop
        self._flow = flow
        self._process = process
        self._on_settled = on_settled
        self.slots = Slots(connections, loop, delays, busy=self._busy, on_message=self._received)
        self.in_flight = InFlight()
        self._deliveries: Deliveries[ProxyDelivery] = Deliveries(time.monotonic)
        self._unfinished: dict[ProxyDelivery, None] = {}
        """The messages that the proxy counts as in work, in the order in which they came."""
        self._arrived: deque[ProxyDelivery] = deque()
        """Those that wait until a slot is free, since an earlier connection still owed them."""
        self._on_consuming: Callable[[], None] | None = None
        self._last_replacement = float("-inf")
        self._unreadable = 0
        """Slots whose message has no readable metadata; it goes back with its connection."""

    def begin(self, on_consuming: Callable[[], None]) -> None:
        """Poll; ``on_consuming`` is called when the first poll can be sent."""
        self._on_consuming = on_consuming
        self.slots.is_polling = True

    def fill(self) -> None:
        """Have every free slot poll."""
        if self._on_consuming is not None and self.slots.is_polling and self._connections.http is not None:
            on_consuming, self._on_consuming = self._on_consuming, None
            on_consuming()
        self.slots.fill()

    def finish(self, delivery: ProxyDelivery, is_success: bool, *, is_known: bool = False) -> None:
        """Finish a message; its slot is free when the proxy has accepted that.

        Args:
            delivery: The message.
            is_success: Its outcome.
            is_known: Whether the outcome was known when the message came.
        """
        path = finish_path(delivery.incoming_id, is_success=is_success)
        delivery.finish = Post(path, partial(self._finished, delivery, is_success, is_known))
        self._sender.submit(delivery.finish)

    def leave(self, delivery: ProxyDelivery) -> None:
        """Do not finish a message."""
        self._deliveries.leave(delivery)
        self._end(delivery)

    # ConnectionsUser

    def connected_again(self) -> None:
        """Recognise from now on what has been delivered before."""
        self._deliveries.next_epoch()

    def claim(self) -> bytes | None:
        """Return the body that claims the messages in work, None if there are none."""
        ids = {each.incoming_id: each.metadata["messageId"] for each in self._unfinished if each.is_claimed}
        return claim_body(ids.values(), step_id=self._flow.step_id, flow_id=self._flow.flow_id) if ids else None

    def connection_open(self) -> None:
        """Close polls that the proxy does not allow any more."""
        self.slots.shrink()

    def connection_left(self) -> None:
        """Poll on the next connection."""
        self._unreadable = 0
        self.slots.left_connection()

    def _busy(self) -> int:
        """Return how many slots have a message."""
        return len(self._unfinished) + self._unreadable

    def _received(self, answer: Answer) -> None:
        """Take a message."""
        try:
            metadata = decode_metadata(answer.metadata)
        except UnreadableMetadata as error:
            self._give_back(error)
            return
        epoch = self._deliveries.epoch
        unreadable = "expected a shorter body" if answer.is_cut else None
        delivery = ProxyDelivery(answer.body, metadata, epoch > 0, unreadable, epoch)
        if delivery.incoming_id is None:
            _log.error("a message has no messageId: it cannot be finished by its name, or claimed")
        admission = self._deliveries.admit(delivery)
        if admission is Admission.ADOPTED:
            with delivery_fields(delivery.ids):
                _log.info("a message in work was delivered again, and is not processed twice")
            return
        self._unfinished[delivery] = None
        self.in_flight.begin()
        if admission is Admission.PROCESS:
            self._arrived.append(delivery)
            self._dispatch()
        else:
            self.finish(delivery, admission is Admission.ACKNOWLEDGE, is_known=True)

    def _dispatch(self) -> None:
        """Have messages processed, as many as there are slots."""
        while self._arrived and len(self._unfinished) - len(self._arrived) < self.slots.limit:
            self._process(self._arrived.popleft())

    def _give_back(self, error: UnreadableMetadata) -> None:
        """Give a message back that has no readable id, by closing its connection: the only way. Source: proxy §5.5."""
        _log.error("a message cannot be read, and goes back with its connection: %s", error)
        self._unreadable += 1
        if self._unreadable == 1:
            wait = self._last_replacement + _REPLACE_SECONDS - self._loop.clock()
            self._loop.call_later(wait, self._replace)

    def _replace(self) -> None:
        if self._unreadable and self.slots.is_polling:
            self._last_replacement = self._loop.clock()
            self._connections.replace("a message on it cannot be read")

    def _finished(
        self, delivery: ProxyDelivery, is_success: bool, is_known: bool, error: EmitUnconfirmed | None
    ) -> None:
        """Note that a finish is accepted, or refused for good, or left because the process is stopping."""
        if error is not None and error.is_left_to_broker:
            self.leave(delivery)
            return
        if error is not None:
            with delivery_fields(delivery.ids):
                _log.error("the sailor proxy refuses the finish of a message: %s", error)
        if not is_known:
            self._deliveries.settle(delivery, is_success=is_success)
            self._on_settled(delivery, is_success)
        self._end(delivery)

    def _end(self, delivery: ProxyDelivery) -> None:
        """Free the slot of a message."""
        self._unfinished.pop(delivery, None)
        self.in_flight.end()
        self._dispatch()
