"""Delivers signals to the main thread, and ends the process."""

import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Generic, NoReturn, TypeVar

from shipmate.wake_pipe import WakePipe

_T = TypeVar("_T")

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask a container to stop."""


class SignalQueue(Generic[_T]):
    """A queue that the main thread reads, and that signals and other threads fill.

    A lock could not replace it: if the kernel gives a signal to another thread, a main thread that waits for a lock
    does not wake up.
    """

    def __init__(self) -> None:
        """Start with an empty queue."""
        self._items: deque[_T] = deque()
        self._pipe = WakePipe()

    def put(self, item: _T) -> None:
        """Add an item, from any thread."""
        self._items.append(item)
        self._pipe.wake()

    def get(self) -> _T:
        """Wait for the next item and return it."""
        while not self._items:
            os.read(self._pipe.reader, 1)
        return self._items.popleft()

    @property
    def is_empty(self) -> bool:
        """True if no item is waiting."""
        return not self._items

    @contextmanager
    def receiving(self, numbers: Iterable[int], to_item: Callable[[signal.Signals], _T]) -> Iterator[None]:
        """Add an item for each of these signals that arrives within the block; restore their handlers afterwards.

        Args:
            numbers: The signals.
            to_item: Makes the item of a signal.
        """
        before: dict[int, Any] = {}
        awake = signal.set_wakeup_fd(self._pipe.writer, warn_on_full_buffer=False)
        try:
            for number in numbers:
                before[number] = signal.signal(
                    number, lambda received, _: self._items.append(to_item(signal.Signals(received)))
                )
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(awake)

    def close(self) -> None:
        """Close the descriptors; whatever is put later wakes nobody."""
        self._pipe.close()


class Job(Generic[_T]):
    """Work on a thread of its own, so that the main thread can wait for signals; it is put into the queue when it ends.

    >>> queue = SignalQueue()
    >>> job = Job(lambda: 7, queue)
    >>> job.start()
    >>> queue.get() is job, job.result()
    (True, 7)
    >>> queue.close()
    """

    def __init__(self, work: Callable[[], _T], queue: SignalQueue[Any]) -> None:
        """Prepare; nothing is started yet."""
        self._work = work
        self._queue = queue
        self._returned: list[_T] = []
        self._raised: BaseException | None = None

    def start(self) -> None:
        """Start the thread; it does not keep the process from ending."""
        threading.Thread(target=self._run, name="function", daemon=True).start()

    def result(self) -> _T:
        """Return what the work has returned, or raise what it has raised, SystemExit included."""
        if self._raised is not None:
            raise self._raised
        return self._returned[0]

    def _run(self) -> None:
        try:
            self._returned.append(self._work())
        except BaseException as error:  # raised in the main thread
            self._raised = error
        self._queue.put(self)


def wait_for_threads(before: Collection[threading.Thread], seconds: float) -> list[str]:
    """Wait for threads that were started later than ``before``; return the names of those that still run.

    Threads of pools are left out: they wait for more work, and end with the process.
    """
    pools = sys.modules.get("concurrent.futures.thread")
    of_pools = getattr(pools, "_threads_queues", ())
    until = time.monotonic() + seconds
    names = []
    for thread in threading.enumerate():
        if thread in before or thread in of_pools:
            continue
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            names.append(thread.name)
    return sorted(names)


def end_by_signal(number: int) -> NoReturn:
    """End the process with the exit status of a signal: 128 and its number."""
    end_process(128 + number)


def end_process(status: int) -> NoReturn:
    """Flush the log and the standard streams, and end the process without waiting for its threads."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
