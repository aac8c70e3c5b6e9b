"""Polls, messages in work, finishes, and messages that come again."""

from collections.abc import Callable, Iterator

import pytest

from shipmate.container.proxy.http2 import frames
from tests.unit.container.proxy.world import Server, World, last, open_polls

MAX_STREAMS = frames.MAX_CONCURRENT_STREAMS
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


def reconnected(world: World, server: Server) -> Server:
    """Return the next connection, with its claim accepted."""
    server.cut()
    world.turn()
    world.wait(1)
    newer = world.accept()
    for text in world.turn():
        if text.startswith("claim"):
            last(newer, text).answer(200)
    world.turn()
    return newer


def test_each_slot_is_for_itself(new_world: NewWorld) -> None:
    """Proxy 5.4, PDEF-1: the next poll comes when the finish is accepted, whatever the others do."""
    world = new_world(prefetch=3)
    server = world.accept()
    assert world.turn() == ["poll"] * 3
    for number, poll in enumerate(open_polls(server)[:2]):
        poll.message(f"in-{number}")
    assert world.turn() == []
    world.finish(1, is_success=False)
    assert world.turn() == ["error in-1"]
    last(server, "error in-1").answer(200)
    assert world.turn() == ["poll"]
    assert world.settled == [("in-1", False)]


@pytest.mark.parametrize(("streams", "slots"), [(0, 0), (1, 1), (4, 1), (5, 1), (6, 2), (8, 4), (100, 4)])
def test_there_are_fewer_slots_where_the_proxy_allows_few_streams(
    new_world: NewWorld, streams: int, slots: int
) -> None:
    """Proxy 17, Q11: four streams are kept for events, finishes and claims."""
    world = new_world(prefetch=4)
    world.accept((MAX_STREAMS, streams))
    assert len(world.turn()) == slots


def test_events_wait_for_a_stream_and_go_on_as_soon_as_there_is_one(new_world: NewWorld) -> None:
    world = new_world()
    server = world.accept((MAX_STREAMS, 1))
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    for event in ("data", "error", "snapshot"):
        world.emit("in-1", event)
    for event in ("data", "error", "snapshot"):
        assert world.turn() == [f"{event} in-1"]
        last(server, f"{event} in-1").answer(200)
    world.finish()
    assert world.turn() == ["success in-1"]
    last(server, "success in-1").answer(200)
    assert world.turn() == ["poll"]


def test_polls_are_closed_when_the_proxy_allows_fewer_streams_than_before(new_world: NewWorld) -> None:
    """PDEF-32; a message that is on the way is taken."""
    world = new_world(prefetch=4)
    server = world.accept()
    world.turn()
    server.send_settings((MAX_STREAMS, 6))
    world.turn()
    closed = [each for each in server.requests.values() if each.is_reset]
    assert len(closed) == 2
    closed[0].message("in-1")
    world.turn()
    assert [each.incoming_id for each in world.processed] == ["in-1"]


def test_no_message_is_asked_for_again_at_once(new_world: NewWorld) -> None:
    """Proxy 5.2; a proxy that never waits is asked more slowly after some answers."""
    world = new_world()
    server = world.accept()
    world.turn()
    for number in range(15):
        last(server, "poll").answer(204)
        assert (world.turn() == ["poll"]) is (number < 9)
        if number >= 9:
            assert world.wait(0.06) == ["poll"]
    world.now += 60
    last(server, "poll").answer(204)
    assert world.turn() == ["poll"]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 429, 500, 503])
def test_a_poll_that_fails_is_repeated_after_growing_pauses(new_world: NewWorld, status: int) -> None:
    """PDEF-5: a short one at first; an answer sets them back."""
    world = new_world()
    server = world.accept()
    world.turn()
    for pause in (0.1, 1, 2, 4):
        last(server, "poll").answer(status)
        world.turn()
        assert world.wait(pause - 0.01) == []
        assert world.wait(0.02) == ["poll"]
    world.now += 60
    last(server, "poll").answer(204)
    world.turn()
    last(server, "poll").answer(status)
    world.turn()
    assert world.wait(0.11) == ["poll"]


def test_a_poll_that_is_reset_is_repeated_with_a_pause_unless_there_was_no_error(new_world: NewWorld) -> None:
    """Proxy 5.3."""
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").reset(frames.NO_ERROR)
    assert world.turn() == ["poll"]
    last(server, "poll").reset(frames.ENHANCE_YOUR_CALM)
    assert world.turn() == []
    assert world.wait(0.11) == ["poll"]


def test_a_slot_that_fails_does_not_disturb_the_others(new_world: NewWorld) -> None:
    """PDEF-6."""
    world = new_world(prefetch=2)
    server = world.accept()
    world.turn()
    first, second = open_polls(server)
    first.answer(500)
    world.turn()
    second.message("in-1")
    world.turn()
    world.finish()
    world.turn()
    last(server, "success in-1").answer(200)
    assert world.turn() == ["poll"]


