"""The pauses before connections and repeated requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.proxy.reconnect import Delays
from shipmate.settings import ProxySettings, Secret


def delays(uniform: float = 0.0, **settings: float) -> Delays:
    return Delays(ProxySettings("http://proxy:5001", Secret("s"), **settings), uniform=lambda: uniform)  # type: ignore[arg-type]


def test_fractions_and_zero_are_values() -> None:
    """PDEF-17."""
    fixed = delays(1.0, reconnect_jitter=0.0, reconnect_multiplier=1.5)
    assert [fixed.reconnect_seconds(attempt) for attempt in (1, 2, 3)] == [1.0, 1.5, 2.25]


@pytest.mark.parametrize("settings", [{"reconnect_multiplier": 0}, {"reconnect_multiplier": 0.5}])
def test_pauses_never_become_shorter(settings: dict[str, float]) -> None:
    fixed = delays(**settings)
    assert [fixed.reconnect_seconds(attempt) for attempt in (1, 2, 9)] == [1.0, 1.0, 1.0]


def test_there_is_always_a_pause() -> None:
    assert delays(reconnect_initial_delay_ms=0).reconnect_seconds(3) == 0.01


def test_the_jitter_has_both_directions() -> None:
    """Proxy 10.1: thirty percent by default; of repeated requests twenty."""
    assert (delays(-1.0).reconnect_seconds(1), delays(1.0).reconnect_seconds(1)) == pytest.approx((0.7, 1.3))
    assert (delays(-1.0).request_seconds(1), delays(1.0).request_seconds(1)) == pytest.approx((0.08, 0.12))


def test_a_process_that_stops_repeats_after_short_pauses() -> None:
    assert delays().request_seconds(20, is_hurried=True) == 0.2


@given(st.integers(1, 10**6), st.floats(-1, 1), st.floats(0, 100))
def test_no_pause_is_longer_than_its_limit(number: int, uniform: float, multiplier: float) -> None:
    """However often something has failed."""
    some = delays(uniform, reconnect_multiplier=multiplier)
    assert 0 <= some.reconnect_seconds(number) <= 30 * 1.3
    assert 0 <= some.poll_seconds(number) <= 30 * 1.3
    assert 0 <= some.request_seconds(number) <= 300 * 1.2
