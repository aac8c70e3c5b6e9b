"""A pipe by which any thread ends the wait of another one."""

import os
import threading
from contextlib import suppress


class WakePipe:
    """A pipe whose bytes say only that there is something to do."""

    def __init__(self) -> None:
        """Open the pipe; reads block unless the descriptor is set otherwise."""
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        # A thread that has just begun to write lets others run before it does: without the lock, the pipe could be
        # closed then, and the byte would go to a file of somebody else that has the number of the descriptor.
        self._lock = threading.Lock()

    def wake(self) -> None:
        """End the wait of the reader, on any thread, but not in a signal handler; does nothing after `close`."""
        with self._lock, suppress(OSError):  # the pipe is full, so that the wait ends anyway, or closed
            os.write(self.writer, b"\0")

    def close(self) -> None:
        """Close the descriptors; may be called again."""
        with self._lock:
            for descriptor in {self.reader, self.writer} - {-1}:
                os.close(descriptor)
            self.reader = self.writer = -1
