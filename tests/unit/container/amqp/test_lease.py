"""The lock between containers, with a connection that does what a test says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionClosed

from shipmate.container.amqp.lease import Lease, Lock, Patience, pause_seconds
from shipmate.errors import BrokerLost
from shipmate.oauth2.storage.token_store import RefreshAbandoned

NAME = "shipmate.refresh.account"
OWNED_BY_ANOTHER = 405
ACCESS_REFUSED = 403
PRECONDITION_FAILED = 406


class Channel:
    """A channel that notes what is asked of it."""

    def __init__(self) -> None:
        self.is_open = True
        self.declared: list[tuple[str, dict[str, Any]]] = []
        self.deleted: list[str] = []
        self.acquired: Callable[[Any], None] = lambda _: None
        self._on_close: Callable[[Any, Exception], None] = lambda *_: None

    def add_on_close_callback(self, callback: Callable[[Any, Exception], None]) -> None:
        self._on_close = callback

    def queue_declare(self, name: str, *, callback: Callable[[Any], None], **options: Any) -> None:
        self.declared.append((name, options))
        self.acquired = callback

    def queue_delete(self, name: str) -> None:
        self.deleted.append(name)

    def close(self) -> None:
        self.is_open = False

    def closed(self, reason: Exception) -> None:
        """Close the channel, as the broker or the connection does."""
        self.is_open = False
        self._on_close(self, reason)


class World:
    """A lease, the channels that it opens, and the attempts that it plans."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self.planned: list[Callable[[], None]] = []
        self.uses: dict[str, int] = {}
        self.connection: Any = SimpleNamespace(is_open=True, channel=self._open)
        loop = SimpleNamespace(call_later=lambda seconds, action: self.planned.append(action))
        self.lease = Lease(loop, NAME, lambda: self.connection, self.uses)

    def _open(self, on_open_callback: Callable[[Any], None]) -> None:
        self.channels.append(Channel())
        on_open_callback(self.channels[-1])

    def is_decided(self) -> bool:
        """Return whether a waiting thread would continue."""
        return self.lease._decided.is_set()


@pytest.fixture
def world() -> World:
    """A lease whose first attempt is under way."""
    world = World()
    world.lease.begin()
    return world


def test_an_exclusive_queue_is_the_lock(world: World) -> None:
    """The broker deletes it with the connection, so that a killed container leaves no lock behind."""
    (channel,) = world.channels
    assert channel.declared == [(NAME, {"exclusive": True, "auto_delete": True})]
    assert not world.is_decided()
    channel.acquired(None)
    assert world.is_decided()
    world.lease.end()
    assert channel.deleted == [NAME]
    assert not channel.is_open


def test_a_lock_of_another_container_is_reported_at_once(world: World) -> None:
    """The caller looks at the stored keys before it tries again."""
    world.channels[0].closed(ChannelClosedByBroker(OWNED_BY_ANOTHER, "RESOURCE_LOCKED"))
    assert world.is_decided()
    assert world.lease.is_in_use
    assert not world.planned
    assert world.uses == {}


def test_the_pause_between_attempts_grows_with_the_wait_and_is_never_the_same() -> None:
    """Containers that wait for one lock must not ask the broker faster than it answers."""
    pauses = {waited: [pause_seconds(waited) for _ in range(100)] for waited in (0.0, 0.4, 5.0, 59.0)}
    for waited, usual in ((0.0, 0.2), (0.4, 0.2), (5.0, 1.0), (59.0, 2.0)):
        assert 0.5 * usual <= min(pauses[waited]) < max(pauses[waited]) <= 1.5 * usual
        assert len(set(pauses[waited])) == 100


