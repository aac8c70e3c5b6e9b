"""Keeps the unsettled deliveries, and recognises redelivered messages, on any transport. Pure; no I/O.

A transport numbers its connections, or the channels on them: 0, 1, ... are the epochs of its deliveries.

Source: contract §3.7, proxy §10.4.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, Protocol, Self, TypeVar

_REMEMBERED: Final = 4096
_REMEMBERED_SECONDS: Final = 300.0
# How many of the last answers may be lost with a connection: at most the prefetch if the broker survives, more if it
# was killed.
_UNSURE: Final = 4096
_END_BYTES: Final = 256


class Tracked(Protocol):
    """A delivery that can be recognised when it comes again."""

    body: bytes
    is_redelivered: bool
    """False if the transport knows that it comes for the first time."""
    epoch: int
    """The epoch in which it came."""

    @property
    def message_id(self) -> str | None:
        """The id of the message, None if it has none."""

    def adopt(self, again: Self) -> None:
        """Become the delivery that came again, which is settled in place of this one."""


_D = TypeVar("_D", bound=Tracked)


class Admission(Enum):
    """The decision about a delivery."""

    PROCESS = "it is new"
    ADOPTED = "it is being processed; the delivery in work is settled in place of it"
    ACKNOWLEDGE = "it was processed in an earlier epoch, and succeeded"
    REJECT = "it was processed in an earlier epoch, and failed"


class Deliveries(Generic[_D]):
    """The deliveries of one consumer, across all epochs."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with the first epoch; ``clock`` counts seconds."""
        self.epoch = 0
        self._clock = clock
        self._unsettled: dict[str, list[_D]] = {}
        self._outcomes: OrderedDict[tuple[str, int], list[tuple[Admission, float]]] = OrderedDict()
        """Outcome and expiry by message id and fingerprint of the body; equal messages share one list."""
        self._answered: deque[tuple[str, int, Admission]] = deque(maxlen=_UNSURE)
        """The last answers in this epoch; if the connection is lost, the platform may not have received them."""

    def next_epoch(self) -> None:
        """Begin a new epoch: the platform may have missed the last answers."""
        self.epoch += 1
        for message_id, body, outcome in self._answered:
            self._remember(message_id, body, outcome)
        self._answered.clear()

    def admit(self, delivery: _D) -> Admission:
        """Decide how to treat a delivery of this epoch."""
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

    def forget_stale(self, delivery: _D) -> bool:
        """Forget a delivery that waits to be processed if its epoch is over, since it is redelivered.

        Returns:
            Whether it was forgotten.
        """
        if delivery.epoch == self.epoch:
            return False
        self._remove(delivery)
        return True

    def settle(self, delivery: _D, *, is_success: bool) -> bool:
        """Note the outcome of a delivery.

        Returns:
            Whether to answer the platform now. Otherwise the redelivery gets the outcome.
        """
        self._remove(delivery)
        is_of_this_epoch = delivery.epoch == self.epoch
        if (message_id := delivery.message_id) is not None:
            outcome = Admission.ACKNOWLEDGE if is_success else Admission.REJECT
            if is_of_this_epoch:
                self._answered.append((message_id, _fingerprint(delivery.body), outcome))
            else:
                self._remember(message_id, _fingerprint(delivery.body), outcome)
        return is_of_this_epoch

    def leave(self, delivery: _D) -> None:
        """Forget a delivery that stays unacknowledged."""
        self._remove(delivery)

    def _adopt(self, message_id: str, delivery: _D) -> bool:
        for known in self._unsettled.get(message_id, ()):
            if known.epoch < self.epoch and known.body == delivery.body:
                known.adopt(delivery)
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

    def _recall(self, message_id: str, delivery: _D) -> Admission | None:
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

    def _remove(self, delivery: _D) -> None:
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
