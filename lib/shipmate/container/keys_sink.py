"""Takes the events of functions that process no messages: only new keys are allowed."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipmate.errors import ShipmateError
from shipmate.invocation.events import Event
from shipmate.invocation.sink import Sink
from shipmate.oauth2.storage.platform import PlatformTokenStore

_log: Final = logging.getLogger("shipmate.service")


class KeysSink(Sink):
    """Saves the keys that a function of a service call or a hook emits, one after the other."""

    def __init__(
        self, keys: PlatformTokenStore, on_saved: Callable[[Mapping[str, Any], str | None], object] | None = None
    ) -> None:
        """Save with ``keys``; ``on_saved`` is called with the saved keys and their account."""
        self._keys = keys
        self._on_saved = on_saved
        self._lock = threading.Lock()

    def deliver(self, event: Event) -> None:
        """Save the keys of one event; if this fails, a refresh fails, but a function that emits keys goes on.

        Source: contract §10.4.
        """
        with self._lock:
            try:
                self._keys.save(event.value, event.account)
            except ShipmateError as error:
                if event.is_awaited:
                    raise
                _log.error("new keys could not be saved", extra={"reason": str(error)})
                return
            if self._on_saved is not None:
                self._on_saved(event.value, event.account)

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait until no keys are being saved, and block all later saves: the process is about to end."""
        self._lock.acquire(timeout=timeout_seconds)
