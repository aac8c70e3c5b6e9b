"""One connection with one channel that is opened again whenever it is lost, a limited number of times in a row."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pika import URLParameters
from pika.channel import Channel
from pika.exceptions import AMQPError

from shipmate.container.amqp.adapter import BatchingConnection, PikaIOServices
from shipmate.errors import BadSetting, BrokerLost

_log: Final = logging.getLogger("shipmate.amqp")

# What the official runtime's client reads from the address, by the names of ours.
_URL_OPTIONS: Final = {
    "heartbeat": "heartbeat",
    "frameMax": "frame_max",
    "frame_max": "frame_max",
    "channelMax": "channel_max",
    "channel_max": "channel_max",
    "locale": "locale",
    "ssl_options": "ssl_options",
}


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """How often a connection that failed is tried again, and after which pause."""

    attempts: int
    delay_seconds: float


def connection_parameters(uri: str, connection_name: str) -> URLParameters:
    """Return how to connect to the broker at an address.

    Raises:
        BadSetting: The address is none of a broker; the text has nothing of it.
    """
    try:
        parts = urlsplit(uri)
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
            raise ValueError("no address of a broker")
        options = {_URL_OPTIONS[name]: value for name, value in parse_qsl(parts.query) if name in _URL_OPTIONS}
        parameters = URLParameters(urlunsplit(parts._replace(query=urlencode(options), fragment="")))
    except (ValueError, TypeError, IndexError):
        raise BadSetting("ELASTICIO_AMQP_URI: expected amqp://user:password@host:port/vhost") from None
    parameters.client_properties = {"connection_name": connection_name}
    return parameters


class ChannelUser(Protocol):
    """What uses the channel of a link."""

    def prepare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Make a new channel ready, and call back when it is."""

    def channel_ready(self, channel: Channel) -> None:
        """Use a channel that is ready."""

    def channel_lost(self, reason: BaseException) -> None:
        """Use it no more: it is lost."""


class Connection:
    """A connection and its channel; everything here happens on the I/O thread."""

    def __init__(
        self,
        loop: Any,
        parameters: URLParameters,
        policy: ReconnectPolicy,
        *,
        user: ChannelUser,
        on_given_up: Callable[[BrokerLost], None],
    ) -> None:
        """Note what to do; nothing is opened yet.

        Args:
            loop: The I/O loop.
            parameters: Where to connect.
            policy: How often to try.
            user: Uses the channel.
            on_given_up: Called when the channel could not be had again.
        """
        self._loop = loop
        self._parameters = parameters
        self._policy = policy
        self._user = user
        self._on_given_up = on_given_up
        self._failures = 0
        self._is_closing = False
        self._is_ready = False
        self.opened = threading.Event()
        """Set when the channel has been ready once; by whoever is told, also when it could not be had."""
        self.connection: BatchingConnection | None = None
        self.channel: Channel | None = None

    def start(self) -> None:
        """Begin to connect for the first time."""
        self._failures = 1
        self._connect()

    def _connect(self) -> None:
        if self._is_closing:
            return
        self.connection = BatchingConnection(
            self._parameters,
            on_open_callback=self._open_channel,
            on_open_error_callback=lambda _, error: self._reconnect(error),
            on_close_callback=lambda _, reason: self._on_connection_close(reason),
            custom_ioloop=PikaIOServices(self._loop),
        )

    @property
    def open_connection(self) -> BatchingConnection | None:
        """The connection, while it can be used."""
        connection = self.connection
        return connection if connection is not None and connection.is_open else None

    def close(self) -> None:
        """Close the connection, and do not open it again."""
        self._is_closing = True
        try:
            if self.connection is not None and not (self.connection.is_closed or self.connection.is_closing):
                self.connection.close()
        except AMQPError:  # it was about to be lost anyway
            _log.debug("a connection could not be closed in order")

    def _open_channel(self, connection: BatchingConnection) -> None:
        if not self._is_closing:
            connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Channel) -> None:
        self.channel = channel
        channel.add_on_close_callback(self._on_channel_close)
        self._user.prepare(channel, lambda: self._on_ready(channel))

    def _on_ready(self, channel: Channel) -> None:
        if channel is not self.channel or self._is_closing:
            return
        self._failures = 0
        self._is_ready = True
        self._user.channel_ready(channel)
        self.opened.set()

    def _on_channel_close(self, channel: Channel, reason: Exception) -> None:
        if channel is not self.channel:
            return
        self.channel = None
        self._report_loss(reason)
        connection = self.connection
        if self._is_closing or connection is None or not connection.is_open:
            return  # the end of the connection is told next
        self._retry(reason, lambda: self._reopen_channel(connection))

    def _reopen_channel(self, connection: BatchingConnection) -> None:
        if connection is self.connection and connection.is_open:
            self._open_channel(connection)

    def _on_connection_close(self, reason: BaseException) -> None:
        self.channel = None
        self._report_loss(reason)
        self._reconnect(reason)

    def _reconnect(self, reason: BaseException) -> None:
        self.connection = None
        self._retry(reason, self._connect)

    def _report_loss(self, reason: BaseException) -> None:
        if self._is_ready:
            self._is_ready = False
            if not self._is_closing:
                _log.warning("the broker was lost: %s", describe(reason))
            self._user.channel_lost(reason)

    def _retry(self, reason: BaseException, action: Callable[[], None]) -> None:
        """Try at once after a loss, then with pauses, and give up after the last attempt."""
        if self._is_closing:
            return
        failures = self._failures
        self._failures += 1
        if failures > self._policy.attempts:
            self._is_closing = True
            self._on_given_up(BrokerLost(f"the broker could not be had in {failures} attempts: {describe(reason)}"))
            return
        self._loop.call_later(self._policy.delay_seconds if failures else 0, action)


def describe(reason: BaseException) -> str:
    """Return why a connection ended, in one line and without what the client library knows of credentials."""
    inner: Any = reason
    for _ in range(5):
        nested = getattr(inner, "exceptions", None) or getattr(inner, "exception", None)
        nested = nested[-1] if isinstance(nested, (list, tuple)) and nested else nested
        if not isinstance(nested, BaseException):
            nested = inner.args[0] if len(inner.args) == 1 and isinstance(inner.args[0], BaseException) else None
        if nested is None:
            break
        inner = nested
    return " ".join(f"{type(inner).__name__}: {inner}".split())
