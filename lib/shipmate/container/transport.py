"""The port between a step and the transport that moves its messages.

The step knows messages and events. A transport knows how the platform moves them: `shipmate.container.amqp.Broker` is
the one for AMQP. Nothing above this port names a queue, a routing key other than the author's own, or a frame.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shipmate.errors import EmitUnconfirmed


@dataclass(slots=True, eq=False)
class Delivery:
    """A message from the platform; each transport has a subclass with what it needs to settle the message."""

    body: bytes = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)
    """The headers of the message, as they came. Source: contract §5.1."""
    is_redelivered: bool
    unreadable: str | None
    """The reason why the metadata cannot be read; the metadata is empty then."""

    @property
    def message_id(self) -> str | None:
        """The header ``messageId``, None if it is missing, empty or not a text."""
        value = self.metadata.get("messageId")
        return value if isinstance(value, str) and value else None

    def log_fields(self) -> dict[str, Any]:
        """Return the fields of log records about this delivery, besides the ids of the message."""
        return {}


class Publication(NamedTuple):  # 0.5 µs; a frozen dataclass of this size takes 1.5
    """One event of a message on its way to the platform.

    ``Publication("data", {"messageId": "m1", ...}, b"...", delivery)``
    """

    event: str
    """The name that authors emit: ``data``, ``error``, ``rebound``, ``snapshot``, ``updateSnapshot``, ``httpReply``;
    or a type of the author's own."""
    metadata: Mapping[str, Any]
    """The headers of the event. Source: contract §5.2, §5.3."""
    body: bytes
    """The encoded value; empty for a rebound, which sends the message of the delivery back."""
    delivery: Delivery | None
    """The delivery in work; None for the error of a process that could not start."""
    routing_key: str | None = None
    """The author's own routing key, None for the one of the event."""
    bare_error: bytes | None = None
    """The encrypted error without the input, for the caller who waits for a reply."""

    def __repr__(self) -> str:
        """Show neither metadata nor body."""
        return f"Publication({self.event!r})"


class ReboundLimitReached(Exception):
    """A message cannot be sent back once more: the platform's limit is reached."""


class Transport(Protocol):
    """Delivers messages on many threads, and takes publications from any thread."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that nobody may see, besides the values of the environment."""

    @property
    def error_limit_bytes(self) -> int | None:
        """The most bytes of the body of an error, None for any number."""

    @property
    def more_events(self) -> tuple[str, ...]:
        """The events that authors may emit on this transport alone."""

    @property
    def lock(self) -> Callable[[str], AbstractContextManager[bool | None]] | None:
        """A lock by name between all containers, None if the transport has no locks.

        Its value is True, after a pause, if another container has it: nothing is held then, and it is entered again.
        """

    @property
    def is_alive(self) -> bool:
        """True while publications can still be confirmed."""

    @property
    def obstacle(self) -> str | None:
        """The reason why no messages can arrive, None if they can; for any thread."""

    def ping(self, answer: Callable[[], None]) -> None:
        """Let the I/O thread call ``answer`` in its next turn, to see whether it works."""

    def connect(self) -> None:
        """Begin to connect."""

    def wait_until_open(self) -> None:
        """Return when the connection can be used.

        Raises:
            BrokerLost: The platform cannot be reached.
        """

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        """Begin to take messages.

        Args:
            work: Processes a message, and must call `settle` or `leave` for it, now or later; called on one
                thread for each message in work.
            on_consuming: Called once, on any thread, when the platform has accepted the subscription.
        """

    def publish(self, publication: Publication) -> None:
        """Publish when the rate limit of the event allows it, and return when the platform has confirmed.

        Raises:
            EmitUnconfirmed: The platform has not confirmed in as many attempts as are allowed.
            EmitError: The event cannot be published, since it is too large for example.
            ReboundLimitReached: The message has been sent back too often.
        """

    def publish_later(self, publication: Publication, then: Callable[[EmitUnconfirmed | None], None]) -> None:
        """Publish when the rate limit of the event allows it, without waiting for the confirmation.

        Args:
            publication: A data event, or the error of a process that could not start.
            then: Called with None when the platform has confirmed, else with the error; on a thread that it must not
                block.

        Raises:
            EmitError: The event cannot be published; ``then`` is not called.
        """

    def flush(self) -> None:
        """Send the publications of `publish_later` now; within ``work``, the transport does that itself."""

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        """Tell the platform that a message has succeeded or failed."""

    def leave(self, delivery: Delivery) -> None:
        """Give a message back unsettled: the platform delivers it again, to any container."""

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every message is settled or left; return False if the time is up before."""

    def hurry(self) -> None:
        """Retry failed publications at once, and after short pauses from now on, because the process is stopping."""

    def stop_retrying(self) -> None:
        """Fail publications at their first failed attempt from now on, because the time to stop is over.

        Waits for a lock that another container has end as well: they raise `RefreshAbandoned`. May be called again.
        """

    def abandon(self, seconds: float) -> None:
        """Fail all publications if the platform has confirmed nothing for ``seconds``."""

    def cancel(self) -> None:
        """Take no more messages; return when the platform has agreed, or does not answer in time."""

    def close(self) -> None:
        """Close the connection."""
