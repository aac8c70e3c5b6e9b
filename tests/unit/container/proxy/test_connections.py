"""Losing the connection, claiming, ending, and finding out that the proxy is gone."""

from collections.abc import Iterator

import pytest

from shipmate.container.proxy.http2 import frames
from shipmate.errors import ClaimRefused, ProxyLost
from tests.unit.container.proxy.world import Server, World, last

MAX_STREAMS = frames.MAX_CONCURRENT_STREAMS


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch, prefetch=2)
    yield made
    made.close()


def at_work(world: World, message_id: str = "in-1") -> Server:
    """Return the first connection, with one message in work and one poll."""
    server = world.accept()
    assert world.turn() == ["poll", "poll"]
    last(server, "poll").message(message_id)
    assert world.turn() == []
    return server


def again(world: World, seconds: float = 1.0) -> Server:
    """Return the connection after a loss; nothing is sent on it yet."""
    world.wait(seconds)
    return world.accept()


def test_nothing_is_asked_before_the_settings_have_come(world: World) -> None:
    server = world.accept(*[(MAX_STREAMS, 0)])
    assert world.turn() == []
    server.send_settings((MAX_STREAMS, 100))
    assert world.turn() == ["poll", "poll"]


def test_the_claim_comes_before_all_else(world: World) -> None:
    """Proxy 10.3, PDEF-26: events, finishes and polls wait until it is accepted."""
    server = at_work(world)
    world.emit("in-1")
    assert world.turn() == ["data in-1"]
    server.cut()
    world.turn()
    world.emit("in-1", "snapshot")
    server = again(world)
    assert world.turn() == ["claim in-1"]
    assert last(server, "claim in-1").headers.keys() == {":method", ":path", ":authority", ":scheme", "authorization"}
    last(server, "claim in-1").answer(200)
    assert world.turn() == ["data in-1", "snapshot in-1", "poll"]


def test_without_work_there_is_no_claim(world: World) -> None:
    server = world.accept()
    world.turn()
    server.cut()
    world.turn()
    again(world)
    assert world.turn() == ["poll", "poll"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_claim_that_is_refused_for_now_is_repeated_with_growing_pauses(world: World, status: int) -> None:
    """PDEF-22."""
    at_work(world).cut()
    world.turn()
    server = again(world)
    world.turn()
    for pause in (0.1, 0.2, 0.4):
        last(server, "claim in-1").answer(status)
        assert world.turn() == []
        assert world.wait(pause - 0.01) == []
        assert world.wait(0.02) == ["claim in-1"]
    last(server, "claim in-1").answer(204)
    assert world.turn() == ["poll"]
    assert world.given_up == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 301])
def test_a_claim_that_is_refused_ends_all(world: World, status: int) -> None:
    at_work(world).cut()
    world.turn()
    world.emit("in-1")
    server = again(world)
    world.turn()
    last(server, "claim in-1").answer(status)
    assert world.turn() == []
    (error,) = world.given_up
    assert isinstance(error, ClaimRefused)
    assert world.wait(100) == []
    assert not world.is_connecting


def test_a_claim_whose_answer_is_lost_is_repeated_on_the_next_connection(world: World) -> None:
    at_work(world).cut()
    world.turn()
    again(world).cut()
    world.turn()
    again(world, 2.0)
    assert world.turn() == ["claim in-1"]


def test_a_message_whose_finish_was_sent_is_not_claimed(world: World) -> None:
    """Proxy 17, Q4, PDEF-19: the proxy may have accepted it, even if it has answered with a failure."""
    server = at_work(world)
    last(server, "poll")
    world.finish()
    assert world.turn() == ["success in-1"]
    last(server, "success in-1").answer(500)
    world.turn()
    server.cut()
    world.turn()
    server = again(world)
    assert world.turn() == ["success in-1", "poll"]
    last(server, "success in-1").answer(404)
    assert world.turn() == ["poll"]
    assert world.settled == [("in-1", True)]


def test_a_finish_that_was_not_sent_is_sent_after_the_claim(world: World) -> None:
    at_work(world).cut()
    world.turn()
    world.finish()
    server = again(world)
    assert world.turn() == ["claim in-1"]
    last(server, "claim in-1").answer(200)
    assert world.turn() == ["success in-1", "poll"]


def test_the_pauses_grow_until_the_proxy_answers_a_request(world: World) -> None:
    """PDEF-21: an open connection is no success yet."""
    server = world.accept()
    world.turn()
    server.cut()
    world.turn()
    for pause in (1, 2, 4, 8, 16, 30, 30):
        assert world.wait(pause - 0.01) == []
        assert not world.is_connecting
        world.wait(0.02)
        world.accept().cut()
        world.turn()
    server = again(world, 30)
    world.turn()
    last(server, "poll").answer(204)
    world.turn()
    server.cut()
    world.turn()
    world.wait(1.01)
    assert world.is_connecting


