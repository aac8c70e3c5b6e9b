"""Threads that are started when they are needed, and no more than may be."""

import threading
from queue import SimpleQueue

from shipmate.workers import Workers


def test_no_more_threads_work_than_are_allowed_and_idle_ones_are_used_again() -> None:
    """One after the other is one thread; side by side they are as many as the limit."""
    done: SimpleQueue[tuple[int, str]] = SimpleQueue()
    go_on = threading.Semaphore(0)

    def work(number: int) -> None:
        if number >= 10:
            go_on.acquire()
        done.put((number, threading.current_thread().name))

    workers = Workers(3, work)
    first = []
    for number in range(3):
        workers.submit(number)
        first.append(done.get(timeout=10))
    assert [number for number, _ in first] == [0, 1, 2]
    for number in range(10, 20):
        workers.submit(number)
    for _ in range(10):
        go_on.release()
    names = {done.get(timeout=10)[1] for _ in range(10)}
    assert len(names) <= 3
