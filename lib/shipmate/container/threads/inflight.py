"""Count of the messages that are not settled yet; a process that stops waits for them. No I/O."""

import threading


class InFlight:
    """Counts the messages that were delivered and are neither settled nor left."""

    def __init__(self) -> None:
        """Begin with 0."""
        self._count = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Add a message."""
        with self._changed:
            self._count += 1

    def end(self) -> None:
        """Remove a message."""
        with self._changed:
            self._count -= 1
            if not self._count:
                self._changed.notify_all()

    def wait_for_none(self, timeout_seconds: float) -> bool:
        """Wait until there are no messages; return False if the time is up before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, timeout_seconds)
