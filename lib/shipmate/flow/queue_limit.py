"""The limit of the queue of a webhook: a caller learns that the flow is too slow, before the broker is full."""

import threading
from typing import Final

_MOST_MESSAGES: Final = 75_000
_MOST_BYTES: Final = 200_000_000
"""Both are the platform's limits of a queue."""


class QueueLimit:
    """Estimates how full a queue is, between two looks at its length; thread-safe."""

    def __init__(self, most_messages: int = _MOST_MESSAGES, most_bytes: int = _MOST_BYTES) -> None:
        """Start with an empty queue."""
        self._most_messages, self._most_bytes = most_messages, most_bytes
        self._lock = threading.Lock()
        self._depth = 0
        self._sent = self._sent_bytes = 0

    def looked(self, depth: int) -> None:
        """Take the number of messages in the queue."""
        with self._lock:
            self._depth = depth

    def sent(self, size_bytes: int) -> None:
        """Count a message that was put into the queue."""
        with self._lock:
            self._depth += 1
            self._sent += 1
            self._sent_bytes += size_bytes

    @property
    def is_full(self) -> bool:
        """Whether the queue has as many messages as it may, or as many bytes if all are of the mean size."""
        with self._lock:
            mean_bytes = self._sent_bytes / self._sent if self._sent else 0
            return self._depth >= self._most_messages or self._depth * mean_bytes >= self._most_bytes
