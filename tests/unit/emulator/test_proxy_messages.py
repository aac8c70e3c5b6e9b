"""The messages of the emulated sailor proxy, with a clock of the test."""

from dataclasses import dataclass, field

import pytest

from shipmate.emulator.sailor_proxy.messages import Messages, ProxyMessage
from shipmate.emulator.sailor_proxy.rules import MessageRules
from shipmate.emulator.sailor_proxy.timers import Timers


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers = Timers(lambda: self.now)

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.timers.run()


@dataclass(eq=False)
class FakePoll:
    """A poll that keeps what it gets."""

    client: str
    connection: object
    got: list[str | None] = field(default_factory=list)

    def deliver(self, message: ProxyMessage) -> None:
        """Keep the id of the message."""
        self.got.append(message.message_id)


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def messages(clock: Clock) -> Messages:
    """Messages that are kept for 5 seconds, and come back after 1, 2, 4 ... seconds."""
    return Messages(MessageRules(keep_seconds=5, rebound_delay_ms=1000, rebound_limit=2), clock.timers)


def polled(messages: Messages, client: str, connection: object) -> list[str | None]:
    """Poll, and return the list that has the id of the message as soon as it is delivered."""
    poll = FakePoll(client, connection)
    messages.add_poll(poll)
    return poll.got


def add(messages: Messages, message_id: str) -> ProxyMessage:
    """Add a message."""
    message = ProxyMessage(b"", {"messageId": message_id})
    messages.add(message)
    return message


def test_a_lost_message_is_delivered_again_when_its_time_is_over(messages: Messages, clock: Clock) -> None:
    add(messages, "m1")
    polled(messages, "a", "a1")
    messages.lose("a1")
    other = polled(messages, "b", "b1")
    clock.move(4.9)
    assert other == []
    clock.move(0.2)
    assert other == ["m1"]
    assert messages.claim("a", ["m1"], "a2") == ["m1"]


def test_a_claim_ends_the_time_of_the_loss(messages: Messages, clock: Clock) -> None:
    add(messages, "m1")
    polled(messages, "a", "a1")
    messages.lose("a1")
    clock.move(4)
    assert messages.claim("a", ["m1"], "a2") == []
    other = polled(messages, "b", "b1")
    clock.move(4)
    messages.lose("a2")  # the time begins anew
    clock.move(4)
    assert other == []
    clock.move(1)
    assert other == ["m1"]


def test_a_claim_is_all_or_nothing(messages: Messages) -> None:
    kept = add(messages, "m1")
    polled(messages, "a", "a1")
    messages.lose("a1")
    assert messages.claim("a", ["m1", "m2"], "a2") == ["m2"]
    assert kept.holder is None
    assert messages.claim("b", ["m1"], "b1") == ["m1"]


def test_a_claim_moves_a_message_from_an_older_connection(messages: Messages, clock: Clock) -> None:
    add(messages, "m1")
    polled(messages, "a", "a1")
    assert messages.claim("a", ["m1"], "a2") == []
    messages.lose("a1")
    clock.move(100)
    assert not messages.waiting


def test_a_rebound_comes_back_later_and_later(messages: Messages, clock: Clock) -> None:
    message = add(messages, "m1")
    for seconds in (1, 2):
        polled(messages, "a", "a1")
        assert messages.rebound(message, "busy")
        messages.finish(message, is_success=True)
        clock.move(seconds - 0.1)
        assert messages.delayed == [message]
        clock.move(0.2)
        assert not messages.delayed
    polled(messages, "a", "a1")
    assert not messages.rebound(message, "busy")
    assert message.rebounds == 2


def test_a_rebound_of_a_client_that_is_lost_does_not_count(messages: Messages, clock: Clock) -> None:
    message = add(messages, "m1")
    polled(messages, "a", "a1")
    messages.rebound(message, "busy")
    messages.lose("a1")
    clock.move(6)
    polled(messages, "b", "b1")
    messages.finish(message, is_success=True)
    assert not messages.delayed


def test_two_messages_of_one_id_are_two_messages(messages: Messages) -> None:
    first, second = add(messages, "m1"), add(messages, "m1")
    polled(messages, "a", "a1")
    polled(messages, "a", "a1")
    for message in (first, second):
        assert messages.find("a", "m1") is message
        messages.finish(message, is_success=True)
    assert messages.finished == [("m1", True), ("m1", True)]


def test_a_poll_of_a_lost_connection_gets_nothing(messages: Messages) -> None:
    lost = polled(messages, "a", "a1")
    messages.lose("a1")
    add(messages, "m1")
    assert lost == []
    assert polled(messages, "a", "a2") == ["m1"]