def test_a_message_in_work_that_comes_again_is_finished_once(new_world: NewWorld) -> None:
    """Proxy 10.4: by the function that runs."""
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    world = world
    server.cut()
    world.turn()
    world.finish()
    world.wait(1)
    server = world.accept()
    world.turn()
    last(server, "claim in-1").answer(200)
    assert world.turn() == ["success in-1"]
    last(server, "success in-1").reset(frames.CANCEL)
    world.turn()
    assert len(world.processed) == 1


def test_a_message_that_was_finished_before_a_loss_is_finished_again_without_processing(new_world: NewWorld) -> None:
    """Proxy 10.4: its finish may have been lost with the proxy."""
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    world.finish(is_success=False)
    world.turn()
    last(server, "error in-1").answer(200)
    world.turn()
    server = reconnected(world, server)
    last(server, "poll").message("in-1")
    assert world.turn() == ["error in-1"]
    assert len(world.processed) == 1
    last(server, "error in-1").answer(200)
    assert world.turn() == ["poll"]


def test_another_message_with_the_same_id_is_processed(new_world: NewWorld) -> None:
    """On an undisturbed connection always; after a loss if it has another body."""
    world = new_world(prefetch=2)
    server = world.accept()
    world.turn()
    for poll in open_polls(server):
        poll.message("in-1")
    world.turn()
    assert len(world.processed) == 2
    for index in range(2):
        world.finish(index)
        world.turn()
        last(server, "success in-1").answer(200)
    world.turn()
    server = reconnected(world, server)
    last(server, "poll").message("in-1", b"another body")
    world.turn()
    assert len(world.processed) == 3


def test_a_redelivered_message_that_is_still_in_work_frees_its_slot(new_world: NewWorld) -> None:
    world = new_world(prefetch=2)
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1")
    world.turn()
    server = reconnected(world, server)
    last(server, "poll").message("in-1")
    assert world.turn() == ["poll"]
    assert len(world.processed) == 1


def test_a_message_without_an_id_is_processed_and_finished_without_a_name(new_world: NewWorld) -> None:
    """Proxy 5.5; it cannot be claimed."""
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").answer(200, b"body", threadId="t")
    world.turn()
    server = reconnected(world, server)
    world.finish()
    assert world.turn() == ["success -"]


def test_a_message_without_metadata_goes_back_once_a_minute(new_world: NewWorld) -> None:
    """Proxy 5.5: by closing the connection, after the other work is claimed on the next one."""
    world = new_world(prefetch=3)
    server = world.accept()
    world.turn()
    first, second, third = open_polls(server)
    first.message("in-1")
    world.turn()
    second.answer(200, b"body")
    world.turn()
    assert not server.is_closed
    newer = world.accept()
    assert world.turn() == ["claim in-1"]
    last(newer, "claim in-1").answer(200)
    assert world.turn() == ["poll", "poll"]
    world.wait(0.5)
    world.wait(0.5)
    world.wait(0.5)
    assert server.is_closed
    last(newer, "poll").answer(200, b"body")
    world.turn()
    world.wait(50)
    assert not world.is_connecting
    world.wait(10)
    assert world.is_connecting
    assert third.is_reset


def test_a_body_that_is_too_long_is_an_error_of_its_message(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no more memory than the longest message may."""
    monkeypatch.setattr("shipmate.container.proxy.slots._MESSAGE_BYTES", 10)
    world = new_world()
    server = world.accept()
    world.turn()
    last(server, "poll").message("in-1", b"x" * 11)
    world.turn()
    assert [each.unreadable for each in world.processed] == ["expected a shorter body"]


def test_a_stop_closes_the_polls_and_takes_what_is_on_the_way(new_world: NewWorld) -> None:
    """Proxy 17, Q15: for a second at most."""
    world = new_world(prefetch=2)
    server = world.accept()
    world.turn()
    stopped: list[bool] = []
    world.inbox.slots.stop(lambda: stopped.append(True))
    world.turn()
    first, second = server.requests.values()
    assert (first.is_reset, second.is_reset) == (True, True)
    first.message("in-1")
    world.wait(0.4)
    assert stopped == []
    world.wait(0.2)
    assert stopped == [True]
    assert [each.incoming_id for each in world.processed] == ["in-1"]
    second.message("in-2")
    world.turn()
    assert len(world.processed) == 1
    world.finish()
    assert world.turn() == ["success in-1"]
    last(server, "success in-1").answer(200)
    assert world.turn() == []


def test_a_message_that_comes_slowly_is_waited_for_a_second(new_world: NewWorld) -> None:
    world = new_world()
    server = world.accept()
    world.turn()
    poll = last(server, "poll")
    server.send_headers(
        poll.stream_id, [(":status", "200"), ("message-metadata", '{"messageId":"in-1"}')], is_end=False
    )
    world.turn()
    stopped: list[bool] = []
    world.inbox.slots.stop(lambda: stopped.append(True))
    world.turn()
    assert not poll.is_reset
    world.wait(0.9)
    assert stopped == []
    world.wait(0.2)
    assert stopped == [True]
    world.turn()
    assert poll.is_reset
    assert world.processed == []


def test_a_stop_without_a_connection_is_over_at_once(new_world: NewWorld) -> None:
    world = new_world()
    world.accept().cut()
    world.turn()
    stopped: list[bool] = []
    world.inbox.slots.stop(lambda: stopped.append(True))
    assert stopped == [True]
