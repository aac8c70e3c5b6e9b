"""The lock between containers, with a connection that does what a test says."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionClosed

from shipmate.container.amqp.lease import Lease, Patience, pause_seconds

NAME = "shipmate.refresh.account"
OWNED_BY_ANOTHER = 405
ACCESS_REFUSED = 403


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
        self.connection: Any = SimpleNamespace(is_open=True, channel=self._open)
        loop = SimpleNamespace(call_later=lambda seconds, action: self.planned.append(action))
        self.lease = Lease(loop, NAME, lambda: self.connection)

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


def test_the_pause_between_attempts_grows_with_the_wait_and_is_never_the_same() -> None:
    """Containers that wait for one lock must not ask the broker faster than it answers."""
    pauses = {waited: [pause_seconds(waited) for _ in range(100)] for waited in (0.0, 0.4, 5.0, 59.0)}
    for waited, usual in ((0.0, 0.2), (0.4, 0.2), (5.0, 1.0), (59.0, 2.0)):
        assert 0.5 * usual <= min(pauses[waited]) < max(pauses[waited]) <= 1.5 * usual
        assert len(set(pauses[waited])) == 100


def test_without_permission_the_work_continues_without_the_lock(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The operator may forbid the component to declare queues."""
    world.channels[0].closed(ChannelClosedByBroker(ACCESS_REFUSED, "ACCESS_REFUSED"))
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


@pytest.fixture
def now() -> list[float]:
    """The time, which a test sets."""
    return [0.0]


@pytest.fixture
def patience(now: list[float]) -> Patience:
    """Patience with that time."""
    return Patience(lambda: now[0])


def test_attempts_go_on_for_a_minute(patience: Patience, now: list[float]) -> None:
    """As long as a refresh may take; the last pause ends with the minute, and another attempt follows."""
    assert patience.attempt_seconds(NAME) == 60
    now[0] = 59.9
    assert patience.pause_seconds(NAME) == pytest.approx(0.1)
    now[0] = 60.0
    assert patience.attempt_seconds(NAME) == 1
    assert patience.pause_seconds(NAME) is None


def test_a_lock_that_never_comes_is_waited_for_once(
    patience: Patience, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign queue of its name delayed each refresh by a minute; other accounts wait as before."""
    patience.end(NAME, is_decided=False)
    assert f"no refresh lock within 60 s, continuing without it: {NAME} is in use" in caplog.text
    assert "for the next 300 s, waiting 1 s at most for this lock" in caplog.text
    assert (patience.limit_seconds(NAME), patience.limit_seconds("another")) == (1, 60)
    caplog.clear()
    now[0] = 299.0
    patience.end(NAME, is_decided=False)
    assert caplog.messages == [f"no refresh lock within 1 s, continuing without it: {NAME} is in use"]
    assert patience.limit_seconds(NAME) == 1
    now[0] = 300.0
    assert patience.limit_seconds(NAME) == 60


def test_a_lock_that_comes_again_is_waited_for_as_before(patience: Patience) -> None:
    """Its owner was slow."""
    patience.end(NAME, is_decided=False)
    patience.end(NAME, is_decided=True)
    assert patience.limit_seconds(NAME) == 60


def test_each_refresh_begins_a_wait_of_its_own(patience: Patience, now: list[float]) -> None:
    """The wait of the last one is over."""
    patience.attempt_seconds(NAME)
    patience.end(NAME, is_decided=True)
    now[0] = 1000.0
    assert patience.attempt_seconds(NAME) == 60
