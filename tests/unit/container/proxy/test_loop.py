"""The loop: sockets, timers, and threads that wake it."""

import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

from shipmate.container.proxy.loop import READABLE, Loop


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_timers_run_in_order_when_they_are_due() -> None:
    clock, ran = Clock(), []
    loop = Loop(clock)
    for seconds in (2, 1, 1.5, -5):
        loop.call_later(seconds, lambda seconds=seconds: ran.append(seconds))
    loop.turn(may_wait=False)
    assert ran == [-5]
    clock.now += 1.5
    loop.turn(may_wait=False)
    assert ran == [-5, 1, 1.5]
    loop.close()


def test_a_cancelled_timer_does_nothing_and_is_not_waited_for() -> None:
    clock, ran = Clock(), []
    loop = Loop(clock)
    timer = loop.call_later(1, lambda: ran.append(1))
    timer.cancel()
    assert timer.is_cancelled
    assert loop._timeout_ms() is None
    clock.now += 2
    loop.turn(may_wait=False)
    assert ran == []
    loop.close()


def test_a_timer_that_starts_another_one_leaves_time_for_sockets() -> None:
    loop, ran = Loop(Clock()), []

    def again() -> None:
        ran.append(1)
        loop.call_later(0, again)

    again()
    loop.turn(may_wait=True)
    assert len(ran) == 2
    loop.close()


def test_a_wait_ends_with_the_next_timer() -> None:
    clock = Clock()
    loop = Loop(clock)
    assert loop._timeout_ms() is None
    loop.call_later(1.2344, lambda: None)
    assert loop._timeout_ms() == 1235
    loop.call_later(10**9, lambda: None)
    clock.now += 5
    assert loop._timeout_ms() == 0
    loop.close()


def test_another_thread_ends_the_wait() -> None:
    """However often it does; a turn reads all of it."""
    loop = Loop()
    for _ in range(100_000):  # more than a pipe holds
        loop.wake()
    thread = threading.Thread(target=loop.wake)
    thread.start()
    loop.turn(may_wait=True)
    thread.join()
    loop.close()


def test_sockets_are_read_and_written_to_when_that_is_possible() -> None:
    loop, events = Loop(), []
    mine, peer = socket.socketpair()
    loop.watch(mine.fileno(), events.append, is_writing=False)
    loop.turn(may_wait=False)
    assert events == []
    peer.send(b"x")
    loop.turn(may_wait=True)
    assert events.pop() & READABLE
    mine.recv(1)
    loop.watch(mine.fileno(), events.append, is_writing=True)
    loop.turn(may_wait=True)
    assert not events.pop() & READABLE
    loop.unwatch(mine.fileno())
    loop.unwatch(mine.fileno())
    peer.send(b"x")
    loop.turn(may_wait=False)
    assert events == []
    mine.close()
    peer.close()
    loop.close()


def test_a_loop_keeps_no_descriptors() -> None:
    before = len(os.listdir("/dev/fd"))
    Loop().close()
    assert len(os.listdir("/dev/fd")) == before


def test_a_closed_loop_writes_into_no_other_file(tmp_path: Path) -> None:
    """Its descriptors have numbers that the next files get."""
    loop = Loop()
    loop.close()
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(number)).open("wb")) for number in range(20)]
        loop.wake()
    assert [Path(each.name).read_bytes() for each in files] == [b""] * 20
