"""The pipe that wakes threads."""

import os
import threading
from typing import Any

import pytest

from shipmate import wake_pipe
from shipmate.wake_pipe import WakePipe


def test_it_is_not_closed_while_a_thread_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread lets others run before the system writes; the number of the descriptor must not get a new file then."""
    pipe = WakePipe()
    is_writing, is_closed = threading.Event(), threading.Event()
    found: list[bool] = []

    def slow_write(descriptor: int, data: bytes, write: Any = os.write) -> int:
        is_writing.set()
        found.append(is_closed.wait(0.05))
        return int(write(descriptor, data))

    def close() -> None:
        is_writing.wait()
        pipe.close()
        is_closed.set()

    monkeypatch.setattr(wake_pipe.os, "write", slow_write)
    closing = threading.Thread(target=close)
    closing.start()
    pipe.wake()
    closing.join()
    assert found == [False]


def test_after_its_end_it_wakes_nobody() -> None:
    """The thread that has something to say may be late."""
    pipe = WakePipe()
    pipe.wake()
    assert os.read(pipe.reader, 2) == b"\0"
    pipe.close()
    pipe.wake()
    pipe.close()
