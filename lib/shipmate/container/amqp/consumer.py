"""Consumes the queue on the current channel, and acknowledges or rejects the deliveries.

Source: contract §3.3, §3.6.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pika.channel import Channel
from pika.exceptions import AMQPError

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.pending_acks import PendingAcks
from shipmate.container.amqp.properties import UnreadableProperties
from shipmate.container.redeliveries import Admission, Deliveries
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.amqp")
_UNREADABLE: Final = "expected AMQP headers, found headers that cannot be decoded"


class Consumer:
    """Consumes on the current channel, and again on each new channel; only on the I/O thread."""

    variable: Final = "ELASTICIO_LISTEN_MESSAGES_ON"
    may_wait_for_it: Final = True
    """A queue may be on its way to another node."""

    def __init__(self, settings: BrokerSettings, on_delivery: Callable[[AmqpDelivery], None]) -> None:
        """Start without a channel and without a subscription."""
        self._settings = settings
        self._on_delivery = on_delivery
        self._deliveries = Deliveries[AmqpDelivery](time.monotonic)
        self._channel: Channel | None = None
        self._tags = PendingAcks()
        self._tag: str | None = None
        self._wants_messages = False
        self._on_consuming: Callable[[], None] = lambda: None
        self.is_subscribed = False
        """True while the broker sends the messages of the queue."""
        self.stopped = threading.Event()
        """Set when no more messages come after `stop`."""

    def prepare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Set the prefetch of a new channel, and subscribe if messages are wanted."""
        channel.add_on_cancel_callback(lambda _: self._subscribe_again(channel))
        channel.basic_qos(prefetch_count=self._settings.prefetch, callback=lambda _: self._subscribe(channel, ready))

    def channel_ready(self, channel: Channel) -> None:
        """Use a channel that is ready."""
        self._channel = channel

    def channel_lost(self, reason: BaseException) -> None:
        """Note that the channel is lost."""
        self._channel = None
        self.is_subscribed = False
        self._tags = PendingAcks()
        self._deliveries.next_epoch()
        if not self._wants_messages:
            self.stopped.set()

    def begin(self, then: Callable[[], None]) -> None:
        """Subscribe; ``then`` is called after ``consume-ok``. A channel in preparation subscribes when it is ready."""
        self._wants_messages = True
        self._on_consuming = then
        if self._channel is not None and self._channel.is_open:
            self._subscribe(self._channel, lambda: None)

    def settle(self, delivery: AmqpDelivery, is_success: bool) -> None:
        """Acknowledge a message with the next `flush`, or reject it; for a stale tag, when it is redelivered."""
        if self._deliveries.settle(delivery, is_success=is_success):
            self._answer(delivery, is_success=is_success)

    def leave(self, delivery: AmqpDelivery) -> None:
        """Forget a message without an ack or a reject: the broker redelivers it."""
        self._deliveries.leave(delivery)

    def is_stale(self, delivery: AmqpDelivery) -> bool:
        """Tell, on any thread, whether a message was delivered on a channel that is lost."""
        return delivery.epoch != self._deliveries.epoch

    def forget_stale(self, delivery: AmqpDelivery) -> bool:
        """Forget a message of a lost channel, unless it is redelivered already; return whether it was forgotten."""
        return self._deliveries.forget_stale(delivery)

    def stop(self) -> None:
        """Cancel the subscription; ``stopped`` is set after ``cancel-ok``, or if the channel is lost."""
        self._wants_messages = self.is_subscribed = False
        if self._tag is None or self._channel is None or not self._channel.is_open:
            self.stopped.set()
            return
        self._channel.basic_cancel(self._tag, callback=lambda _: self.stopped.set())

    def _subscribe(self, channel: Channel, ready: Callable[[], None]) -> None:
        if not self._wants_messages:
            ready()
            return

        def agreed(_: Any) -> None:
            self.is_subscribed = self._wants_messages
            ready()
            self._on_consuming()
            self._on_consuming = lambda: None

        self._tag = channel.basic_consume(self._settings.queue, self._on_message, callback=agreed)

    def _subscribe_again(self, channel: Channel) -> None:
        """Subscribe after the broker has cancelled: the queue may have moved to another node, or be gone."""
        self.is_subscribed = False
        if not self._wants_messages:
            return
        _log.warning("the broker cancelled the consumer: subscribing again")
        self._subscribe(channel, lambda: None)

    def _on_message(self, _: Channel, method: Any, properties: Any, body: bytes) -> None:
        delivery = AmqpDelivery(
            body,
            properties.headers or {},
            method.redelivered,
            _UNREADABLE if isinstance(properties, UnreadableProperties) else None,
            properties,
            method.delivery_tag,
            self._deliveries.epoch,
            method.exchange,
            method.routing_key,
            method.consumer_tag,
        )
        self._tags.delivered(delivery.tag)
        admission = self._deliveries.admit(delivery)
        if admission is Admission.PROCESS:
            self._on_delivery(delivery)
        elif admission is not Admission.ADOPTED:
            self._answer(delivery, is_success=admission is Admission.ACKNOWLEDGE)

    def _answer(self, delivery: AmqpDelivery, *, is_success: bool) -> None:
        if is_success:
            self._tags.acknowledge(delivery.tag)
            return
        self._tags.rejected(delivery.tag)
        self._send(lambda channel: channel.basic_reject(delivery.tag, requeue=False))

    def flush(self) -> None:
        """Send the acknowledgements that have come together."""
        for tag, is_multiple in self._tags.due():
            self._send(partial(Channel.basic_ack, delivery_tag=tag, multiple=is_multiple))

    def _send(self, answer: Callable[[Channel], None]) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        try:
            answer(channel)
        except AMQPError:  # the channel is closing: the message comes again
            _log.debug("a channel closed before its message was settled")
