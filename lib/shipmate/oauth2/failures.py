"""Remembers failures of token endpoints that the next requests would meet as well."""

import threading
from collections.abc import Hashable

from shipmate.oauth2.token_response import TokenResponse

_MOST_FAILURES = 1000


class KnownFailures:
    """The failures that hold for a time, of all providers of the process."""

    def __init__(self) -> None:
        """Start without failures."""
        self._failures: dict[Hashable, tuple[float, TokenResponse]] = {}
        self._lock = threading.Lock()

    def add(self, key: Hashable, answer: TokenResponse, *, until: float) -> None:
        """Remember an answer.

        Args:
            key: Identifies the requests that would receive the same answer.
            answer: The answer.
            until: Monotonic seconds.
        """
        with self._lock:
            self._failures.pop(key, None)
            self._failures[key] = (until, answer)
            if len(self._failures) > _MOST_FAILURES:
                del self._failures[next(iter(self._failures))]

    def find(self, key: Hashable, now: float) -> tuple[TokenResponse, float] | None:
        """Return the remembered answer and the seconds for which it still holds, None without one."""
        with self._lock:
            until, answer = self._failures.get(key, (now, None))
            if answer is None or now >= until:
                self._failures.pop(key, None)
                return None
            return answer, until - now
