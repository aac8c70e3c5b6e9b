"""How many messages are under way: a process that stops waits for them. Pure; no I/O."""

import threading


class InFlight:
    """Counts the messages that are delivered and not settled."""

    def __init__(self) -> None:
        """Start with none."""
        self._count = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Count one more."""
        with self._changed:
            self._count += 1

    def end(self) -> None:
        """Count one less."""
        with self._changed:
            self._count -= 1
            if not self._count:
                self._changed.notify_all()

    def wait_for_none(self, timeout_seconds: float) -> bool:
        """Wait until there is none; tell whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, timeout_seconds)
