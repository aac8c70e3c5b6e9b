"""What has been delivered and not yet settled, and which delivery is the same message again. Pure; no I/O.

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
# A broker that lives has not seen as many answers at most as it delivers in advance; one that was killed, more.
_UNSURE: Final = 4096
_END_BYTES: Final = 256


@dataclass(slots=True, eq=False)
class AmqpDelivery(Delivery):
    """A message as the broker delivered it; the tag changes when it is delivered again on a later channel."""

    properties: Any = field(repr=False)
    """All properties as the client library has them: a rebound publishes them again."""
    tag: int
    incarnation: int
    """Which of the channels that this process has had the tag belongs to."""
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
    """What to do with a delivery."""

    PROCESS = "it is new"
    ADOPTED = "it is being processed; its new tag will be used"
    ACKNOWLEDGE = "it was processed while the channel was away, and succeeded"
    REJECT = "it was processed while the channel was away, and failed"


class Deliveries:
    """The deliveries of one consumer, over all channels that it has had."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with the first channel; ``clock`` counts seconds."""
        self.incarnation = 0
        self._clock = clock
        self._unsettled: dict[str, list[AmqpDelivery]] = {}
        self._outcomes: OrderedDict[tuple[str, int], list[tuple[Admission, float]]] = OrderedDict()
        """By message id and a fingerprint of the body, which several messages may have in common."""
        self._answered: deque[tuple[str, int, Admission]] = deque(maxlen=_UNSURE)
        """The last answers on the present channel, which the broker may not see if it is lost."""

    def next_channel(self) -> None:
        """Note that all tags so far are dead, and that the last answers may have been lost with their channel."""
        self.incarnation += 1
        for message_id, body, outcome in self._answered:
            self._remember(message_id, body, outcome)
        self._answered.clear()

    def admit(self, delivery: AmqpDelivery) -> Admission:
        """Decide what to do with a delivery on the present channel."""
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
        """Tell whether a delivery that nobody has begun to process is one of a dead channel: it will come again."""
        if delivery.incarnation == self.incarnation:
            return False
        self._remove(delivery)
        return True

    def settle(self, delivery: AmqpDelivery, *, is_success: bool) -> bool:
        """Note the outcome, and tell whether the tag is alive; else the outcome waits for the redelivery."""
        self._remove(delivery)
        is_alive = delivery.incarnation == self.incarnation
        if (message_id := delivery.message_id) is not None:
            outcome = Admission.ACKNOWLEDGE if is_success else Admission.REJECT
            if is_alive:
                self._answered.append((message_id, _fingerprint(delivery.body), outcome))
            else:
                self._remember(message_id, _fingerprint(delivery.body), outcome)
        return is_alive

    def drop(self, delivery: AmqpDelivery) -> None:
        """Forget a delivery that is left to the broker."""
        self._remove(delivery)

    def _adopt(self, message_id: str, delivery: AmqpDelivery) -> bool:
        for known in self._unsettled.get(message_id, ()):
            if known.incarnation < self.incarnation and known.body == delivery.body:
                known.tag, known.incarnation = delivery.tag, delivery.incarnation
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
        self._answered.append((message_id, body, outcome))  # this answer can be lost as well
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
    """Return what tells bodies with the same id apart: their ends, which depend on all that is encrypted before."""
    return hash((len(body), body[-_END_BYTES:]))
