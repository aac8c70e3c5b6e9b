"""Holds the step's configuration and snapshot."""

import threading
from collections.abc import Mapping
from typing import Any

from shipmate.jsonvalue import StoredJson


class StepState:
    """The configuration and the snapshot that the next message is given: copies, so that none sees another's changes.

    Both are kept as JSON, which is also the fastest copy.
    """

    def __init__(self, config: Mapping[str, Any], snapshot: Any) -> None:
        """Take what the platform has."""
        self._lock = threading.Lock()
        self._config = StoredJson(dict(config))
        self._snapshot = StoredJson(snapshot or {})

    def config(self) -> Any:
        """Return the configuration."""
        return self._config.copy()

    def snapshot(self) -> Any:
        """Return the snapshot."""
        return self._snapshot.copy()

    def replace_keys(self, keys: Mapping[str, Any]) -> None:
        """Put refreshed keys into the configuration: the platform is not asked for it again."""
        with self._lock:
            self._config = StoredJson({**self.config(), **keys})

    def replace_snapshot(self, snapshot: Any) -> None:
        """Take a new snapshot."""
        with self._lock:
            self._snapshot = StoredJson(snapshot)

    def update_snapshot(self, part: Mapping[str, Any]) -> None:
        """Put members over those of the snapshot."""
        with self._lock:
            before = self.snapshot()
            self._snapshot = StoredJson({**(before if isinstance(before, dict) else {}), **part})
