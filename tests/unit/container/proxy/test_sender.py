"""Events and finishes that the proxy does not accept at once."""

from collections.abc import Callable, Iterator

import pytest

from shipmate.container.proxy.http2 import frames
from tests.unit.container.proxy.world import Server, World, last

NewWorld = Callable[..., World]


@pytest.fixture
def new_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewWorld]:
    made: list[World] = []

    def make(**settings: object) -> World:
        made.append(World(monkeypatch, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def sending(world: World) -> Server:
    """Return a connection with an event under way."""
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    world.emit("in-1", body=b"the same")
    assert world.turn() == ["data in-1"]
    return server


@pytest.mark.parametrize("failure", [408, 425, 429, 500, 503, "reset 0", "reset 7", "reset 8", "reset 2"])
def test_an_event_that_fails_for_now_is_repeated_byte_for_byte(new_world: NewWorld, failure: int | str) -> None:
    """Proxy 8.2, 8.3, PDEF-10, PDEF-11: after 100, 200, 400 ms."""
    world = new_world()
    server = sending(world)
    sent = []
    for pause in (0.1, 0.2, 0.4):
        request = last(server, "data in-1")
        sent.append((request.headers, request.body))
        if isinstance(failure, int):
            request.answer(failure)
        else:
            request.reset(int(failure.split()[1]))
        world.turn()
        assert world.wait(pause - 0.01) == []
        assert world.wait(0.02) == ["data in-1"]
    last(server, "data in-1").answer(200)
    world.turn()
    assert world.results == [None]
    assert sent == [sent[0]] * 3


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (400, b"no such flow", "no such flow"),
        (404, b"", "Failed to send message, status code: 404"),
        (301, b"", "Failed to send message, status code: 301"),
        (413, b"x" * 20_000, "x" * 8192),
        (409, b"\xff", "\ufffd"),
    ],
)
def test_a_refusal_is_final_and_says_why(new_world: NewWorld, status: int, body: bytes, text: str) -> None:
    """Proxy 8.1."""
    world = new_world()
    server = sending(world)
    last(server, "data in-1").answer(status, body)
    world.turn()
    (error,) = world.results
    assert error is not None
    assert (str(error), error.is_left_to_broker) == (text, False)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_accepted(new_world: NewWorld, status: int) -> None:
    """PDEF-33: with or without a body."""
    world = new_world()
    server = sending(world)
    last(server, "data in-1").answer(status, b"thanks" if status != 204 else b"")
    world.turn()
    assert world.results == [None]


def test_the_number_of_repetitions_may_be_limited(new_world: NewWorld) -> None:
    """Proxy 2.2: 1 + n requests; a lost connection does not count."""
    world = new_world(request_attempts=1)
    server = sending(world)
    last(server, "data in-1").answer(503)
    world.turn()
    assert world.wait(0.1) == ["data in-1"]
    server.cut()
    world.turn()
    world.wait(1)
    server = world.accept()
    world.turn()
    last(server, "claim in-1").answer(200)
    world.turn()
    last(server, "data in-1").answer(503)
    world.turn()
    assert [str(each) for each in world.results] == ["Failed to send message, status code: 503"]


def test_a_finish_that_is_refused_for_good_is_over(new_world: NewWorld) -> None:
    """PDEF-4: the slot is free, and the outcome is remembered."""
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    world.finish()
    world.turn()
    last(server, "success in-1").answer(404)
    assert world.turn() == ["poll"]
    assert world.settled == [("in-1", True)]
    assert world.inbox.in_flight.wait_for_none(0)


def test_a_process_that_stops_repeats_at_once_and_soon(new_world: NewWorld) -> None:
    world = new_world(request_delay_ms=60_000)
    server = sending(world)
    last(server, "data in-1").answer(503)
    world.turn()
    assert world.wait(1) == []
    world.sender.hurry()
    assert world.turn() == ["data in-1"]
    last(server, "data in-1").answer(503)
    world.turn()
    assert world.wait(0.2) == ["data in-1"]


def test_when_the_time_to_stop_is_over_the_next_failure_is_the_last_one(new_world: NewWorld) -> None:
    """The message stays with the proxy: neither it nor its event is a success or a failure."""
    world = new_world()
    server = sending(world)
    world.emit("in-1", "snapshot")
    world.turn()
    last(server, "snapshot in-1").answer(503)
    world.turn()
    world.sender.stop_retrying()
    world.sender.stop_retrying()
    last(server, "data in-1").reset(frames.CANCEL)
    world.turn()
    assert [each.is_left_to_broker for each in world.results if each is not None] == [True, True]


def test_a_proxy_that_is_silent_is_not_waited_for_when_the_time_to_stop_is_over(new_world: NewWorld) -> None:
    """What is under way, and what waits for a connection."""
    world = new_world()
    server = sending(world)
    server.answers_pings = False
    world.finish()
    world.turn()
    world.sender.stop_retrying()
    for _ in range(3):
        world.now += 0.3
        world.sender.abandon(0.4)
    assert [each.is_left_to_broker for each in world.results if each is not None] == [True]
    assert world.settled == []
    assert world.inbox.in_flight.wait_for_none(0)
    last(server, "data in-1").answer(200)
    world.turn()
    assert len(world.results) == 1


def test_a_proxy_that_does_not_read_is_a_lost_connection(new_world: NewWorld) -> None:
    """Its answer to a PING would be awaited in vain, too."""
    world = new_world()
    server = sending(world)
    server.send(frames.WINDOW_UPDATE, 0, 0, (2**30).to_bytes(4, "big"))
    world.turn()
    for number in range(400):
        world.emit("in-1", f"e{number}", b"x" * 16_000)
    world._do()
    world.loop.turn(may_wait=False)
    assert world.connections.http is None
