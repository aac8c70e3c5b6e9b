"""A pipe by which any thread ends the wait of another one."""

import os
from contextlib import suppress


class WakePipe:
    """A pipe whose bytes say only that there is something to do."""

    def __init__(self) -> None:
        """Open the pipe; reads block unless the descriptor is set otherwise."""
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)

    def wake(self) -> None:
        """End the wait of the reader, on any thread; does nothing after `close`."""
        with suppress(OSError):  # the pipe is full, so that the wait ends anyway, or closed
            os.write(self.writer, b"\0")

    def close(self) -> None:
        """Close the descriptors."""
        reader, writer = self.reader, self.writer
        self.reader = self.writer = -1  # the process may use their numbers again, for a file of somebody else
        os.close(reader)
        os.close(writer)
