"""Makes AMQP messages of publications: routing keys, copies of errors, delays and limits of rebounds. Pure; no I/O.

Source: contract §5.3, §6.2, §6.3, §6.6.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, cast

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.publisher import RoutedPublication
from shipmate.container.messages.codec import new_id
from shipmate.container.transport import Publication, ReboundLimitReached
from shipmate.errors import EmitError
from shipmate.settings import BrokerSettings

# All headers of a message must fit into one frame, which has 131072 bytes at most brokers.
_LONGEST_REASON: Final = 10_000


class Routing:
    """Knows the routing keys of one step, and the limits of its rebounds."""

    def __init__(self, settings: BrokerSettings) -> None:
        """Take the keys and limits from the settings."""
        self._data_key = settings.data_key
        self._keys = {
            "error": settings.error_key,
            "snapshot": settings.snapshot_key,
            "updateSnapshot": settings.snapshot_key,
        }
        self._has_error_replies = settings.has_error_replies
        self._rebound_key = settings.rebound_key
        self._rebound_delay_ms = settings.rebound_delay_ms
        self._rebound_limit = settings.rebound_limit

    def route(self, publication: Publication) -> RoutedPublication:
        """Return the AMQP message of a publication.

        Raises:
            EmitError: A reply has no caller who waits for it.
            ReboundLimitReached: The message has been sent back too often.
        """
        event = publication.event
        if event == "data":
            return RoutedPublication(publication.routing_key or self._data_key, publication.body, publication.metadata)
        if event == "httpReply":
            return _reply(publication)
        if event == "rebound":
            return self._rebound(publication)
        return RoutedPublication(self._keys[event], publication.body, publication.metadata)

    def error_reply(self, publication: Publication) -> RoutedPublication | None:
        """Return the copy of an error for the caller who waits for a reply, None if there is no such caller.

        Source: contract §6.2.
        """
        error = publication.bare_error
        if error is None or not self._has_error_replies or (key := _reply_key(publication.metadata)) is None:
            return None
        headers = {**publication.metadata, "messageId": new_id(), "x-eio-error-response": True}
        return RoutedPublication(key, error, headers, is_reply=True)

    def _rebound(self, publication: Publication) -> RoutedPublication:
        """Return the message of the delivery, unchanged, with a delay. Source: contract §6.3."""
        origin = cast(AmqpDelivery, publication.delivery)
        iteration = _rebounds(origin.metadata.get("reboundIteration")) + 1
        if iteration > self._rebound_limit:
            raise ReboundLimitReached
        headers = {
            **origin.metadata,
            "reboundIteration": iteration,
            "reboundReason": publication.metadata["reboundReason"][:_LONGEST_REASON],
            "end": publication.metadata["end"],
        }
        delay_ms = 2 ** (iteration - 1) * self._rebound_delay_ms
        return RoutedPublication(self._rebound_key, origin.body, headers, origin, delay_ms)


def _reply(publication: Publication) -> RoutedPublication:
    key = _reply_key(publication.metadata)
    if key is None:
        raise EmitError("Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers")
    return RoutedPublication(key, publication.body, publication.metadata, is_reply=True)


def _reply_key(metadata: Mapping[str, Any]) -> str | None:
    value = metadata.get("reply_to")
    return None if value is None else str(value)


def _rebounds(value: object) -> int:
    """Return the rebound count as a non-negative integer; anything that is not a finite number counts as 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0, int(value)) if is_number and math.isfinite(value) else 0  # type: ignore[arg-type, call-overload]
