"""How a signal interrupts a run: its handler runs on the main thread, at any moment."""

import signal
import threading
from types import FrameType
from typing import Any

from shipmate.flow.coordinator import Coordinator


def test_a_signal_that_comes_while_the_main_thread_holds_a_lock_does_not_block_it() -> None:
    """The handler would wait for the thread that it has interrupted: such a run never ended."""
    coordinator: Any = Coordinator.__new__(Coordinator)
    coordinator._interrupts = 0
    coordinator._woken = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        coordinator.interrupt()

    before = signal.signal(signal.SIGTERM, handle)
    try:
        with coordinator._woken._cond:  # as in its own `wait` and `clear`
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert coordinator._interrupts == 1
