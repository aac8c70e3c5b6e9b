"""The number of items that are processed at once."""

from itertools import pairwise

import pytest

from shipmate.container.threads.thread_limit import ThreadLimit


def settled(
    limit: ThreadLimit,
    wait_seconds: float,
    *,
    processor: float = 1.0,
    quickest_seconds: float | None = None,
    begin: float = 0.0,
    seconds: float = 10.0,
) -> list[int]:
    """Return the limits of the last second, where each item waits, and needs 0.3 ms of the processor or more.

    Args:
        limit: The limit.
        wait_seconds: The usual wait of an item.
        processor: The share of one processor that the process can have.
        quickest_seconds: The wait of some items, if it is not the usual one.
        begin: The time at the begin.
        seconds: The time from then on.
    """
    now, cpu, items = begin, 0.0, 0.0
    seen: list[int] = []
    quickest = wait_seconds if quickest_seconds is None else quickest_seconds
    while now < begin + seconds:
        if limit.is_due(now):
            limit.measured(
                now,
                cpu_seconds=cpu,
                items=int(items),
                waiting=limit.most - limit.now,
                quickest_seconds=quickest + 0.0003,
            )
        each = 0.0003 * (1 + limit.now / 200)
        rate = min(limit.now / (wait_seconds + each), processor / each)
        now += limit.interval_seconds
        cpu += rate * each * limit.interval_seconds
        items += rate * limit.interval_seconds
        if now > begin + seconds - 1:
            seen.append(limit.now)
    return seen


@pytest.mark.parametrize("processor", [1.0, 0.5, 0.2])
def test_an_api_that_answers_at_once_needs_few_threads(processor: float) -> None:
    """More of them would only take the interpreter from each other, on a machine that others use as well."""
    assert max(settled(ThreadLimit(100), 0.0002, processor=processor)) < 10


@pytest.mark.parametrize("wait_seconds", [0.05, 0.5])
def test_functions_that_wait_are_all_processed_at_once(wait_seconds: float) -> None:
    """Fewer threads would mean fewer items."""
    assert set(settled(ThreadLimit(100), wait_seconds)) == {100}


def test_functions_that_wait_get_all_threads_within_half_a_second() -> None:
    """A process that is not busy gets as many at once as it needs."""
    assert settled(ThreadLimit(100), 0.05, seconds=0.5)[-1] == 100


def test_some_quick_items_among_those_that_wait_take_no_threads_from_them() -> None:
    """The quickest item says only how many threads are needed at least."""
    seen = settled(ThreadLimit(100), 0.05, quickest_seconds=0.0001)
    assert sorted(seen)[len(seen) // 2] == 100


def test_a_process_that_is_not_busy_tries_nothing() -> None:
    """The processor is no limit, so fewer threads cannot be better."""
    assert set(settled(ThreadLimit(20), 0.05)) == {20}


def test_an_api_that_becomes_slow_gets_all_threads_back_within_a_second() -> None:
    """A process that is no longer busy gets more threads at each look."""
    limit = ThreadLimit(100)
    settled(limit, 0.0002)
    assert limit.now < 10
    assert settled(limit, 0.05, begin=11.0, seconds=2.0)[0] == 100


def test_a_process_that_gets_no_more_of_the_processor_seldom_tries_more_threads() -> None:
    """More threads at each look would only make a busy machine busier."""
    limit = ThreadLimit(100)
    seen = settled(limit, 0.0002, processor=0.3, seconds=1.0)
    assert sum(earlier < later for earlier, later in pairwise(seen)) <= 2


@pytest.mark.parametrize("most", [1, 2, 3])
def test_few_items_are_never_limited_to_less_than_two(most: int) -> None:
    """Prefetch 1 has one item."""
    assert min(settled(ThreadLimit(most), 0.0002)) >= min(most, 2)


def test_it_is_asked_at_intervals() -> None:
    """To read the clock of the process is a system call."""
    limit = ThreadLimit(10)
    assert limit.is_due(5.0)
    limit.measured(5.0, cpu_seconds=0.0, items=0, waiting=0, quickest_seconds=0.001)
    assert not limit.is_due(5.05)
    assert limit.is_due(5.11)


def test_a_measurement_lasts_as_long_as_the_quickest_item() -> None:
    """Items that wait together end together: a part of that time has either all of their ends or none."""
    limit = ThreadLimit(10)
    limit.measured(5.0, cpu_seconds=0.0, items=0, waiting=0, quickest_seconds=0.5)
    assert not limit.is_due(5.4)
    assert limit.is_due(5.5)
