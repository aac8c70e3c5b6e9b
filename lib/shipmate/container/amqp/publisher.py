"""Publish messages, wait for the broker's confirms, and retry.

Source: contract §3.5.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from pika import BasicProperties
from pika.channel import Channel
from pika.exceptions import AMQPChannelError, AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import Basic

from shipmate import observation
from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.properties import NewProperties, RepeatedProperties
from shipmate.container.silence import Silence
from shipmate.errors import EmitUnconfirmed
from shipmate.logs.records import excerpt
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.amqp")

_UNROUTABLE: Final = "it could not be routed to any queue"
_SILENT_SECONDS: Final = 120
_LOOK_SECONDS: Final = 30
# Reply codes for a message that the broker can never accept: body or headers too large, or a forbidden property.
_BLAMED: Final = frozenset({406, 501, 502})
_LONGEST_ID: Final = 100
# The longest pause between two attempts while the process is stopping.
_HURRIED_MS: Final = 200

Then = Callable[[EmitUnconfirmed | None], None]
"""Called on the I/O thread: with None when the broker has confirmed, otherwise with the error."""


class RoutedPublication(NamedTuple):
    """A publication as an AMQP message: its routing key, body, headers and expiration."""

    routing_key: str
    body: bytes
    headers: Mapping[str, Any]
    origin: AmqpDelivery | None = None
    """The delivery that a rebound repeats, with its properties; the broker may drop a rebound without a queue."""
    expiration_ms: int | None = None
    is_reply: bool = False
    """True if the receiver may be gone: without a bound queue, the publication fails and is not retried."""

    def __repr__(self) -> str:
        """Show neither headers nor body."""
        return f"RoutedPublication({self.routing_key!r})"


@dataclass(slots=True, eq=False)
class _Sending:
    """A publication with its progress."""

    publication: RoutedPublication
    then: Then
    begun_seconds: float
    failures: int = 0
    """Failed attempts."""
    is_returned: bool = False
    """True if the broker has returned the message in this attempt (``basic.return``): no queue is bound for it."""


class Publisher:
    """Publishes on the present channel, and waits while there is none; all methods run on the I/O thread."""

    variable: Final = "ELASTICIO_PUBLISH_MESSAGES_TO"
    may_wait_for_it: Final = False
    """The functions would go on working for nothing: their messages could not be published."""

    def __init__(self, loop: Any, settings: BrokerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a channel; ``clock`` counts seconds."""
        self._loop = loop
        self._settings = settings
        self._clock = clock
        self._user = _user(settings.uri)
        self._delivery_mode = 2 if settings.is_persistent else 1
        self._channel: Channel | None = None
        self._is_blocked = False
        self._is_hurried = False
        self._is_stopping = False
        self._waiting: deque[_Sending] = deque()
        """To be sent next."""
        self._sent: dict[int, _Sending] = {}
        """Sent and not confirmed yet, by delivery tag."""
        self._retrying: set[_Sending] = set()
        """Failed, and waiting for the pause before the next attempt."""
        self._suspects: set[_Sending] = set()
        """Publications of which one made the broker close the channel; each is published alone, to find out which."""
        self._number = 0
        """Delivery tag of the last publication on this channel."""
        self._silence = Silence(clock())

    def prepare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Set up a new channel: look for the exchange, ask for confirms, and listen for returns and blocks."""
        connection = channel.connection
        connection.add_on_connection_blocked_callback(lambda *_: self.block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self.block(False))
        channel.add_on_return_callback(self._on_return)
        # Declares nothing: the broker closes the channel if there is no such exchange.
        channel.exchange_declare(
            self._settings.exchange, passive=True, callback=lambda _: self._ask_for_confirms(channel, ready)
        )

    def _ask_for_confirms(self, channel: Channel, ready: Callable[[], None]) -> None:
        if self._settings.confirms:
            channel.connection.on_ack = self._on_confirm
            channel.confirm_delivery(self._on_confirm, callback=lambda _: ready())
        else:
            ready()

    def channel_ready(self, channel: Channel) -> None:
        """Begin to publish on a channel that is set up."""
        self._channel = channel
        self._number = 0
        self._is_blocked = False
        self._loop.call_later(_LOOK_SECONDS, lambda: self._look(channel))
        self._flush()

    def channel_lost(self, reason: BaseException) -> None:
        """Retry what the lost channel has not confirmed, except for a publication that the broker cannot accept."""
        self._channel = None
        lost, self._sent = self._sent, {}
        if isinstance(reason, ChannelClosedByBroker | ConnectionClosedByBroker) and reason.reply_code in _BLAMED:
            if len(lost) == 1:
                self._give_up(lost.popitem()[1], f"the broker cannot take it ({reason.reply_code})")
            self._suspects.update(lost.values())
        for sending in lost.values():
            self._retry(sending, "the connection was lost before the broker confirmed")

    def block(self, is_blocked: bool) -> None:
        """Pause publishing while the broker is short of memory or disk."""
        if is_blocked == self._is_blocked:  # each channel of the connection has added this callback
            return
        if is_blocked:
            _log.warning("the broker blocks publishing")
        else:
            _log.info("the broker allows publishing")
        self._is_blocked = is_blocked
        self._silence.restart(self._clock())
        if not is_blocked:
            self._flush()

    def publish(self, publication: RoutedPublication, then: Then) -> None:
        """Publish now, or as soon as there is a channel."""
        self._waiting.append(_Sending(publication, then, self._clock()))
        self._flush()

    def hurry(self) -> None:
        """Retry at once what waits for a retry, and make only short pauses from now on."""
        self._is_hurried = True
        retrying, self._retrying = self._retrying, set()  # their timers then do nothing
        self._waiting.extend(retrying)
        self._flush()

    def stop_retrying(self) -> None:
        """Report failures at once instead of retrying, those of publications that wait for a retry as well."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._silence.restart(self._clock())
        retrying, self._retrying = self._retrying, set()  # their timers then do nothing
        for sending in retrying:
            self._give_up(sending, "the process is stopping")

    def abandon(self, seconds: float) -> None:
        """Fail all publications if the broker has been silent for ``seconds`` and for three times its usual delay.

        Needs two calls: at the first one, confirms that have arrived may still be unread.
        """
        unconfirmed_bytes = sum(len(sending.publication.body) for sending in self._sent.values())
        if not self._silence.is_too_long(self._clock(), seconds, unconfirmed_bytes):
            return
        stuck = [*self._sent.values(), *self._waiting]
        self._sent, self._waiting = {}, deque()
        for sending in stuck:
            self._give_up(sending, "the process is stopping and the broker does not confirm")

    def _look(self, channel: Channel) -> None:
        """Close a channel that has received no confirm for 120 s; the next channel publishes its messages again."""
        if channel is not self._channel or not channel.is_open:
            return
        if self._sent and not self._is_blocked and self._silence.seconds(self._clock()) > _SILENT_SECONDS:
            _log.warning("no confirm from the broker for %d s: opening another channel", _SILENT_SECONDS)
            channel.close()
            return
        self._loop.call_later(_LOOK_SECONDS, lambda: self._look(channel))

    def _flush(self) -> None:
        while self._waiting and self._channel is not None and not self._is_blocked:
            if self._suspects and self._sent:
                return
            self._send(self._channel, self._waiting.popleft())

    def _send(self, channel: Channel, sending: _Sending) -> None:
        publication = sending.publication
        if not self._sent:
            self._silence.restart(self._clock())
        try:
            channel.basic_publish(
                self._settings.exchange,
                publication.routing_key,
                publication.body,
                self._properties(sending),
                mandatory=publication.origin is None,
            )
        except (AMQPChannelError, AMQPConnectionError) as error:  # the channel is closing; `channel_lost` comes next
            self._retry(sending, type(error).__name__)
        except Exception as error:  # a value that AMQP cannot encode must not end the I/O thread
            self._give_up(sending, f"AMQP cannot carry it ({type(error).__name__})")
        else:
            if self._settings.confirms:
                self._number += 1
                self._sent[self._number] = sending
            else:
                self._end(sending, self._clock())

    def _properties(self, sending: _Sending) -> BasicProperties:
        publication = sending.publication
        headers = {**publication.headers, "retry": sending.failures} if sending.failures else publication.headers
        if publication.origin is None:
            return NewProperties(headers, self._delivery_mode)
        properties = RepeatedProperties(
            publication.origin.properties,
            headers,
            delivery_mode=self._delivery_mode,
            expiration=str(publication.expiration_ms),
        )
        if properties.user_id != self._user:
            properties.user_id = None  # the broker closes the channel over the name of another user
        return properties

    def _on_confirm(self, frame: Any) -> None:
        now = self._clock()
        self._silence.confirmed(now)
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
                self._retry(sending, _UNROUTABLE)
            elif is_success:
                self._end(sending, now)
            else:
                self._retry(sending, "the broker refused it")
        if self._waiting:
            self._flush()

    def _end(self, sending: _Sending, now_seconds: float) -> None:
        observation.current.published(now_seconds - sending.begun_seconds)
        sending.then(None)

    def _on_return(self, _channel: Channel, method: Any, properties: BasicProperties, body: bytes) -> None:
        """Mark the publication that the broker returned, the oldest one of equal messages; its confirm comes next."""
        headers = properties.headers or {}
        for sending in self._sent.values():
            publication = sending.publication
            if (
                not sending.is_returned
                and publication.routing_key == method.routing_key
                and publication.headers.get("messageId") == headers.get("messageId")
                and publication.body == body
            ):
                sending.is_returned = True
                return

    def _retry(self, sending: _Sending, cause: str) -> None:
        """Publish again after a pause, or give up after the last attempt."""
        attempts = self._settings.publish_attempts
        if self._is_stopping or (attempts is not None and sending.failures + 1 >= attempts):
            self._give_up(sending, cause)
            return
        delay_ms = min(
            self._settings.publish_delay_ms * 2 ** min(sending.failures, 32), self._settings.publish_max_delay_ms
        )
        if self._is_hurried:
            delay_ms = min(delay_ms, _HURRIED_MS)
        sending.failures += 1
        sending.is_returned = False
        observation.current.publication_retried()
        _log.warning("publishing failed, retrying", extra={"cause": cause, "retry": sending.failures})
        self._retrying.add(sending)
        self._loop.call_later(max(0, delay_ms) / 1000, lambda: self._resend(sending))

    def _resend(self, sending: _Sending) -> None:
        if sending not in self._retrying:
            return
        self._retrying.remove(sending)
        self._waiting.append(sending)
        self._flush()

    def _give_up(self, sending: _Sending, cause: str) -> None:
        self._suspects.discard(sending)
        text = f"Failed on publishing {_id(sending.publication)} message to MQ: {cause}"
        sending.then(EmitUnconfirmed(text, is_left_to_broker=self._is_stopping))


def _user(uri: str) -> str:
    try:
        return unquote(urlsplit(uri).username or "")
    except ValueError:  # no address; `connection_parameters` says so
        return ""


def _id(publication: RoutedPublication) -> str:
    return excerpt(str(publication.headers.get("messageId")), _LONGEST_ID)
