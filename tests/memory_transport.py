"""A transport in memory: it delivers on the calling thread, keeps what is published, and confirms as a test asks."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager

from shipmate.container.transport import Delivery, Publication, ReboundLimitReached, Transport
from shipmate.errors import BrokerLost, EmitError, EmitUnconfirmed
from shipmate.settings import StepSettings

SECONDS = 10

Then = Callable[[EmitUnconfirmed | None], None]


class MemoryTransport:
    """Confirms each publication at once, unless it is asked to hold or to refuse some."""

    lock: Callable[[str], AbstractContextManager[None]] | None = None
    secrets: tuple[str, ...] = ()
    error_limit_bytes: int | None = None
    more_events: tuple[str, ...] = ()

    def __init__(self, on_lost: Callable[[BaseException], None] = lambda error: None) -> None:
        self.published: list[Publication] = []
        """What was confirmed, in order."""
        self.settled: list[tuple[Delivery, bool]] = []
        """Each delivery that is done or has failed, with whether it is a success."""
        self.left: list[Delivery] = []
        self.allows_rebounds = True
        self.size_limit_bytes: int | None = None
        self.is_alive = True
        self.is_consuming = False
        self.is_closed = False
        self.is_hurried = False
        self._on_lost = on_lost
        self._is_holding = False
        self._is_stopping = False
        self._refusals: Counter[str] = Counter()
        self._held: deque[tuple[Publication, Then]] = deque()
        self._in_work = 0
        self._changed = threading.Condition()
        self._work: Callable[[Delivery], None] = lambda delivery: None

    # For tests

    def deliver(self, body: bytes, metadata: dict[str, object], *, unreadable: str | None = None) -> Delivery:
        """Have a message processed on this thread, and return its delivery; events on other threads may come later."""
        delivery = Delivery(body, metadata, False, unreadable)
        with self._changed:
            self._in_work += 1
        self._work(delivery)
        return delivery

    def refuse(self, event: str, times: int = 1) -> None:
        """Fail the next publications of an event."""
        self._refusals[event] += times

    def hold(self) -> None:
        """Confirm nothing from now on until `confirm`."""
        self._is_holding = True

    def confirm(self) -> None:
        """Confirm everything that was held, and what comes from now on."""
        self._is_holding = False
        while self._held:
            self._answer(*self._held.popleft())

    def wait_until_held(self, count: int = 1) -> None:
        """Wait until so many publications are held."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._held) >= count, SECONDS)

    def lose(self) -> None:
        """Lose the platform for good."""
        self.is_alive = False
        self._on_lost(BrokerLost("the platform is away"))

    # The port

    @property
    def obstacle(self) -> str | None:
        return None if self.is_consuming else "the platform is away"

    def ping(self, answer: Callable[[], None]) -> None:
        if self.is_alive:
            answer()

    def connect(self) -> None:
        pass

    def wait_until_open(self) -> None:
        pass

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        self._work = work
        self.is_consuming = True
        on_consuming()

    def publish(self, publication: Publication) -> None:
        answers: list[EmitUnconfirmed | None] = []
        answered = threading.Event()

        def then(error: EmitUnconfirmed | None) -> None:
            answers.append(error)
            answered.set()

        self.publish_later(publication, then)
        assert answered.wait(SECONDS), "the publication was neither confirmed nor abandoned"
        if answers[0] is not None:
            raise answers[0]

    def publish_later(self, publication: Publication, then: Then) -> None:
        if publication.event == "rebound" and not self.allows_rebounds:
            raise ReboundLimitReached
        if self.size_limit_bytes is not None and publication.event in ("data", "httpReply"):
            if (size := len(publication.body)) > self.size_limit_bytes:
                raise EmitError(f"Outgoing message size {size} exceeds limit of {self.size_limit_bytes}.")
        if self._is_holding:
            with self._changed:
                self._held.append((publication, then))
                self._changed.notify_all()
        else:
            self._answer(publication, then)

    def flush(self) -> None:
        pass

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        self._end(lambda: self.settled.append((delivery, is_success)))

    def leave(self, delivery: Delivery) -> None:
        self._end(lambda: self.left.append(delivery))

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_work, timeout_seconds)

    def hurry(self) -> None:
        self.is_hurried = True

    def stop_retrying(self) -> None:
        self._is_stopping = True

    def abandon(self, seconds: float) -> None:
        while self._held:
            self._held.popleft()[1](EmitUnconfirmed("nothing is confirmed", is_left_to_broker=True))

    def cancel(self) -> None:
        self.is_consuming = False

    def close(self) -> None:
        self.is_closed = True

    def _answer(self, publication: Publication, then: Then) -> None:
        with self._changed:
            is_refused = self._refusals[publication.event] > 0
            if is_refused:
                self._refusals[publication.event] -= 1
            else:
                self.published.append(publication)
        then(EmitUnconfirmed("refused", is_left_to_broker=self._is_stopping) if is_refused else None)

    def _end(self, note: Callable[[], None]) -> None:
        with self._changed:
            note()
            self._in_work -= 1
            self._changed.notify_all()


class ObservedTransport(MemoryTransport):
    """Does what a test wants when messages may come, or when the connection is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.on_open: Callable[[], None] = lambda: None
        self.on_consume: Callable[[], None] = lambda: None

    def made(self, settings: StepSettings, *, on_lost: Callable[[BaseException], None]) -> Transport:
        self._on_lost = on_lost
        return self

    def wait_until_open(self) -> None:
        self.on_open()

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        super().consume(work, on_consuming)
        self.on_consume()
