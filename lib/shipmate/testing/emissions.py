"""The events that a function has emitted, for tests."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.invocation.events import Event
from shipmate.invocation.sink import Sink
from shipmate.logs.redaction import Redactor

_LONGEST_VALUE: Final = 500
_SHOWN_AT_EACH_END: Final = 3


class Emissions:
    """The events of one call, in order and by their kind.

    >>> emissions = Emissions([("data", {"body": {"id": 7}}), ("snapshot", {"next": 8})])
    >>> emissions.message["body"], emissions.snapshots, emissions.errors
    ({'id': 7}, [{'next': 8}], [])
    """

    def __init__(
        self,
        events: list[tuple[str, Any]] | None = None,
        redactor: Redactor | None = None,
        root: Path | None = None,
    ) -> None:
        """Hold events.

        Args:
            events: Names and values, in order: ``[("data", {"body": {...}}), ...]``.
            redactor: Removes secrets from summaries.
            root: The component's folder; summaries show the place of an error in it.
        """
        self.events: list[tuple[str, Any]] = [] if events is None else events
        self._redactor = redactor or Redactor()
        self._root = root

    @property
    def data(self) -> list[dict[str, Any]]:
        """The messages."""
        return self._of("data")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors: ``{"name": ..., "message": ..., "stack": ...}``."""
        return self._of("error")

    @property
    def snapshots(self) -> list[Any]:
        """The snapshots, whole ones and the changes of ``updateSnapshot``."""
        return self._of("snapshot", "updateSnapshot")

    @property
    def updated_keys(self) -> list[dict[str, Any]]:
        """The new keys, by the name of their credential field."""
        return self._of("updateKeys")

    @property
    def rebounds(self) -> list[str]:
        """The reasons of the rebounds."""
        return self._of("rebound")

    @property
    def http_replies(self) -> list[dict[str, Any]]:
        """The HTTP replies: ``{"statusCode": ..., "body": ..., "headers": ...}``."""
        return self._of("httpReply")

    @property
    def message(self) -> dict[str, Any]:
        """The only message.

        Raises:
            AssertionError: There are no or several messages, or errors; the text lists all events.
        """
        if len(self.data) != 1 or self.errors:
            raise AssertionError(f"expected one message, found {self.summary()}")
        return self.data[0]

    def only(self, *names: str) -> "Emissions":
        """Return the events with these names."""
        events = [(name, value) for name, value in self.events if name in names]
        return Emissions(events, self._redactor, self._root)

    def summary(self) -> str:
        """Return the events as text, one line each, without secrets; errors with their place in the component.

        Of a kind with many events only the first and the last three are shown.
        """
        if not self.events:
            return "nothing: no event was emitted"
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        """Name the events, not their values."""
        return f"Emissions({[name for name, _ in self.events]})"

    def _of(self, *names: str) -> list[Any]:
        return [value for name, value in self.events if name in names]

    def _lines(self) -> Iterator[str]:
        counts = Counter(name for name, _ in self.events)
        seen: Counter[str] = Counter()
        for name, value in self.events:
            seen[name] += 1
            left_out = counts[name] - 2 * _SHOWN_AT_EACH_END
            if left_out < 2 or not _SHOWN_AT_EACH_END < seen[name] <= counts[name] - _SHOWN_AT_EACH_END:
                yield f"{name}: {self._shown(name, value)}"
            elif seen[name] == _SHOWN_AT_EACH_END + 1:
                yield f"{name}: ... {left_out} more"

    def _shown(self, name: str, value: Any) -> str:
        safe = self._redactor.redact_json(value)
        if name == "error" and isinstance(safe, Mapping):
            return f"{safe.get('name')}: {safe.get('message')}{_place(safe.get('stack'), self._root)}"
        text = repr(safe)
        return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text)} characters)"


def _place(stack: object, root: Path | None) -> str:
    """Return the innermost frame of a traceback, preferably one in the component."""
    frames = [line.strip() for line in str(stack).splitlines() if line.lstrip().startswith('File "')]
    own = [frame for frame in frames if root is not None and f'"{root}{os.sep}' in frame]
    return f"\n    {(own or frames)[-1]}" if frames else ""


class RecordingSink(Sink):
    """Records the events of a call, and saves new keys."""

    def __init__(self, emissions: Emissions, save_keys: Callable[[Mapping[str, Any]], None]) -> None:
        """Record into ``emissions``."""
        self._emissions = emissions
        self._save_keys = save_keys
        self._lock = threading.Lock()

    def deliver(self, event: Event) -> None:
        """Record one event."""
        with self._lock:
            if event.name == "updateKeys":
                self._save_keys(event.value)
            self._emissions.events.append((event.name, event.value))
