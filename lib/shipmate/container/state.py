"""The configuration and the snapshot of a step."""

import threading
from collections.abc import Mapping
from typing import Any

from shipmate.jsonvalue import StoredJson


class StepState:
    """Gives each message copies of the configuration and the snapshot, so that functions cannot change each other's.

    Both are stored as JSON, since decoding it is the fastest way to copy.
    """

    def __init__(self, config: Mapping[str, Any], snapshot: Any) -> None:
        """Start with the values of the platform."""
        self._lock = threading.Lock()
        self._config = StoredJson(dict(config))
        self._snapshot = StoredJson(snapshot or {})

    def config(self) -> Any:
        """Return a copy of the configuration."""
        return self._config.copy()

    def snapshot(self) -> Any:
        """Return a copy of the snapshot."""
        return self._snapshot.copy()

    def replace_keys(self, keys: Mapping[str, Any]) -> None:
        """Replace members of the configuration by new keys; the configuration is read from the platform only once."""
        with self._lock:
            self._config = StoredJson({**self.config(), **keys})

    def save_keys(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Replace members of the configuration by new keys, unless they belong to another account than the step's."""
        if account is None or account == self.config().get("_account"):
            self.replace_keys(keys)

    def replace_snapshot(self, snapshot: Any) -> None:
        """Replace the snapshot."""
        with self._lock:
            self._snapshot = StoredJson(snapshot)

    def update_snapshot(self, part: Mapping[str, Any]) -> None:
        """Replace members of the snapshot, or the snapshot itself if it is not an object."""
        with self._lock:
            before = self.snapshot()
            self._snapshot = StoredJson({**(before if isinstance(before, dict) else {}), **part})
