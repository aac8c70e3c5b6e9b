"""Makes AMQP messages of publications: routing keys, copies of errors, delays and limits of rebounds. Pure; no I/O.

Source: contract §5.3, §6.2, §6.3, §6.6.
"""

import logging
import math
from collections.abc import Mapping
from typing import Any, Final, cast

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.publisher import RoutedPublication
from shipmate.container.messages.codec import new_id
from shipmate.container.transport import Delivery, Publication, ReboundLimitReached
from shipmate.errors import EmitError
from shipmate.settings import BrokerSettings

_log: Final = logging.getLogger("shipmate.amqp")
# RabbitMQ publishes a message with the routing keys in these headers as well.
_ADDRESSING: Final = frozenset({"CC", "BCC"})
_ERROR_COPY: Final = "x-eio-error-response"
# The longest time to live, in milliseconds, that RabbitMQ accepts; it closes the channel over a longer one.
_LONGEST_DELAY_MS: Final = 2**32 - 1


class Routing:
    """Knows the routing keys of one step, and the limits of its rebounds."""

    def __init__(self, settings: BrokerSettings, size_limit_bytes: int | None = None) -> None:
        """Take the keys and limits from the settings; None as limit of the size for none."""
        self._size_limit_bytes = size_limit_bytes
        self._data_key = settings.data_key
        self._keys = {
            "error": settings.error_key,
            "snapshot": settings.snapshot_key,
            "updateSnapshot": settings.snapshot_key,
        }
        self._has_error_replies = settings.has_error_replies
        self._rebound_key = settings.rebound_key
        self._own_keys = frozenset({settings.data_key, settings.rebound_key, settings.queue, *self._keys.values()})
        """The routing keys and the queue of this step, which no caller who waits for a reply listens to."""
        self._rebound_delay_ms = settings.rebound_delay_ms
        self._rebound_limit = settings.rebound_limit

    def route(self, publication: Publication) -> RoutedPublication:
        """Return the AMQP message of a publication.

        Raises:
            EmitError: A message is too large, a reply has no caller who waits for it, or the caller's address is a key
                of this step.
            ReboundLimitReached: The message has been sent back too often.
        """
        event = publication.event
        if event == "data":
            self._check_size(publication.body)
            return RoutedPublication(publication.routing_key or self._data_key, publication.body, publication.metadata)
        if event == "httpReply":
            self._check_size(publication.body)
            return self._reply(publication)
        if event == "rebound":
            return self._rebound(publication)
        return RoutedPublication(self._keys[event], publication.body, publication.metadata)

    def error_reply(self, publication: Publication) -> RoutedPublication | None:
        """Return the copy of an error for the caller who waits for a reply, None if there is no such caller.

        An input that is such a copy itself gets none, and no copy goes to the keys of this step: each copy would cause
        the next one.

        Source: contract §6.2.
        """
        error, origin = publication.bare_error, publication.delivery
        if error is None or not self._has_error_replies or (key := _reply_key(publication.metadata)) is None:
            return None
        if self._is_own(key, origin) or (origin is not None and _is_error_copy(origin.metadata)):
            _log.warning("no copy of the error for the caller: reply_to leads back to this step, or to other errors")
            return None
        headers = {**publication.metadata, "messageId": new_id(), _ERROR_COPY: True}
        return RoutedPublication(key, error, headers, is_reply=True)

    def _check_size(self, body: bytes) -> None:
        """Check the size of a message or a reply. Source: contract §6.1."""
        limit = self._size_limit_bytes
        if limit is not None and len(body) > limit:
            raise EmitError(f"Outgoing message size {len(body)} exceeds limit of {limit}.")

    def _reply(self, publication: Publication) -> RoutedPublication:
        key = _reply_key(publication.metadata)
        if key is None:
            raise EmitError("Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers")
        if self._is_own(key, publication.delivery):
            raise EmitError("expected a reply_to where a caller waits, found a routing key of this step")
        return RoutedPublication(key, publication.body, publication.metadata, is_reply=True)

    def _is_own(self, key: str, origin: Delivery | None) -> bool:
        """Tell whether a publication with this routing key comes to this step, or passes for one of its events."""
        return key in self._own_keys or (isinstance(origin, AmqpDelivery) and key == origin.routing_key)

    def _rebound(self, publication: Publication) -> RoutedPublication:
        """Return the message of the delivery, unchanged except for some headers, with a delay. Contract §6.3."""
        origin = cast(AmqpDelivery, publication.delivery)
        iteration = _rebounds(origin.metadata.get("reboundIteration")) + 1
        if iteration > self._rebound_limit:
            raise ReboundLimitReached
        headers = {
            **{name: value for name, value in origin.metadata.items() if name not in _ADDRESSING},
            "reboundIteration": iteration,
            "reboundReason": publication.metadata["reboundReason"],
            "end": publication.metadata["end"],
        }
        delay_ms = min(2 ** min(iteration - 1, 32) * self._rebound_delay_ms, _LONGEST_DELAY_MS)
        return RoutedPublication(self._rebound_key, origin.body, headers, origin, delay_ms)


def _reply_key(metadata: Mapping[str, Any]) -> str | None:
    value = metadata.get("reply_to")
    return None if value is None else str(value)


def _is_error_copy(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a message is the copy of an error, whatever the letters of the header's name and its value."""
    return any(isinstance(name, str) and name.lower() == _ERROR_COPY for name in metadata)


def _rebounds(value: object) -> int:
    """Return the rebound count as a non-negative integer; anything that is not a finite number counts as 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0, int(value)) if is_number and math.isfinite(value) else 0  # type: ignore[arg-type, call-overload]
