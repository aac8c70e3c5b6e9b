"""The main thread while others work: it waits for the outcome, the end of the time, or a signal."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from shipmate.container.deadline import Deadline, Limit, Stopped
from shipmate.errors import BadInput, ServiceTimeout

STUCK = """
import re
from shipmate.container import deadline as watch
watch._STUCK_SECONDS = 0.1
watch.Deadline().outcome(lambda: re.match("(a+)+$", "a" * 60 + "b"), limit=watch.Limit(1, "too late"))
"""


def refuse() -> None:
    """Raise what the caller of the work is to see."""
    raise BadInput("refused")


def test_what_the_work_returns_and_raises_is_returned_and_raised() -> None:
    """The caller need not know that it ran on another thread."""
    watch = Deadline()
    assert watch.outcome(threading.current_thread) is not threading.current_thread()
    with pytest.raises(BadInput, match="refused"):
        watch.outcome(refuse)


def test_work_that_ends_late_is_not_mistaken_for_the_next() -> None:
    """Its end arrives while the main thread waits for the next work."""
    watch, go_on = Deadline(), threading.Event()
    threads: list[threading.Thread] = []

    def late() -> str:
        threads.append(threading.current_thread())
        go_on.wait()
        return "late"

    def next_work() -> str:
        go_on.set()
        threads[0].join()
        return "next"

    with pytest.raises(ServiceTimeout, match="too late"):
        watch.outcome(late, limit=Limit(1, "too late"))
    assert watch.outcome(next_work) == "next"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_whatever_the_work_does(number: signal.Signals) -> None:
    """The work goes on; what becomes of it is the caller's affair."""
    watch, go_on = Deadline(), threading.Event()

    def wait() -> None:
        os.kill(os.getpid(), number)
        go_on.wait()

    with watch.receiving_signals(), pytest.raises(Stopped) as stopped:
        watch.outcome(wait)
    go_on.set()
    assert stopped.value.number == number


def test_work_that_lets_no_thread_run_ends_with_the_process() -> None:
    """A regular expression without an end holds the interpreter: not even the time limit is noticed."""
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=15)
    assert done.returncode == 1
    assert done.stderr.startswith("Timeout (")
