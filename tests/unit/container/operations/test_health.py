"""What health says in each phase of a step."""

from collections.abc import Callable

import pytest

from shipmate.container.operations.health import Health, Verdict
from shipmate.container.operations.tally import Tally
from shipmate.observation import Phase


class Transport:
    """A transport whose I/O turns as the test wants."""

    def __init__(self) -> None:
        self.obstacle: str | None = None
        self.is_turning = True
        self.pings: list[Callable[[], None]] = []

    def ping(self, answer: Callable[[], None]) -> None:
        self.pings.append(answer)
        if self.is_turning:
            answer()


class Bench:
    """Health, with a transport and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.transport = Transport()
        self.tally = Tally(lambda: self.now)
        self.health = Health(
            self.transport, self.tally, stuck_seconds=60, patience_seconds=0.01, clock=lambda: self.now
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_step_that_starts_lives_and_is_not_ready(bench: Bench) -> None:
    """Its I/O does not run yet, and is not asked."""
    bench.transport.is_turning = False
    assert bench.health.live() == (True, "starting")
    assert bench.health.ready() == (False, "starting")


def test_a_step_that_consumes_is_ready(bench: Bench) -> None:
    bench.tally.phase_began("consuming")
    assert bench.health.live() == (True, "consuming")
    assert bench.health.ready() == (True, "consuming")


def test_a_lost_connection_is_no_reason_for_a_restart(bench: Bench) -> None:
    bench.tally.phase_began("consuming")
    bench.transport.obstacle = "no connection"
    assert bench.health.live() == (True, "consuming")
    assert bench.health.ready() == (False, "no connection")


def test_io_that_does_not_turn_is_dead_until_it_turns(bench: Bench) -> None:
    """One ping waits for its answer; no others are sent."""
    bench.tally.phase_began("consuming")
    bench.transport.is_turning = False
    dead = Verdict(False, "the I/O thread has not answered for 0.01 s")
    assert bench.health.live() == dead
    bench.now += 1
    assert (bench.health.live(), bench.health.ready()) == (dead, dead)
    (answer,) = bench.transport.pings
    answer()
    assert bench.health.live() == (True, "consuming")
    bench.transport.is_turning = True
    assert bench.health.ready() == (True, "consuming")


def test_a_step_that_stops_lives_and_is_not_ready(bench: Bench) -> None:
    """Its I/O ends at last."""
    bench.tally.phase_began("stopping")
    bench.transport.is_turning = False
    assert bench.health.live() == (True, "stopping")
    assert bench.health.ready() == (False, "stopping")


@pytest.mark.parametrize("phase", ["consuming", "stopping"])
def test_a_function_that_is_silent_for_too_long_is_dead(bench: Bench, phase: Phase) -> None:
    bench.tally.phase_began(phase)
    message = bench.tally.message({}, "thread")
    message.function_called()
    bench.now += 60
    assert bench.health.live().is_well
    bench.now += 2
    text = "a function has emitted nothing for 62 s, SHIPMATE_STUCK_SECONDS allows 60"
    assert bench.health.live() == (False, text)
    message.function_ended()
    assert bench.health.live().is_well


def test_a_function_that_emits_or_waits_for_the_broker_is_not_stuck(bench: Bench) -> None:
    """A restart would not make the broker faster, and the function would do its work twice."""
    bench.tally.phase_began("consuming")
    message = bench.tally.message({}, "thread")
    message.function_called()
    bench.now += 50
    message.function_waits()
    bench.now += 1000
    assert bench.health.live().is_well
    message.function_continues()
    bench.now += 50
    assert bench.health.live().is_well
    bench.now += 20
    assert not bench.health.live().is_well


def test_without_a_limit_no_function_is_stuck() -> None:
    bench = Bench()
    health = Health(bench.transport, bench.tally, clock=lambda: bench.now)
    bench.tally.phase_began("consuming")
    bench.tally.message({}, "thread").function_called()
    bench.now += 1_000_000
    assert health.live().is_well


def test_a_message_that_waits_for_its_confirm_is_old_and_not_stuck(bench: Bench) -> None:
    bench.tally.phase_began("consuming")
    message = bench.tally.message({}, "thread")
    message.function_called()
    message.function_ended()
    bench.now += 1000
    assert bench.tally.oldest_seconds == 1000
    assert bench.health.live().is_well
