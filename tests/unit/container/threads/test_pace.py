"""Whether items are quick, wait or compute, decided from numbers alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.threads.pace import Pace

WAITS = {"seconds": 0.1, "cpu_seconds": 0.0, "running_threads": 1}


def ended(pace: Pace, *, seconds: float, cpu_seconds: float, running_threads: int) -> None:
    pace.slow_item_ended(seconds, cpu_seconds=cpu_seconds, running_threads=running_threads)


def test_items_are_expected_to_be_quick_at_first() -> None:
    """Until one was seen waiting."""
    assert Pace().is_quick


def test_two_items_that_wait_change_the_pace_and_one_does_not() -> None:
    """However long it waited: its thread may have waited for a processor."""
    pace = Pace()
    ended(pace, **WAITS)
    assert pace.is_quick
    ended(pace, **WAITS)
    assert not pace.is_quick


def test_the_usual_wait_is_a_moving_average() -> None:
    """A fifth for the newest item."""
    pace = Pace(newest_share=0.2, longest_seconds=1.0)
    ended(pace, seconds=0.5, cpu_seconds=0.0, running_threads=1)
    assert pace.usual_seconds == pytest.approx(0.1)
    ended(pace, seconds=0.3, cpu_seconds=0.0, running_threads=1)
    assert pace.usual_seconds == pytest.approx(0.8 * 0.1 + 0.2 * 0.3)
    pace.quick_item_ended()
    assert pace.usual_seconds == pytest.approx(0.8 * 0.14)


def test_quick_items_bring_a_slow_pace_back() -> None:
    """An API was slow for a while."""
    pace = Pace()
    pace.item_is_waiting()
    assert not pace.is_quick
    count = 0
    while not pace.is_quick:
        pace.quick_item_ended()
        count += 1
    assert count == 7


def test_an_item_that_was_seen_waiting_decides_at_once() -> None:
    """It waited during a whole look, whereas a time that was measured may have many reasons."""
    pace = Pace()
    pace.item_is_waiting()
    assert pace.usual_seconds == pace.longest_seconds
    assert not pace.is_quick


@pytest.mark.parametrize(("threads", "cpu_seconds"), [(1, 0.1), (2, 0.05), (4, 0.025), (4, 1.0)])
def test_an_item_that_computes_does_not_wait(threads: int, cpu_seconds: float) -> None:
    """Nor does one that computes while other threads hold the interpreter's lock in turn."""
    pace = Pace()
    for _ in range(10):
        ended(pace, seconds=0.1, cpu_seconds=cpu_seconds, running_threads=threads)
    assert pace.usual_seconds == 0.0


def test_a_thread_computes_if_it_uses_cpu_time_between_two_looks() -> None:
    """A waiting thread uses almost none."""
    pace = Pace(computing_seconds=0.0005)
    assert pace.is_computing(0.003)
    assert not pace.is_computing(0.0005)
    assert not pace.is_computing(0.0)


@given(
    st.lists(
        st.none() | st.tuples(st.floats(0.0003, 1e3), st.floats(0.0, 1e3), st.integers(1, 100)),
        max_size=50,
    )
)
def test_the_usual_wait_stays_between_nothing_and_the_longest(items: list[tuple[float, float, int] | None]) -> None:
    """Whatever the clocks say."""
    pace = Pace()
    for item in items:
        if item is None:
            pace.quick_item_ended()
        else:
            ended(pace, seconds=item[0], cpu_seconds=item[1], running_threads=item[2])
        assert 0.0 <= pace.usual_seconds <= pace.longest_seconds
