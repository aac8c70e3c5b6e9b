"""The ticks of a schedule."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shipmate.flow.schedule import parse_schedule
from shipmate.flow.ticker import Ticker, new_tick

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that goes on only while somebody waits; it ends the ticker after a time."""

    def __init__(self, lasts_seconds: float) -> None:
        self.now = START
        self.end = START + timedelta(seconds=lasts_seconds)

    def wait(self, seconds: float) -> bool:
        self.now += timedelta(seconds=seconds)
        return self.now > self.end


def run(schedule: str, clock: Clock, tick: Callable[[], object], count_waiting: Callable[[], int]) -> Ticker:
    ticker = Ticker(parse_schedule(schedule), tick, count_waiting, now=lambda: clock.now, wait=clock.wait)
    ticker.run()
    return ticker


def test_an_interval_ticks_at_once_and_then_at_its_pace() -> None:
    clock, at = Clock(100), []

    run("30s", clock, lambda: at.append(clock.now - START), lambda: 0)

    assert [each.total_seconds() for each in at] == [0, 30, 60, 90]


def test_once_ticks_once() -> None:
    ticker = run("once", Clock(1000), lambda: None, lambda: 0)

    assert (ticker.ticks, ticker.dropped) == (1, 0)


def test_a_tick_waits_while_the_trigger_works_and_further_ones_are_dropped() -> None:
    """At most one tick waits behind the one in work."""
    queue: list[int] = []

    ticker = run("10s", Clock(45), lambda: queue.append(1), lambda: len(queue))

    assert (ticker.ticks, ticker.dropped) == (2, 3)


def test_moments_that_the_machine_slept_through_are_left_out() -> None:
    clock, at = Clock(10_000), []

    def tick() -> None:
        at.append(clock.now - START)
        if len(at) == 2:
            clock.now += timedelta(hours=1)
        if len(at) == 4:
            clock.end = clock.now

    run("1m", clock, tick, lambda: 0)

    assert [each.total_seconds() for each in at] == [0, 60, 60 + 3600, 3720]


def test_a_tick_that_fails_does_not_end_the_ticker(caplog: pytest.LogCaptureFixture) -> None:
    failures = [RuntimeError("no broker")]

    def tick() -> None:
        if failures:
            raise failures.pop()

    ticker = run("10s", Clock(25), tick, lambda: 0)

    assert ticker.ticks == 2
    assert "could not be queued" in caplog.text


def test_a_ticker_ends_while_it_waits() -> None:
    ticked = threading.Event()
    ticker = Ticker(parse_schedule("1h"), ticked.set, lambda: 0)
    ticker.start()
    assert ticked.wait(10)

    ticker.stop()
    ticker.stop()

    assert ticker.ticks == 1


def test_each_tick_begins_a_thread_of_its_own() -> None:
    (message, headers), (_, others) = new_tick(), new_tick()

    assert message == {"id": headers["messageId"], "body": {}, "headers": {}, "attachments": {}, "metadata": {}}
    assert headers["threadId"] == headers["x-eio-meta-trace-id"] != others["threadId"]
    assert "stepId" not in headers
