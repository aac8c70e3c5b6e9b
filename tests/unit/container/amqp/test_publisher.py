"""The end of a publisher whose broker confirms nothing, decided without a broker."""

import logging
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pika import BasicProperties
from pika.frame import Method
from pika.spec import Basic

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.publisher import Publisher, RoutedPublication
from shipmate.errors import EmitUnconfirmed
from shipmate.settings import BrokerSettings, Secret

PATIENCE = 0.4


class World:
    """A publisher with a channel that accepts everything, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.outcomes: list[EmitUnconfirmed | None] = []
        loop = SimpleNamespace(call_later=lambda seconds, action: None)
        settings = BrokerSettings(
            Secret("amqp://our%40self:p@broker"), "", "exchange", "data", "error", "rebound", "snapshot"
        )
        self.publisher = Publisher(loop, settings, lambda: self.now)
        channel: Any = cast(Any, SimpleNamespace(basic_publish=lambda *args, **more: None, is_open=True))
        self.publisher.channel_ready(channel)
        self.confirmed = 0

    def publish(self, size: int = 1) -> None:
        self.publisher.publish(RoutedPublication("data", b"x" * size, {"messageId": "m"}), self.outcomes.append)

    def confirm(self) -> None:
        self.confirmed += 1
        self.publisher._on_confirm(Method(1, Basic.Ack(self.confirmed)))  # type: ignore[no-untyped-call]

    def look(self, *seconds: float) -> int:
        """Call `abandon` after each of these pauses, as a stopping step does; return how many publications failed."""
        for pause in seconds:
            self.now += pause
            self.publisher.abandon(PATIENCE)
        return sum(outcome is not None for outcome in self.outcomes)


@pytest.fixture
def world() -> World:
    """The publisher of a process that stops."""
    world = World()
    world.publisher.stop_retrying()
    return world


def test_a_silent_broker_is_not_waited_for(world: World) -> None:
    """The process ends in time, and the input stays with the broker."""
    world.publish()
    assert world.look(0.1, 0.1, 0.1) == 0
    assert world.look(0.1, 0.1) == 1
    assert world.outcomes[0] is not None
    assert world.outcomes[0].is_left_to_broker


def test_an_unread_confirm_is_waited_for(world: World) -> None:
    """A function kept all threads from running: the process was silent, not the broker."""
    world.publish()
    assert world.look(5.0, 0.0) == 0
    world.confirm()
    assert world.outcomes == [None]


def test_a_large_message_gets_time_to_be_sent(world: World) -> None:
    """Twenty megabytes are not confirmed as soon as twenty bytes."""
    world.publish(20_000_000)
    assert world.look(*[0.1] * 8) == 0
    assert world.look(*[0.1] * 10) == 1


def test_a_slow_broker_gets_its_usual_time(world: World) -> None:
    """A broker that confirms after a second is not dead after half a second."""
    for _ in range(3):
        world.publish()
        world.now += 1.0
        world.confirm()
    world.publish()
    assert world.look(*[0.1] * 12) == 0
    assert world.look(*[0.1] * 30) == 1


def test_a_silence_counts_from_the_moment_the_process_stops() -> None:
    """The limit is for the end of the process, not for the time before."""
    world = World()
    world.publish()
    world.now += 10.0
    world.publisher.stop_retrying()
    assert world.look(0.1, 0.1, 0.1) == 0
    assert world.look(0.1, 0.1) == 1


def test_a_process_that_stops_does_not_wait_for_long_pauses() -> None:
    """A retry that waits is made at once, and the next one soon: the time to stop is short."""
    world = World()
    timers: list[tuple[float, Callable[[], None]]] = []
    world.publisher._loop = SimpleNamespace(call_later=lambda *timer: timers.append(timer))
    world.publish()
    for _ in range(2):
        world.confirmed += 1
        world.publisher._on_confirm(Method(1, Basic.Nack(world.confirmed)))  # type: ignore[no-untyped-call]
        world.publisher.hurry()
    assert [seconds for seconds, _ in timers] == [0.1, 0.2]
    world.publisher._settings = replace(world.publisher._settings, publish_delay_ms=60_000)
    world.confirmed += 1
    world.publisher._on_confirm(Method(1, Basic.Nack(world.confirmed)))  # type: ignore[no-untyped-call]
    assert timers[-1][0] == 0.2
    for _, action in timers:
        action()
    world.confirm()
    assert world.outcomes == [None]


@pytest.mark.parametrize(("user", "kept"), [("our@self", "our@self"), ("sender", None), (None, None)])
def test_a_message_that_goes_back_has_no_other_users_name(user: str | None, kept: str | None) -> None:
    """The broker closes the channel over it, for all that is published there."""
    sent: list[Any] = []
    world = World()
    channel: Any = SimpleNamespace(basic_publish=lambda *args, **more: sent.append(args[3]), is_open=True)
    world.publisher.channel_ready(channel)
    origin = AmqpDelivery(b"", {}, False, None, BasicProperties(user_id=user, app_id="app"), tag=1, epoch=0)
    world.publisher.publish(RoutedPublication("rebound", b"", {}, origin, 1), world.outcomes.append)
    assert [(each.user_id, each.app_id) for each in sent] == [(kept, "app")]


def test_a_broker_that_takes_messages_again_is_no_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Only the block itself is one."""
    with caplog.at_level(logging.INFO):
        world.publisher.block(True)
        world.publisher.block(False)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the broker blocks publishing"),
        ("INFO", "the broker allows publishing"),
    ]
