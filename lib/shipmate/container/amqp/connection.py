"""A connection with one channel. A lost one is opened again; after too many failures in a row, it gives up."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pika import URLParameters
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shipmate import observation
from shipmate.container.amqp.adapter import BatchingConnection, PikaIOServices
from shipmate.errors import BadSetting, BrokerLost, BrokerRefused
from shipmate.http.certificates import extra_certificates

_log: Final = logging.getLogger("shipmate.amqp")

# Reply codes: the user may not use the queue or the exchange, it does not exist, or another connection owns it.
_REFUSALS: Final = frozenset({403, 404, 405})
# Options in the address: their names in the official runtime's client, and in pika.
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
    """The number of retries after a connection has failed, and the pause between them."""

    attempts: int
    delay_seconds: float


def connection_parameters(uri: str, connection_name: str) -> URLParameters:
    """Return pika's parameters for a broker.

    Args:
        uri: Address such as ``amqp://user:password@host:5672/vhost?heartbeat=10``.
        connection_name: Name that the broker's management pages show.

    Raises:
        BadSetting: The address is invalid; the text contains no part of it, because of the password.
    """
    try:
        parts = urlsplit(uri)
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
            raise ValueError("expected an AMQP address")
        options = {_URL_OPTIONS[name]: value for name, value in parse_qsl(parts.query) if name in _URL_OPTIONS}
        parameters = URLParameters(urlunsplit(parts._replace(query=urlencode(options), fragment="")))
    except (ValueError, TypeError, IndexError):
        raise BadSetting("ELASTICIO_AMQP_URI: expected amqp://user:password@host:port/vhost") from None
    if parameters.ssl_options is not None and (certificates := extra_certificates()):
        parameters.ssl_options.context.load_verify_locations(cadata=certificates)
    parameters.client_properties = {"connection_name": connection_name}
    return parameters


class ChannelUser(Protocol):
    """Uses the channel of a `Connection`."""

    @property
    def variable(self) -> str:
        """The variable that names what the channel uses: a queue or an exchange."""

    @property
    def may_wait_for_it(self) -> bool:
        """Whether it may appear later, so that a refusal of the broker is retried."""

    def prepare(self, channel: Channel, ready: Callable[[], None]) -> None:
        """Set up a new channel, then call ``ready``."""

    def channel_ready(self, channel: Channel) -> None:
        """Begin to use a channel that is set up."""

    def channel_lost(self, reason: BaseException) -> None:
        """Stop using the channel: it is closed."""


class Connection:
    """A connection and its channel; all methods run on the I/O thread."""

    def __init__(
        self,
        loop: Any,
        parameters: URLParameters,
        policy: ReconnectPolicy,
        *,
        user: ChannelUser,
        on_given_up: Callable[[BrokerLost | BrokerRefused], None],
        name: str = "",
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            loop: The I/O loop.
            parameters: Address and options.
            policy: Limits the attempts.
            user: Uses the channel.
            on_given_up: Called after the last failed attempt, or when the broker refuses what the channel uses.
            name: Its name for those who observe it: ``read`` or ``write``.
        """
        self._name = name
        self._loop = loop
        self._parameters = parameters
        self._policy = policy
        self._user = user
        self._on_given_up = on_given_up
        self._attempts = 0
        """Attempts since the channel was ready."""
        self._is_closing = False
        self.is_ready = False
        """True while the channel can be used."""
        self.opened = threading.Event()
        """Set when the channel is ready for the first time; the receiver of ``on_given_up`` may set it, too."""
        self.connection: BatchingConnection | None = None
        self.channel: Channel | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._attempts = 1
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
        """The connection, None while it is not open."""
        connection = self.connection
        return connection if connection is not None and connection.is_open else None

    def close(self) -> None:
        """Close the connection, and do not open it again."""
        self._is_closing = True
        try:
            if self.connection is not None and not (self.connection.is_closed or self.connection.is_closing):
                self.connection.close()
        except AMQPError:
            _log.debug("the connection to the broker ended before it was closed")

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
        self._attempts = 0
        self.is_ready = True
        if self.opened.is_set():
            observation.current.reconnected(self._name)
        self._user.channel_ready(channel)
        self.opened.set()

    def _on_channel_close(self, channel: Channel, reason: Exception) -> None:
        if channel is not self.channel:
            return
        self.channel = None
        self._report_loss("channel", reason)
        connection = self.connection
        if self._is_closing or connection is None or not connection.is_open:
            return  # pika reports the end of the connection next
        self._retry(reason, lambda: self._reopen_channel(connection))

    def _reopen_channel(self, connection: BatchingConnection) -> None:
        if connection is self.connection and connection.is_open:
            self._open_channel(connection)

    def _on_connection_close(self, reason: BaseException) -> None:
        self.channel = None
        self._report_loss("connection", reason)
        self._reconnect(reason)

    def _reconnect(self, reason: BaseException) -> None:
        self.connection = None
        self._retry(reason, self._connect)

    def _report_loss(self, what: str, reason: BaseException) -> None:
        if self.is_ready:
            self.is_ready = False
            if not self._is_closing:
                _log.warning("the %s to the broker was lost: %s", what, describe(reason))
            self._user.channel_lost(reason)

    def _retry(self, reason: BaseException, action: Callable[[], None]) -> None:
        """Run the action: the first one after a loss at once, later ones after a pause; give up after the last."""
        if self._is_closing:
            return
        attempts = self._attempts
        self._attempts += 1
        is_refused = isinstance(reason, ChannelClosedByBroker) and reason.reply_code in _REFUSALS
        if attempts > self._policy.attempts or (is_refused and not self._user.may_wait_for_it):
            self._is_closing = True
            place = f"{self._parameters.host}:{self._parameters.port}"
            if is_refused:
                text = f"{self._user.variable}: the broker at {place} refuses it: {describe(reason)}"
                self._on_given_up(BrokerRefused(text))
            else:
                text = f"cannot reach the broker ({attempts} attempts): {place}, {describe(reason)}"
                self._on_given_up(BrokerLost(text))
            return
        self._loop.call_later(self._policy.delay_seconds if attempts else 0, action)


def describe(reason: BaseException) -> str:
    """Return why a connection ended: type and text of the innermost exception, in one line, without credentials."""
    inner = innermost(reason)
    return " ".join(f"{type(inner).__name__}: {inner}".split())


def innermost(reason: BaseException) -> BaseException:
    """Return the exception that pika has wrapped in others."""
    inner: Any = reason
    for _ in range(5):
        nested = getattr(inner, "exceptions", None) or getattr(inner, "exception", None)
        nested = nested[-1] if isinstance(nested, (list, tuple)) and nested else nested
        if not isinstance(nested, BaseException):
            nested = inner.args[0] if len(inner.args) == 1 and isinstance(inner.args[0], BaseException) else None
        if nested is None:
            break
        inner = nested
    return inner  # type: ignore[no-any-return]  # the attributes of pika's exceptions have no types