@pytest.mark.parametrize("code", [ACCESS_REFUSED, PRECONDITION_FAILED])
def test_a_lock_that_the_broker_refuses_is_not_waited_for(
    world: World, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator may forbid the component to declare queues, or a durable queue has the name of the lock."""
    world.channels[0].closed(ChannelClosedByBroker(code, "no"))
    assert world.is_decided()
    assert not world.planned
    assert "the broker refuses the refresh lock, continuing without it" in caplog.text
    assert not world.lease.is_in_use


def test_a_lost_connection_is_waited_for(world: World) -> None:
    """Without the broker, all containers of an account would refresh at once."""
    world.channels[0].closed(ConnectionClosed(320, "CONNECTION_FORCED"))
    assert not world.is_decided()
    world.planned.pop()()
    world.channels[1].acquired(None)
    assert world.is_decided()
    assert not world.lease.is_in_use
    assert world.uses == {NAME: 1}


def test_a_lock_that_is_lost_with_its_connection_is_acquired_again(world: World) -> None:
    """Before another container asks for it, while the refresh goes on."""
    world.channels[0].acquired(None)
    world.channels[0].closed(ConnectionClosed(320, "CONNECTION_FORCED"))
    world.planned.pop()()
    world.channels[1].acquired(None)
    world.lease.end()
    assert world.channels[1].deleted == [NAME]
    assert world.uses == {}


def test_a_lock_that_another_container_has_got_meanwhile_is_not_fought_for(world: World) -> None:
    world.channels[0].acquired(None)
    world.channels[0].closed(ConnectionClosed(320, "CONNECTION_FORCED"))
    world.planned.pop()()
    world.channels[1].closed(ChannelClosedByBroker(OWNED_BY_ANOTHER, "RESOURCE_LOCKED"))
    assert not world.planned
    assert not world.lease.is_in_use


def test_a_broker_that_is_lost_for_good_ends_the_wait() -> None:
    """And the refresh: the process ends."""

    def lost() -> None:
        raise BrokerLost("cannot reach the broker")

    lease = Lease(None, NAME, lost, {})
    with (
        pytest.raises(BrokerLost, match="cannot reach the broker"),
        Lock(NAME, Patience(lambda: 0.0), begin=lambda: (lease.begin(), lease)[1], end=lambda _: None),
    ):
        pass


def fail(**_: Any) -> None:
    """Open no channel."""
    raise AMQPError


@pytest.mark.parametrize(
    "connection",
    [None, SimpleNamespace(is_open=False), SimpleNamespace(is_open=True, channel=fail)],
    ids=["none", "closed", "about to end"],
)
def test_a_connection_that_is_not_there_is_waited_for(connection: Any) -> None:
    """No longer than for a lock of another container."""
    world = World()
    usable, world.connection = world.connection, connection
    world.lease.begin()
    assert not world.is_decided()
    world.connection = usable
    world.planned.pop()()
    world.channels[0].acquired(None)
    assert world.is_decided()


def test_a_wait_without_an_answer_has_an_end(world: World) -> None:
    """A broker may be there and not answer."""
    assert not world.lease.wait(0.01)


def test_a_lock_that_comes_after_the_end_is_released_at_once(world: World) -> None:
    """Otherwise this connection would keep it."""
    (channel,) = world.channels
    channel.is_open = False
    world.lease.end()
    assert channel.deleted == []
    channel.is_open = True
    channel.acquired(None)
    assert channel.deleted == [NAME]


def test_nothing_is_tried_after_the_end(world: World) -> None:
    """Neither a planned attempt nor a channel that opens late."""
    world.channels[0].closed(ConnectionClosed(320, "CONNECTION_FORCED"))
    world.lease.end()
    world.planned.pop()()
    assert len(world.channels) == 1
    late = Channel()
    world.lease._on_open(late)  # type: ignore[arg-type]
    assert not late.is_open
    assert late.declared == []


@dataclass
class Now:
    """The time, which pauses move."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class Attempts:
    """The attempts of a lock, each with an answer: is it in use?"""

    def __init__(self, now: Now, *answers: bool | None) -> None:
        self.now = now
        self.answers = list(answers)
        self.waits: list[float] = []
        self.ended = 0
        self.patience = Patience(now.clock)

    def lock(self) -> Lock:
        return Lock(NAME, self.patience, begin=self._begin, end=self._end, clock=self.now.clock, sleep=self.now.sleep)

    def _begin(self) -> Any:
        answer = self.answers.pop(0) if self.answers else True
        return SimpleNamespace(lost=None, is_in_use=answer is True, wait=lambda seconds: self._wait(seconds, answer))

    def _wait(self, seconds: float, answer: bool | None) -> bool:
        self.waits.append(seconds)
        if answer is None:
            self.now.seconds += seconds
        return answer is not None

    def _end(self, lease: Any) -> None:
        self.ended += 1


@pytest.fixture
def now() -> Now:
    """The time of a test."""
    return Now()


def test_a_lock_in_use_is_reported_after_a_pause_and_entered_again(now: Now) -> None:
    """Nothing is held in between."""
    attempts = Attempts(now, True, False)
    lock = attempts.lock()
    with lock as is_in_use:
        assert is_in_use
    assert len(now.slept) == 1
    assert attempts.ended == 0
    with lock as is_in_use:
        assert not is_in_use
        assert attempts.ended == 0
    assert attempts.ended == 1


def test_attempts_end_after_a_minute_with_a_warning(now: Now, caplog: pytest.LogCaptureFixture) -> None:
    """As long as a refresh may take; the work goes on without the lock then."""
    lock = Attempts(now).lock()
    count = 0
    while lock.__enter__():
        count += 1
    assert 60 < now.seconds < 63
    assert 20 < count < 80
    assert f"no refresh lock within 60 s, continuing without it: {NAME} is in use" in caplog.text


@pytest.mark.parametrize("answer", [True, None], ids=["in use", "no answer"])
def test_a_lock_that_is_not_free_is_abandoned_when_the_time_to_stop_is_over(now: Now, answer: bool | None) -> None:
    """Without a pause, and without going on: another container may be about to use the refresh token."""
    attempts = Attempts(now, answer)
    attempts.patience.end()
    with pytest.raises(RefreshAbandoned):
        attempts.lock().__enter__()
    assert (now.slept, attempts.ended) == ([], 1)


def test_a_free_lock_is_acquired_even_when_the_time_to_stop_is_over(now: Now) -> None:
    attempts = Attempts(now, False)
    attempts.patience.end()
    with attempts.lock() as is_in_use:
        assert not is_in_use


def test_the_end_of_the_time_to_stop_ends_a_wait_and_a_pause(world: World, now: Now) -> None:
    """Both may take longer than the process is given."""
    patience = Patience(now.clock)
    lease = world.lease
    lease.wait = lambda seconds: (patience.end(), Lease.wait(lease, seconds))[1]  # type: ignore[method-assign]
    with pytest.raises(RefreshAbandoned):
        Lock(NAME, patience, begin=lambda: lease, end=Lease.end, clock=now.clock).__enter__()
    patience.pause(60)
    world.channels[0].acquired(None)
    assert world.channels[0].deleted == [NAME]


def test_containers_that_wait_in_vain_do_not_go_on_at_the_same_moment() -> None:
    """All began together; the others shall find the keys of the first one that goes on."""
    ends = set()
    for _ in range(20):
        now = Now()
        lock = Attempts(now).lock()
        while lock.__enter__():
            pass
        ends.add(round(now.seconds, 3))
    assert len(ends) > 10


def test_each_refresh_has_a_wait_of_its_own(now: Now) -> None:
    """An hour after keys were adopted, a lock in use is no reason to go on without it: a token would be used twice."""
    attempts = Attempts(now)
    assert attempts.lock().__enter__()
    now.seconds += 3600
    assert attempts.lock().__enter__()


def test_a_broker_that_does_not_answer_is_waited_for_as_long(now: Now, caplog: pytest.LogCaptureFixture) -> None:
    """It cannot say that the lock is in use."""
    attempts = Attempts(now, None)
    with attempts.lock() as is_in_use:
        assert not is_in_use
    assert attempts.waits == [60]
    assert "no refresh lock within 60 s" in caplog.text


def test_a_lock_that_never_comes_is_waited_for_once(now: Now, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign queue of its name delayed each refresh by a minute; other accounts wait as before."""
    patience = Patience(now.clock)
    assert patience.seconds(NAME) == 60
    patience.waited(NAME, is_decided=False)
    assert (patience.seconds(NAME), patience.seconds("another")) == (1, 60)
    assert "for the next 300 s, waiting 1 s at most for this lock" in caplog.text
    now.seconds = 299.0
    patience.waited(NAME, is_decided=False)
    assert patience.seconds(NAME) == 1
    now.seconds = 300.0
    assert patience.seconds(NAME) == 60


def test_a_lock_that_comes_again_is_waited_for_as_before(now: Now) -> None:
    """Its owner was slow."""
    patience = Patience(now.clock)
    patience.waited(NAME, is_decided=False)
    patience.waited(NAME, is_decided=True)
    assert patience.seconds(NAME) == 60
