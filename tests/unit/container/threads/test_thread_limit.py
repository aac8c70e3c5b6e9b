"""The number of items that are processed at once."""

from collections.abc import Callable

import pytest

from shipmate.container.threads.thread_limit import ThreadLimit


def settled(limit: ThreadLimit, rate: Callable[[int], float], share: float, *, seconds: float = 10.0) -> list[int]:
    """Return the limits of the last second, after a time with this rate of items for each limit."""
    now = cpu = items = 0.0
    seen: list[int] = []
    while now < seconds:
        limit.measured(now, cpu_seconds=cpu, items=int(items), waiting=limit.most - limit.now)
        now += limit.interval_seconds
        cpu += share * limit.interval_seconds
        items += rate(limit.now) * limit.interval_seconds
        if now > seconds - 1:
            seen.append(limit.now)
    return seen


def test_an_api_that_answers_at_once_needs_few_threads() -> None:
    """More of them would only take the interpreter from each other."""
    assert max(settled(ThreadLimit(100), lambda at_once: 1000.0 - at_once, 0.95)) < 10


def test_functions_that_wait_are_all_processed_at_once() -> None:
    """Fewer threads would mean fewer items."""
    seen = settled(ThreadLimit(100), lambda at_once: 20.0 * at_once, 0.95)
    assert sorted(seen)[len(seen) // 2] == 100


def test_a_process_that_is_not_busy_tries_nothing() -> None:
    """The processor is no limit, so fewer threads cannot be better."""
    assert set(settled(ThreadLimit(20), lambda at_once: 2.0 * at_once, 0.3)) == {20}


def test_an_api_that_becomes_slow_gets_all_threads_back_within_a_second() -> None:
    """A process that is no longer busy doubles their number at each look."""
    limit = ThreadLimit(100)
    settled(limit, lambda at_once: 1000.0 - at_once, 0.95)
    assert limit.now < 10
    assert settled(limit, lambda at_once: 20.0 * at_once, 0.1, seconds=2.0)[-1] == 100


@pytest.mark.parametrize("most", [1, 2, 3])
def test_few_items_are_never_limited_to_less_than_two(most: int) -> None:
    """Prefetch 1 has one item."""
    assert min(settled(ThreadLimit(most), lambda _: 1000.0, 0.95)) == min(most, 2)


def test_it_is_asked_at_intervals() -> None:
    """To read the clock of the process is a system call."""
    limit = ThreadLimit(10)
    assert limit.is_due(5.0)
    limit.measured(5.0, cpu_seconds=0.0, items=0, waiting=0)
    assert not limit.is_due(5.05)
    assert limit.is_due(5.11)
