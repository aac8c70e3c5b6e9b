"""What is published: confirmed by the broker, or tried again.

Source: contract §3.5.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pika import BasicProperties
from pika.channel import Channel
from pika.exceptions import AMQPChannelError, AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import Basic

from shipmate.container.amqp.adapter import Properties, RepeatedProperties
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.errors import EmitUnconfirmed
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.amqp")

_UNROUTABLE: Final = "it could not be routed to any queue"
_LONGEST_SECONDS: Final = 120
_LOOK_SECONDS: Final = 30
# What a broker says when it can never take a message: its body or its headers are too large, a property is not allowed.
_BLAMED: Final = frozenset({406, 501, 502})
_LONGEST_ID: Final = 100
# How long a broker may be silent at the end: as long as it has been lately, and as large messages take to get there.
_TIMES_THE_USUAL: Final = 3
_LONGEST_PATIENCE_SECONDS: Final = 5.0
_SLOWEST_BYTES_PER_SECOND: Final = 20_000_000
_USUAL_SHARE: Final = 0.95
_TIME_TO_READ_SECONDS: Final = 0.05

Then = Callable[[EmitUnconfirmed | None], None]
"""Called on the I/O thread with None when the broker has confirmed, else with what went wrong."""


class RoutedPublication(NamedTuple):
    """A publication as the AMQP message that goes to the exchange."""

    routing_key: str
    body: bytes
    headers: Mapping[str, Any]
    origin: AmqpDelivery | None = None
    """Whose properties it has, for a message that goes back as it came; such a one may be unroutable."""
    expiration_ms: int | None = None
    is_reply: bool = False
    """Whether it is for somebody who may have gone: that no queue wants it is final then."""

    def __repr__(self) -> str:
        """Show neither headers nor body."""
        return f"RoutedPublication({self.routing_key!r})"


@dataclass(slots=True, eq=False)
class _Sending:
    """A publication and how far it has come."""

    publication: RoutedPublication
    then: Then
    failures: int = 0
    is_returned: bool = False


class Publisher:
    """Publishes on the channel that there is, and waits while there is none; only on the I/O thread."""

    def __init__(self, loop: Any, settings: BrokerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a channel."""
        self._loop = loop
        self._settings = settings
        self._clock = clock
        self._delivery_mode = 2 if settings.is_persistent else 1
        self._channel: Channel | None = None
        self._is_blocked = False
        self._is_stopping = False
        self._waiting: deque[_Sending] = deque()
        self._sent: dict[int, _Sending] = {}
        self._retrying: set[_Sending] = set()
        self._suspects: set[_Sending] = set()
        """Publications of which one ended its channel; while there are any, each is published alone."""
        self._number = 0
        self._progress_at = clock()
        self._usual_silence = 0.0
        """How long it takes until the next confirm comes; the longest time, which fades."""
        self._silence: tuple[float, float] | None = None
        """The progress that was the last one at an earlier look, and when that look was."""

    def prepare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Ask for confirms on a new channel, and to be told when the broker takes nothing."""
        connection = channel.connection
        connection.add_on_connection_blocked_callback(lambda *_: self.block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self.block(False))
        channel.add_on_return_callback(self._on_return)
        if self._settings.confirms:
            connection.on_ack = self._on_confirm
            channel.confirm_delivery(self._on_confirm, callback=lambda _: ready())
        else:
            ready()

    def up(self, channel: Channel) -> None:
        """Use a channel that is ready."""
        self._channel = channel
        self._number = 0
        self._is_blocked = False
        self._loop.call_later(_LOOK_SECONDS, lambda: self._look(channel))
        self._flush()

    def down(self, reason: BaseException) -> None:
        """Try everything again that the lost channel has not confirmed, but for what the channel was lost over."""
        self._channel = None
        lost, self._sent = self._sent, {}
        if isinstance(reason, ChannelClosedByBroker | ConnectionClosedByBroker) and reason.reply_code in _BLAMED:
            if len(lost) == 1:
                self._give_up(lost.popitem()[1], f"the broker cannot take it ({reason.reply_code})")
            self._suspects.update(lost.values())
        for sending in lost.values():
            self._failed(sending, "the connection was lost before the broker confirmed")

    def block(self, is_blocked: bool) -> None:
        """Hold back what is to be published while the broker says that it is short of memory or disk."""
        if is_blocked == self._is_blocked:  # every channel that the connection has had tells of it
            return
        _log.warning("the broker %s publishing", "blocks" if is_blocked else "allows")
        self._is_blocked = is_blocked
        self._progress_at = self._clock()
        if not is_blocked:
            self._flush()

    def publish(self, publication: RoutedPublication, then: Then) -> None:
        """Publish, now or as soon as there is a channel."""
        self._waiting.append(_Sending(publication, then))
        self._flush()

    def stop_retrying(self) -> None:
        """Let what has failed so far, or fails from now on, end with its failure."""
        self._is_stopping = True
        self._progress_at = self._clock()
        retrying, self._retrying = self._retrying, set()  # whose timers find nothing to do
        for sending in retrying:
            self._give_up(sending, "the process is stopping")

    def abandon(self, seconds: float) -> None:
        """End everything with a failure if the broker has confirmed nothing for that long, and confirms sooner usually.

        It takes two looks: before the first one nobody may have had the time to read what the broker has sent.
        """
        now = self._clock()
        if self._silence is None or self._silence[0] != self._progress_at:
            self._silence = self._progress_at, now
        usual = min(_TIMES_THE_USUAL * self._usual_silence, _LONGEST_PATIENCE_SECONDS)
        patience = max(seconds, usual) + self._bytes_under_way() / _SLOWEST_BYTES_PER_SECOND
        if now - self._progress_at < patience or now - self._silence[1] < _TIME_TO_READ_SECONDS:
            return
        stuck = [*self._sent.values(), *self._waiting]
        self._sent, self._waiting = {}, deque()
        for sending in stuck:
            self._give_up(sending, "the process is stopping and the broker does not confirm")

    def _bytes_under_way(self) -> int:
        return sum(len(sending.publication.body) for sending in self._sent.values())

    def _look(self, channel: Channel) -> None:
        """Give a channel up that has confirmed nothing for long; the next one publishes again."""
        if channel is not self._channel or not channel.is_open:
            return
        if self._sent and not self._is_blocked and self._clock() - self._progress_at > _LONGEST_SECONDS:
            _log.warning("the broker has confirmed nothing for %s seconds: opening another channel", _LONGEST_SECONDS)
            channel.close()
            return
        self._loop.call_later(_LOOK_SECONDS, lambda: self._look(channel))

    def _flush(self) -> None:
        while self._waiting and self._channel is not None and not self._is_blocked:
            if self._suspects and self._sent:
                return
            self._send(self._channel, self._waiting.popleft())

    def _send(self, channel: Channel, sending: _Sending) -> None:
        one = sending.publication
        if not self._sent:
            self._progress_at = self._clock()
        try:
            channel.basic_publish(
                self._settings.exchange,
                one.routing_key,
                one.body,
                self._properties(sending),
                mandatory=one.origin is None,
            )
        except (AMQPChannelError, AMQPConnectionError) as error:  # the channel is closing: its end is told next
            self._failed(sending, type(error).__name__)
        except Exception as error:  # what cannot be encoded as AMQP must not end the I/O thread
            self._give_up(sending, f"AMQP cannot carry it ({type(error).__name__})")
        else:
            if self._settings.confirms:
                self._number += 1
                self._sent[self._number] = sending
            else:
                sending.then(None)

    def _properties(self, sending: _Sending) -> BasicProperties:
        one = sending.publication
        headers = {**one.headers, "retry": sending.failures} if sending.failures else one.headers
        if one.origin is None:
            return Properties(headers, self._delivery_mode)
        return RepeatedProperties(
            one.origin.properties, headers, delivery_mode=self._delivery_mode, expiration=str(one.expiration_ms)
        )

    def _on_confirm(self, frame: Any) -> None:
        now = self._clock()
        self._usual_silence = max(now - self._progress_at, _USUAL_SHARE * self._usual_silence)
        self._progress_at = now
        method = frame.method
        is_success = isinstance(method, Basic.Ack)
        if not method.multiple:
            numbers = [method.delivery_tag]
        else:
            numbers = [number for number in self._sent if number <= method.delivery_tag]
        for number in numbers:
            sending = self._sent.pop(number, None)
            if sending is None:
                continue
            self._suspects.discard(sending)
            if sending.is_returned and sending.publication.is_reply:
                self._give_up(sending, _UNROUTABLE)
            elif sending.is_returned:
                self._failed(sending, _UNROUTABLE)
            elif is_success:
                sending.then(None)
            else:
                self._failed(sending, "the broker refused it")
        if self._waiting:
            self._flush()

    def _on_return(self, _channel: Channel, method: Any, properties: BasicProperties, body: bytes) -> None:
        """Mark what came back; its confirm is the next frame. Nothing but order tells equal messages apart."""
        headers = properties.headers or {}
        for sending in self._sent.values():
            one = sending.publication
            if (
                not sending.is_returned
                and one.routing_key == method.routing_key
                and one.headers.get("messageId") == headers.get("messageId")
                and one.body == body
            ):
                sending.is_returned = True
                return

    def _failed(self, sending: _Sending, cause: str) -> None:
        attempts = self._settings.publish_attempts
        if self._is_stopping or (attempts is not None and sending.failures + 1 >= attempts):
            self._give_up(sending, cause)
            return
        delay_ms = min(
            self._settings.publish_delay_ms * 2 ** min(sending.failures, 32), self._settings.publish_max_delay_ms
        )
        sending.failures += 1
        sending.is_returned = False
        _log.warning("publishing failed and is tried again", extra={"cause": cause, "retry": sending.failures})
        self._retrying.add(sending)
        self._loop.call_later(max(0, delay_ms) / 1000, lambda: self._again(sending))

    def _again(self, sending: _Sending) -> None:
        if sending not in self._retrying:
            return
        self._retrying.remove(sending)
        self._waiting.append(sending)
        self._flush()

    def _give_up(self, sending: _Sending, cause: str) -> None:
        self._suspects.discard(sending)
        text = f"Failed on publishing {_id(sending.publication)} message to MQ: {cause}"
        sending.then(EmitUnconfirmed(text, is_left_to_broker=self._is_stopping))


def _id(publication: RoutedPublication) -> str:
    return str(publication.headers.get("messageId"))[:_LONGEST_ID]
