"""Signals reach the main thread, whichever thread the kernel gives them to."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from shipmate.signals import Job, SignalQueue

STARTS_THREADS = """
import os, signal, threading, time
from shipmate.signals import SignalQueue

inbox = SignalQueue()

def io():
    os.write(1, b"x")
    for _ in range(300):
        threading.Thread(target=lambda: None).start()
    threading.Event().wait()

with inbox.hearing([signal.SIGTERM], lambda number: number):
    threading.Thread(target=io, daemon=True).start()
    os._exit(0 if inbox.get() == signal.SIGTERM else 1)
"""


def test_what_is_put_is_got_in_order() -> None:
    """It is a queue."""
    inbox: SignalQueue[int] = SignalQueue()
    inbox.put(1)
    inbox.put(2)
    assert [inbox.get(), inbox.get()] == [1, 2]
    assert inbox.is_empty
    inbox.close()
    inbox.put(3)  # after the end nobody waits


def test_more_than_the_pipe_takes_is_kept() -> None:
    """The pipe only wakes; what it is woken for is kept elsewhere."""
    inbox: SignalQueue[int] = SignalQueue()
    for number in range(70_000):
        inbox.put(number)
    assert [inbox.get() for _ in range(70_000)] == list(range(70_000))
    inbox.close()


def test_signals_are_heard_meanwhile_and_as_before_afterwards() -> None:
    """What was there before comes back."""
    before = signal.getsignal(signal.SIGUSR1)
    inbox: SignalQueue[signal.Signals] = SignalQueue()
    with inbox.hearing([signal.SIGUSR1], lambda number: number):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert inbox.get() is signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is before
    inbox.close()


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
    """While threads are started, the kernel gives some signals to them."""
    for _ in range(15):
        process = subprocess.Popen([sys.executable, "-c", STARTS_THREADS], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stdout.close()