def test_attempts_that_fail_count_and_the_last_one_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDEF-20."""
    world = World(monkeypatch, reconnect_attempts=2)
    world.accept().cut()
    for pause in (1, 2):
        world.turn()
        world.wait(pause)
        world.refuse()
    world.turn()
    (error,) = world.given_up
    assert isinstance(error, ProxyLost)
    assert "(2 attempts)" in str(error)
    world.close()


def test_a_first_connection_that_fails_ends_all(world: World) -> None:
    """Proxy 4.2."""
    world.refuse()
    world.turn()
    assert [type(each) for each in world.given_up] == [ProxyLost]


def test_a_ping_that_is_not_answered_in_time_is_a_lost_connection(world: World) -> None:
    """Proxy 4.3, PDEF-25: after two intervals."""
    server = world.accept()
    world.turn()
    for _ in range(3):
        world.wait(10)
    assert not server.is_closed
    server.answers_pings = False
    world.wait(10)
    assert not server.is_closed
    world.wait(10)
    assert server.is_closed
    world.wait(1)
    assert world.is_connecting


def test_an_answered_ping_is_a_success(world: World) -> None:
    for pause in (1, 2):
        world.accept().cut()
        world.turn()
        world.wait(pause)
    server = world.accept()
    world.turn()
    world.wait(10)
    server.cut()
    world.turn()
    world.wait(1)
    assert world.is_connecting


def test_a_breach_of_the_protocol_is_a_lost_connection(world: World) -> None:
    """PDEF-27: said to the proxy before."""
    server = world.accept()
    world.turn()
    server.send(frames.DATA, 0, 99, b"?")
    world.turn()
    assert (server.goodbye, server.is_closed) == (frames.PROTOCOL_ERROR, True)
    again(world)
    assert world.turn() == ["poll", "poll"]


def test_a_proxy_that_ends_its_connection_gets_another_one_at_once(world: World) -> None:
    """Proxy 4.5, PDEF-24: what it still owes is taken, what it has not read is repeated."""
    server = at_work(world)
    world.emit("in-1")
    world.turn()
    poll, post = last(server, "poll"), last(server, "data in-1")
    world.emit("in-1", "error")
    world.turn()
    server.send_goaway(post.stream_id)
    world.turn()
    assert world.is_connecting
    newer = world.accept()
    assert world.turn() == ["claim in-1"]
    last(newer, "claim in-1").answer(200)
    assert world.turn() == ["error in-1", "poll"]
    post.answer(200)
    open_poll = next(each for each in server.requests.values() if each.text == "poll" and each is not poll)
    open_poll.message("in-2")
    world.turn()
    assert world.results == [None]
    assert [each.incoming_id for each in world.processed] == ["in-1", "in-2"]


def test_a_message_that_an_old_connection_owes_waits_for_a_free_slot(world: World) -> None:
    """Never more than the prefetch are in work."""
    server = world.accept()
    world.turn()
    first, second = (each for each in server.requests.values() if each.text == "poll")
    server.send_goaway(second.stream_id)
    world.turn()
    newer = world.accept()
    assert world.turn() == ["poll", "poll"]
    for number, poll in enumerate([*(each for each in newer.requests.values()), first, second]):
        poll.message(f"in-{number}")
    world.turn()
    for index in range(4):
        assert len(world.processed) == min(4, 2 + index)
        world.finish(index)
        (text,) = world.turn()
        last(newer, text).answer(200)
        world.turn()
    assert {name for name, _ in world.settled} == {"in-0", "in-1", "in-2", "in-3"}


def test_an_old_connection_is_closed_when_its_requests_have_ended(world: World) -> None:
    """Polls are waited for ten seconds, events as long as they take."""
    server = at_work(world)
    world.emit("in-1")
    world.turn()
    server.send_goaway(99)
    world.turn()
    newer = world.accept()
    world.turn()
    last(newer, "claim in-1").answer(200)
    world.turn()
    world.wait(9)
    assert not any(each.is_reset for each in server.requests.values())
    world.wait(2)
    assert any(each.is_reset for each in server.requests.values() if each.text == "poll")
    world.wait(5)
    assert server.goodbye is None
    last(server, "data in-1").answer(200)
    world.turn()
    world.wait(1)
    world.wait(1)
    assert (server.goodbye, server.is_closed) == (frames.NO_ERROR, True)
    assert not newer.is_closed


def test_a_proxy_that_ends_each_connection_is_asked_with_pauses(world: World) -> None:
    """Not hot: the first time at once, then as after a loss."""
    for pause in (0, 1, 2, 4):
        world.wait(pause)
        world.accept().send_goaway(0)
        world.turn()
    assert not world.is_connecting


def test_an_event_that_an_old_connection_loses_is_repeated_at_once(world: World) -> None:
    server = at_work(world)
    world.emit("in-1")
    world.turn()
    server.send_goaway(99)
    world.turn()
    newer = world.accept()
    world.turn()
    last(newer, "claim in-1").answer(200)
    world.turn()
    server.cut()
    assert world.turn() == ["data in-1"]


def test_a_process_that_stops_does_not_wait_long_for_the_proxy(world: World) -> None:
    at_work(world)
    for pause in (0, 1, 2, 4):
        world.wait(pause)
        if world.is_connecting:
            world.refuse()
        else:
            world.servers[-1].cut()
        world.turn()
    world.connections.hurry()
    world.wait(1)
    assert world.is_connecting


def test_a_connection_whose_streams_are_used_up_is_replaced(world: World) -> None:
    """A billion requests take a day on a busy container."""
    at_work(world)
    world.connections._link.http._last_id = 2**31 - 5  # type: ignore[union-attr]
    world.emit("in-1")
    assert world.turn() == ["data in-1"]
    world.emit("in-1", "snapshot")
    assert world.turn() == []
    newer = world.accept()
    assert world.turn() == ["claim in-1"]
    last(newer, "claim in-1").answer(200)
    assert "snapshot in-1" in world.turn()


def test_to_close_is_to_say_goodbye(world: World) -> None:
    server = world.accept()
    world.turn()
    closed: list[bool] = []
    world.connections.close(lambda: closed.append(True))
    world.turn()
    assert server.goodbye == frames.NO_ERROR
    assert closed == []
    server.cut()
    world.turn()
    assert closed == [True]
    assert not world.is_connecting
