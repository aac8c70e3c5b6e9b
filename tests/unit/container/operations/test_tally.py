"""What is counted, and that no count is lost between threads."""

import threading
from contextlib import suppress

import pytest

from shipmate.container.operations.tally import Tally
from shipmate.errors import ClientMisconfigured, KeysNotSaved, ReauthorizationRequired, TokenEndpointUnavailable


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(clock, connections=("read", "write"))


def test_a_message_is_in_work_until_it_is_settled(tally: Tally, clock: Clock) -> None:
    """Also when its thread has left it."""
    with tally.message({}, "thread") as message:
        message.function_called()
        clock.now += 0.02
        message.function_ended()
        clock.now += 5
        message.function_ended()
    assert (len(tally.in_work), tally.oldest_seconds) == (1, pytest.approx(5.02))
    message.emitted("data")
    message.settled("success")
    assert (len(tally.in_work), tally.oldest_seconds) == (0, 0)
    assert tally.messages.total == {"success": 1, "error": 0, "rebound": 0, "left": 0}
    assert tally.emitted.total["data"] == 1
    assert dict(tally.function_seconds.total[0])["0.025"] == 1
    assert tally.function_seconds.total[1] == pytest.approx(0.02)


def test_a_message_without_a_function_has_no_time_of_one(tally: Tally) -> None:
    """It could not be decoded."""
    message = tally.message({}, "thread")
    message.function_waits()
    message.function_continues()
    message.settled("error")
    assert dict(tally.function_seconds.total[0])["+Inf"] == 0
    assert tally.silent_seconds == 0


def test_types_of_the_author_are_one_label(tally: Tally) -> None:
    """Else the author decides how many there are."""
    message = tally.message({}, "thread")
    for name in ("my-type", "another", "data"):
        message.emitted(name)
    assert (tally.emitted.total["custom"], tally.emitted.total["data"]) == (2, 1)


def test_a_counter_begins_with_zero(tally: Tally) -> None:
    """Else its first increase cannot be seen."""
    assert tally.reconnects.total == {"read": 0, "write": 0}
    refreshes = ("granted", "adopted", "refused", "misconfigured", "busy", "failed")
    assert tally.refreshes.total == dict.fromkeys(refreshes, 0)
    events = ("data", "error", "rebound", "snapshot", "updateSnapshot", "updateKeys", "httpReply")
    assert tally.emitted.total == dict.fromkeys(events, 0)


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "2xx"), (304, "3xx"), (404, "4xx"), (503, "5xx"), (101, "error"), (999, "error")]
)
def test_a_request_is_counted_by_the_class_of_its_status(
    tally: Tally, clock: Clock, status: int, expected: str
) -> None:
    with tally.http_request("api", "GET", "https://api.example.com/secret") as request:
        clock.now += 0.3
        request.answered(status)
    assert tally.requests.total == {("api", expected): 1}
    assert tally.request_seconds["api"].total[1] == pytest.approx(0.3)


def test_a_request_without_an_answer_is_an_error(tally: Tally) -> None:
    with pytest.raises(TimeoutError), tally.http_request("token_endpoint", "POST", "https://id.example.com"):
        raise TimeoutError
    assert tally.requests.total == {("token_endpoint", "error"): 1}


@pytest.mark.parametrize(
    ("answers", "error", "expected"),
    [
        (["granted"], None, "granted"),
        (["busy", "granted"], None, "granted"),
        (["adopted"], None, "adopted"),
        (["refused", "adopted"], None, "adopted"),
        (["refused"], ReauthorizationRequired("refused"), "refused"),
        ([], ReauthorizationRequired("no token"), "refused"),
        (["misconfigured"], ClientMisconfigured("wrong"), "misconfigured"),
        (["busy"], TokenEndpointUnavailable("busy"), "busy"),
        (["unusable"], TokenEndpointUnavailable("odd"), "failed"),
        (["granted"], KeysNotSaved("away"), "failed"),
        ([], ValueError("defect"), "failed"),
    ],
)
def test_a_refresh_has_one_outcome(tally: Tally, answers: list[str], error: Exception | None, expected: str) -> None:
    with suppress(Exception), tally.refresh() as refresh:
        for answer in answers:
            if answer == "adopted":
                refresh.adopted()
            else:
                refresh.answered(answer)
        if error is not None:
            raise error
    assert {name: count for name, count in tally.refreshes.total.items() if count} == {expected: 1}


def test_no_count_is_lost_between_threads() -> None:
    """The I/O thread, workers and threads of the author count at the same time."""
    tally = Tally()

    def work() -> None:
        for _ in range(2000):
            with tally.message({}, "thread") as message:
                message.function_called()
                message.function_ended()
            message.emitted("data")
            tally.published(0.001)
            tally.publication_retried()
            tally.reconnected("read")
            tally.body_fetched()
            tally.body_stored()
            tally.keys_adopted()
            tally.lock_waited(0.1)
            tally.throttled("data", 0.5)
            tally.error("other", {})
            message.settled("success")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    total = 16_000
    assert tally.messages.total["success"] == tally.emitted.total["data"] == tally.errors.total["other"] == total
    assert tally.retries.total[()] == tally.adopted_keys.total[()] == tally.reconnects.total["read"] == total
    assert tally.bodies.total == {"fetched": total, "stored": total}
    assert tally.throttled_seconds.total["data"] == total / 2
    for histogram in (tally.function_seconds, tally.publish_seconds, tally.lock_wait_seconds):
        assert dict(histogram.total[0])["+Inf"] == total
    assert not tally.in_work
