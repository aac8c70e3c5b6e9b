"""The emulated platform, with the time of each request and the number of requests that it serves at once."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from shipmate.emulator import Platform
from shipmate.emulator.journal import Reply, Request


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the platform's API."""

    at_seconds: float
    method: str
    path: str


class WatchedPlatform(Platform):
    """A platform that answers after a pause, and knows when it was asked."""

    def __init__(self, *, pause_seconds: float = 0.0, **arguments: Any) -> None:
        """Begin without requests; ``arguments`` are those of a platform."""
        super().__init__(**arguments)
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._pause_seconds = pause_seconds
        self._open = 0
        self._counting = threading.Lock()

    def serve(self, request: Request) -> tuple[Reply | None, bool]:
        """Note the request, wait, and answer it."""
        with self._counting:
            self.calls.append(Call(time.perf_counter(), request.method, request.path))
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            if self._pause_seconds:
                time.sleep(self._pause_seconds)
            return super().serve(request)
        finally:
            with self._counting:
                self._open -= 1

    def forget(self) -> None:
        """Begin to count anew."""
        with self._counting:
            self.calls.clear()
            self.most_at_once = 0
