"""Keeps the unsettled deliveries, and recognises redelivered messages. Pure; no I/O.

Source: contract §3.7.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from shipmate.container.transport import Delivery

_REMEMBERED: Final = 4096
_REMEMBERED_SECONDS: Final = 300.0
# How many of the last acknowledgements may be lost with a channel: at most the prefetch if the broker survives, more if
# it was killed.
_UNSURE: Final = 4096
_END_BYTES: Final = 256


@dataclass(slots=True, eq=False)
class AmqpDelivery(Delivery):
    """A message as the broker delivered it; the tag changes when it is delivered again on a later channel."""

    properties: Any = field(repr=False)
    """The AMQP properties, as pika's object; a rebound publishes them again."""
    tag: int
    channel_epoch: int
    """Number of the channel that the tag belongs to; the first channel of this process has 0."""
    exchange: str = ""
    routing_key: str = ""
    consumer_tag: str = ""

    def log_fields(self) -> dict[str, Any]:
        """Return where the message came from. Source: contract §13."""
        return {
            "consumerTag": self.consumer_tag,
            "deliveryTag": self.tag,
            "redelivered": self.is_redelivered,
            "exchange": self.exchange,
            "routingKey": self.routing_key,
        }


class Admission(Enum):
    """The decision about a delivery."""

    PROCESS = "it is new"
    ADOPTED = "it is being processed; its new tag will be used"
    ACKNOWLEDGE = "it was processed while the channel was away, and succeeded"
    REJECT = "it was processed while the channel was away, and failed"


class Deliveries:
    """The deliveries of one consumer, across all its channels."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with the first channel; ``clock`` counts seconds."""
        self.channel_epoch = 0
        self._clock = clock
        self._unsettled: dict[str, list[AmqpDelivery]] = {}
        self._outcomes: OrderedDict[tuple[str, int], list[tuple[Admission, float]]] = OrderedDict()
        """Outcome and expiry by message id and fingerprint of the body; equal messages share one list."""
        self._answered: deque[tuple[str, int, Admission]] = deque(maxlen=_UNSURE)
        """The last answers on the present channel; if it is lost, the broker may not have received them."""

    def next_channel(self) -> None:
        """Begin a new channel: earlier tags are invalid, and the broker may have missed the last acks and rejects."""
        self.channel_epoch += 1
        for message_id, body, outcome in self._answered:
            self._remember(message_id, body, outcome)
        self._answered.clear()

    def admit(self, delivery: AmqpDelivery) -> Admission:
        """Decide how to treat a delivery on the present channel."""
        message_id = delivery.message_id
        if message_id is None:
            return Admission.PROCESS
        if delivery.is_redelivered:
            if self._adopt(message_id, delivery):
                return Admission.ADOPTED
            if outcome := self._recall(message_id, delivery):
                return outcome
        self._unsettled.setdefault(message_id, []).append(delivery)
        return Admission.PROCESS

    def forget_stale(self, delivery: AmqpDelivery) -> bool:
        """Forget a delivery that waits to be processed if its channel is lost, since it is redelivered.

        Returns:
            Whether it was forgotten.
        """
        if delivery.channel_epoch == self.channel_epoch:
            return False
        self._remove(delivery)
        return True

    def settle(self, delivery: AmqpDelivery, *, is_success: bool) -> bool:
        """Note the outcome of a delivery.

        Returns:
            Whether to answer the broker now: the tag is valid. Otherwise the redelivery gets the outcome.
        """
        self._remove(delivery)
        is_tag_valid = delivery.channel_epoch == self.channel_epoch
        if (message_id := delivery.message_id) is not None:
            outcome = Admission.ACKNOWLEDGE if is_success else Admission.REJECT
            if is_tag_valid:
                self._answered.append((message_id, _fingerprint(delivery.body), outcome))
            else:
                self._remember(message_id, _fingerprint(delivery.body), outcome)
        return is_tag_valid

    def leave(self, delivery: AmqpDelivery) -> None:
        """Forget a delivery that stays unacknowledged."""
        self._remove(delivery)

    def _adopt(self, message_id: str, delivery: AmqpDelivery) -> bool:
        for known in self._unsettled.get(message_id, ()):
            if known.channel_epoch < self.channel_epoch and known.body == delivery.body:
                known.tag, known.channel_epoch = delivery.tag, delivery.channel_epoch
                return True
        return False

    def _remember(self, message_id: str, body: int, outcome: Admission) -> None:
        key = (message_id, body)
        outcomes = self._outcomes.setdefault(key, [])
        outcomes.append((outcome, self._clock() + _REMEMBERED_SECONDS))
        del outcomes[:-_REMEMBERED]
        self._outcomes.move_to_end(key)
        while len(self._outcomes) > _REMEMBERED:
            self._outcomes.popitem(last=False)

    def _recall(self, message_id: str, delivery: AmqpDelivery) -> Admission | None:
        body = _fingerprint(delivery.body)
        key = (message_id, body)
        outcomes = self._outcomes.get(key)
        if outcomes is None:
            return None
        outcome, until = outcomes.pop()
        if not outcomes:
            del self._outcomes[key]
        if until < self._clock():
            return None
        self._answered.append((message_id, body, outcome))  # this answer may be lost, too
        return outcome

    def _remove(self, delivery: AmqpDelivery) -> None:
        message_id = delivery.message_id
        known = self._unsettled.get(message_id) if message_id is not None else None
        if message_id is None or known is None:
            return
        if delivery in known:
            known.remove(delivery)
        if not known:
            del self._unsettled[message_id]


def _fingerprint(body: bytes) -> int:
    """Return a hash of the length and the end of a body: in CBC mode the end depends on all encrypted bytes."""
    return hash((len(body), body[-_END_BYTES:]))
