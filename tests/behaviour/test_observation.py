"""What the observers of a process learn of messages and events, on each transport: the same numbers as its own."""

import threading
from collections.abc import Iterator

import pytest

from shipmate import observation
from shipmate.container.operations.tally import Tally
from shipmate.emulator import Platform
from tests.behaviour.test_bodies import ID, store
from tests.station import Start, StartInMemory, commands


@pytest.fixture
def tally() -> Iterator[Tally]:
    """Counts what happens in this process during the test."""
    tally = Tally()
    observation.use(tally)
    yield tally
    observation.use()


def counted(numbers: dict[str, int]) -> dict[str, int]:
    """Return the counts that are not 0."""
    return {name: count for name, count in numbers.items() if count}


def published(tally: Tally) -> int:
    """Return the number of confirmed publications."""
    return tally.publish_seconds.total[0][-1][1]


def test_each_message_has_one_outcome(start: Start, tally: Tally) -> None:
    """The transport has settled as many, as successes and as failures."""
    station = start()
    done = station.deliver_all(
        [
            commands(**{"return": {"body": 1}}),
            commands(["emit", "data", {"body": 2}], ["emit", "data", {"body": 3}]),
            commands(["raise", "failed"]),
            commands(["emit", "rebound", "later"]),
            commands(["emit", "snapshot", {"a": 1}], ["emit", "updateSnapshot", {"b": 2}]),
        ]
    )
    undecodable = station.deliver_raw(b"undecodable", {"messageId": "m1"})
    outcomes = [*done.are_successes, *undecodable.are_successes]
    assert counted(tally.messages.total) == {"success": 3, "rebound": 1, "error": 2}
    assert (outcomes.count(True), outcomes.count(False)) == (4, 2)
    assert counted(tally.emitted.total) == {"data": 3, "error": 2, "rebound": 1, "snapshot": 1, "updateSnapshot": 1}
    assert counted(tally.errors.total) == {"other": 1, "undecodable": 1}
    assert not tally.in_work
    assert tally.function_seconds.total[0][-1] == ("+Inf", 5)


def test_a_message_that_is_left_has_an_outcome_of_its_own(start_in_memory: StartInMemory, tally: Tally) -> None:
    """It is neither acknowledged nor rejected, and nothing of it is counted as emitted."""
    station = start_in_memory()
    station.transport.stop_retrying()
    station.transport.refuse("data")
    station.deliver(commands(**{"return": {"body": 1}}))
    assert len(station.transport.left) == 1
    assert counted(tally.messages.total) == {"left": 1}
    assert counted(tally.emitted.total) == {}
    assert not tally.in_work


def test_publications_have_a_time(start: Start, tally: Tally) -> None:
    """Each confirmed one, as many as were emitted."""
    station = start()
    station.deliver_all([commands(**{"return": {"body": number}}) for number in range(5)])
    assert published(tally) in (0, 5)  # the transport in memory has no publications that take time
    assert tally.emitted.total["data"] == 5


def test_an_error_has_the_code_of_its_class(start: Start, tally: Tally) -> None:
    """A rebound beyond the limit, and an event that does not exist."""
    station = start(REBOUND_LIMIT=0)
    station.deliver(commands(["emit", "rebound", "later"]))
    station.deliver(commands(["emit", "unknown"]))
    station.deliver(commands(["emit", "error", "by the author"]))
    codes = counted(tally.errors.total)
    limit = "emit_unconfirmed" if "emit_unconfirmed" in codes else "rebound_limit"  # a proxy knows the limit itself
    assert codes == {limit: 1, "unknown_event": 1, "other": 1}
    assert counted(tally.messages.total) == {"error": 3}


def test_bodies_are_counted_as_they_are_fetched_and_stored(start: Start, tally: Tally, platform: Platform) -> None:
    station = start(EMIT_LIGHTWEIGHT_MESSAGE="true", OBJECT_STORAGE_SIZE_THRESHOLD=0)
    body_id = store(platform, {"do": [], "return": {"body": {"x": 1}}})
    assert station.deliver({"body": {}, "headers": {ID: body_id}}).is_success
    assert tally.bodies.total == {"fetched": 1, "stored": 1}
    # The step's data is read at the start, without this tally's knowledge of the session.
    assert tally.requests.total["platform", "2xx"] >= 2


def test_saved_keys_are_an_event(start: Start, tally: Tally) -> None:
    start().deliver(commands(["emit", "updateKeys", {"oauth": {"access_token": "a"}}]))
    assert counted(tally.emitted.total) == {"updateKeys": 1}


def test_the_wait_for_the_rate_limit_is_counted_by_event(start: Start, tally: Tally) -> None:
    """Where the transport has one."""
    station = start(DATA_RATE_LIMIT=1, RATE_INTERVAL=50)
    station.deliver(commands(*[["emit", "data", {"body": number}] for number in range(3)]))
    waited = tally.throttled_seconds.total
    assert waited["error"] == 0
    assert waited["data"] == 0 or 0.05 < waited["data"] < 1


def test_a_transport_says_whether_messages_can_come_and_its_io_turns(start: Start) -> None:
    """Nothing is in the way of a step that consumes."""
    station = start()
    transport = station.step.transport
    until = threading.Event()
    transport.ping(until.set)
    assert until.wait(5)
    station.deliver(commands())  # at the latest now, the subscription is accepted
    assert transport.obstacle is None


def test_headers_of_an_observer_are_on_all_events(start: Start) -> None:
    """As the context of a trace is."""

    class Traced(observation.Message):
        def headers(self, metadata: dict[str, object]) -> dict[str, object]:
            return {**metadata, "x-eio-meta-traceparent": "00-1-2-01"}

    class Tracer(observation.Observer):
        def message(self, metadata: object, thread_id: object, size_bytes: int = 0) -> observation.Message:
            return Traced()

    observation.use(Tracer())
    try:
        done = start().deliver(
            commands(["emit", "data", {"body": 1}], ["raise", "failed"]), headers={"x-eio-meta-traceparent": "old"}
        )
    finally:
        observation.use()
    found = [each.headers["x-eio-meta-traceparent"] for each in (*done.data, *done.errors)]
    assert found == ["00-1-2-01"] * 2
