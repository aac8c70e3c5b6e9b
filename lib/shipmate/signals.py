"""What the main thread waits for: signals, and what other threads tell it."""

import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, NoReturn, TypeVar

_T = TypeVar("_T")


class SignalQueue(Generic[_T]):
    """A queue for one reader, the main thread, that a signal wakes whichever thread the kernel gives it to.

    Waiting for a lock does not do: a signal that another thread gets leaves the main thread asleep.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._items: deque[_T] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def put(self, item: _T) -> None:
        """Tell the main thread, from any thread."""
        self._items.append(item)
        with suppress(BlockingIOError, OSError):  # full of wake-up calls, or closed: nobody waits
            os.write(self._write, b"\0")

    def get(self) -> _T:
        """Wait for the next item."""
        while not self._items:
            os.read(self._read, 1)
        return self._items.popleft()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to get."""
        return not self._items

    @contextmanager
    def hearing(self, numbers: Iterable[int], made: Callable[[signal.Signals], _T]) -> Iterator[None]:
        """Have an item made of each of these signals meanwhile."""
        before: dict[int, Any] = {}
        awake = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        try:
            for number in numbers:
                before[number] = signal.signal(
                    number, lambda received, _: self._items.append(made(signal.Signals(received)))
                )
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(awake)

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._read)
        os.close(self._write)


def end_by_signal(number: int) -> NoReturn:
    """End the process with the status that says which signal ended it."""
    end_process(128 + number)


def end_process(status: int) -> NoReturn:
    """End the process at once, whatever its threads are doing, with everything written out."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
