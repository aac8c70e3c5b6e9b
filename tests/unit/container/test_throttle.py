"""How many events of a kind start in each interval."""

import threading

import pytest

from shipmate.container.throttle import Throttle


class Time:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_what_exceeds_a_window_waits_for_the_following_ones() -> None:
    """Contract 6: fixed windows, in order."""
    time = Time()
    throttle = Throttle(2, 100, time.clock, time.sleep)
    starts = []
    for _ in range(5):
        throttle.wait()
        starts.append(round(time.now - 100, 3))
    assert starts == [0, 0, 0.1, 0.1, 0.2]


def test_a_pause_opens_a_new_window() -> None:
    """What was not used is not saved up."""
    time = Time()
    throttle = Throttle(1, 100, time.clock, time.sleep)
    throttle.wait()
    time.now += 5
    throttle.wait()
    assert time.now == 105
    throttle.wait()
    assert time.now == pytest.approx(105.1)


@pytest.mark.parametrize(("limit", "interval"), [(0, 100), (-1, 100), (5, 0)])
def test_without_a_positive_limit_nothing_waits(limit: int, interval: int) -> None:
    """A limit of nothing would be no step at all."""
    time = Time()
    throttle = Throttle(limit, interval, time.clock, time.sleep)
    for _ in range(100):
        throttle.wait()
    assert time.now == 100


def test_the_limit_holds_over_all_threads() -> None:
    """Messages that are processed side by side share it."""
    waits: list[float] = []
    throttle = Throttle(3, 1000, lambda: 0.0, waits.append)
    threads = [threading.Thread(target=throttle.wait) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [1.0] * 3 + [2.0] * 3 + [3.0] * 3
