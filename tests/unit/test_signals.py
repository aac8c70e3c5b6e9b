"""Signals reach the main thread, whichever thread the kernel gives them to."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from shipmate.signals import Job, SignalQueue, wait_for_threads

STARTS_THREADS = """
import os, signal, threading, time
from shipmate.signals import SignalQueue

queue = SignalQueue()

def io():
    os.write(1, b"x")
    for _ in range(300):
        threading.Thread(target=lambda: None).start()
    threading.Event().wait()

with queue.receiving([signal.SIGTERM], lambda number: number):
    threading.Thread(target=io, daemon=True).start()
    os._exit(0 if queue.get() == signal.SIGTERM else 1)
"""


def test_items_come_in_the_order_in_which_they_were_put() -> None:
    """Items keep their order, and a closed queue ignores what is put."""
    queue: SignalQueue[int] = SignalQueue()
    queue.put(1)
    queue.put(2)
    assert [queue.get(), queue.get()] == [1, 2]
    assert queue.is_empty
    queue.close()
    queue.put(3)


def test_a_closed_queue_writes_into_no_other_file(tmp_path: Path) -> None:
    """Its descriptors have numbers that the next files get."""
    queue: SignalQueue[int] = SignalQueue()
    queue.close()
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(number)).open("wb")) for number in range(20)]
        queue.put(1)
    assert [Path(each.name).read_bytes() for each in files] == [b""] * 20


def test_more_than_the_pipe_takes_is_kept() -> None:
    """The pipe only wakes the reader; the items are kept beside it."""
    queue: SignalQueue[int] = SignalQueue()
    for number in range(70_000):
        queue.put(number)
    assert [queue.get() for _ in range(70_000)] == list(range(70_000))
    queue.close()


def test_signals_become_items_within_the_block_only() -> None:
    """Within the block a signal becomes an item; afterwards the handler is the one from before."""
    before = signal.getsignal(signal.SIGUSR1)
    queue: SignalQueue[signal.Signals] = SignalQueue()
    with queue.receiving([signal.SIGUSR1], lambda number: number):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert queue.get() is signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is before
    queue.close()


def test_a_job_runs_on_a_thread_of_its_own() -> None:
    """The main thread is told when it ends, and gets its result."""
    queue: SignalQueue[object] = SignalQueue()
    job = Job(threading.current_thread, queue)
    job.start()
    assert queue.get() is job
    assert job.result() is not threading.current_thread()
    queue.close()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
def test_what_a_job_raises_is_raised_to_who_asks(error: BaseException) -> None:
    """SystemExit would only end its thread."""
    queue: SignalQueue[object] = SignalQueue()

    def fail() -> None:
        raise error

    job = Job(fail, queue)
    job.start()
    assert queue.get() is job
    with pytest.raises(type(error)) as raised:
        job.result()
    assert raised.value is error
    queue.close()


def test_a_signal_that_another_thread_gets_wakes_the_main_thread() -> None:
    """While threads start, the kernel gives some signals to them."""
    # Without coverage, which takes the end of a process into its own hands.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    for _ in range(5):
        command = [sys.executable, "-c", STARTS_THREADS]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"x"
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_threads_that_were_started_are_waited_for() -> None:
    """Those that do not end are named; those of pools wait for more work and end with the process."""
    before = threading.enumerate()
    go_on = threading.Event()
    done: list[bool] = []
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: None).result()
        threading.Thread(target=lambda: (go_on.wait(), done.append(True)), name="late").start()
        assert wait_for_threads(before, 0.01) == ["late"]
        go_on.set()
        assert wait_for_threads(before, 10) == []
        assert done == [True]
    assert wait_for_threads(threading.enumerate(), 0) == []
