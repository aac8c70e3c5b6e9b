"""Threads that are started when they are needed, and no more than may be."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from shipmate.workers import Workers


def soon(seconds: float, action: Callable[[], None]) -> None:
    """Call a function after some seconds, as the I/O thread's loop does."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def never(seconds: float, action: Callable[[], None]) -> None:
    """Call nothing."""


def test_quick_items_are_all_done_by_the_thread_that_is_awake() -> None:
    """One thread is woken, and takes one after the other."""
    done: SimpleQueue[tuple[int, int]] = SimpleQueue()
    workers: Workers[int] = Workers(8, lambda number: done.put((number, threading.get_ident())), never)
    for number in range(200):
        workers.submit(number)
    results = [done.get(timeout=10) for _ in range(200)]
    assert [number for number, _ in results] == list(range(200))
    assert len({thread for _, thread in results}) == 1


def test_items_that_nobody_takes_get_threads_of_their_own() -> None:
    """Functions that wait for something do not keep the others waiting."""
    together = threading.Barrier(16, timeout=10)
    done: SimpleQueue[int] = SimpleQueue()

    def work(number: int) -> None:
        together.wait()
        done.put(number)

    workers = Workers(16, work, soon)
    for _ in range(3):
        for number in range(16):
            workers.submit(number)
        assert {done.get(timeout=10) for _ in range(16)} == set(range(16))


def test_no_more_threads_work_than_are_allowed() -> None:
    """Whatever waits."""
    lock = threading.Lock()
    working = most = 0
    done: SimpleQueue[int] = SimpleQueue()
    go_on = threading.Semaphore(0)

    def work(number: int) -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        go_on.acquire()
        with lock:
            working -= 1
        done.put(number)

    workers = Workers(3, work, soon)
    for number in range(12):
        workers.submit(number)
    for _ in range(12):
        go_on.release()
    assert {done.get(timeout=10) for _ in range(12)} == set(range(12))
    assert most <= 3


def test_an_item_that_comes_when_all_are_idle_again_is_taken_at_once() -> None:
    """Also without a look: prefetch 1 must not wait for one."""
    done: SimpleQueue[int] = SimpleQueue()
    workers = Workers(4, done.put, never)
    for number in range(2000):
        workers.submit(number)
        assert done.get(timeout=10) == number


class Held:
    """Work that goes on when it is told to, and looks that are taken when the test does so."""

    def __init__(self) -> None:
        self.looks: list[Callable[[], None]] = []
        self.done: SimpleQueue[int] = SimpleQueue()
        self.go_on = threading.Semaphore(0)

    def work(self, number: int) -> None:
        self.done.put(number)
        self.go_on.acquire()

    def later(self, _seconds: float, action: Callable[[], None]) -> None:
        self.looks.append(action)


def worker_threads() -> int:
    """Return how many there are, those of other tests included: they never end."""
    return sum(thread.name == "shipmate-worker" for thread in threading.enumerate())


def test_no_other_thread_is_woken_while_items_are_taken() -> None:
    """A look that finds that one was taken since then has nothing to do, the first look included."""
    held = Held()
    looks, done, go_on = held.looks, held.done, held.go_on
    workers = Workers(4, held.work, held.later)
    workers.submit(0)
    assert done.get(timeout=10) == 0
    for number in range(1, 4):
        workers.submit(number)
    go_on.release()
    assert done.get(timeout=10) == 1
    before = worker_threads()
    looks.pop()()
    assert worker_threads() == before
    looks.pop()()
    assert worker_threads() == before + 1
    assert done.get(timeout=10) == 2
    go_on.release(4)


def test_nobody_looks_for_an_item_where_no_other_thread_could_take_it() -> None:
    """As with prefetch 1: whoever is done takes the next one in any case."""
    held = Held()
    looks, done, go_on = held.looks, held.done, held.go_on
    workers = Workers(1, held.work, held.later)
    workers.submit(0)
    assert done.get(timeout=10) == 0
    workers.submit(1)
    assert looks == []
    go_on.release(2)
    assert done.get(timeout=10) == 1


def test_the_look_ends_when_all_threads_work() -> None:
    """Else it would go on, a thousand times a second, as long as functions take."""
    held = Held()
    looks, done, go_on = held.looks, held.done, held.go_on
    workers = Workers(2, held.work, held.later)
    workers.submit(0)
    assert done.get(timeout=10) == 0
    workers.submit(1)
    workers.submit(2)
    looks.pop()()
    assert done.get(timeout=10) == 1
    looks.pop()()
    assert looks == []
    go_on.release(3)
    assert done.get(timeout=10) == 2
