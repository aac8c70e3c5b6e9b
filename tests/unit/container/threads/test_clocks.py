"""The clocks of threads."""

import threading
import time

import pytest

from shipmate.container.threads.clocks import Clocks, cpu_seconds_of

SECONDS = 10


def test_a_computing_thread_uses_cpu_time_and_a_waiting_one_does_not() -> None:
    """That is how another thread tells them apart."""
    idents: list[int] = []
    lock, go_on = threading.Lock(), threading.Event()
    lock.acquire()

    def run() -> None:
        idents.append(threading.get_ident())
        lock.acquire()
        while not go_on.is_set():
            pass

    running = threading.Thread(target=run)
    running.start()
    until = time.monotonic() + SECONDS
    while not idents:
        assert time.monotonic() < until
    waiting = cpu_seconds_of(idents[0])
    while cpu_seconds_of(idents[0]) != waiting:  # it was not waiting yet
        waiting = cpu_seconds_of(idents[0])
    lock.release()
    while cpu_seconds_of(idents[0]) < waiting + 0.005:
        assert time.monotonic() < until
    go_on.set()
    running.join()


def test_a_system_without_clocks_of_threads_shows_no_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Busy threads are then treated as waiting, and items as usual."""
    monkeypatch.delattr(time, "pthread_getcpuclockid", raising=False)
    assert cpu_seconds_of(threading.get_ident()) == 0.0


def test_the_clocks_run() -> None:
    """Unless a test stops them."""
    clocks = Clocks()
    wall, cpu = clocks.wall(), clocks.cpu()
    until = time.monotonic() + SECONDS
    while clocks.cpu() == cpu or clocks.wall() == wall:
        assert time.monotonic() < until
    assert clocks.cpu_of(threading.get_ident()) >= cpu
