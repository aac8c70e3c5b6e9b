"""Shows a run as log records, which are lines of JSON unless a person reads them at a terminal."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shipmate.flow.events import Failure
from shipmate.flow.graph import Flow
from shipmate.flow.journal import Totals
from shipmate.flow.progress import StationCounts
from shipmate.flow.state import fields_of

_log: Final = logging.getLogger("shipmate.flow")
_PAUSE_SECONDS: Final = 5.0


class Lines:
    """Logs the beginning, each step that is ready, the counts when they have changed, errors, and the end."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._ready: set[str] = set()
        self._shown_at: float | None = None
        self._shown: Mapping[str, StationCounts] = {}
        self._last: Mapping[str, StationCounts] = {}

    def begin(self, flow: Flow) -> None:
        """Log the flow and its steps."""
        _log.info("the flow begins", extra={"flow": flow.name, "steps": [node.id for node in flow.nodes]})

    def show(self, counts: Sequence[StationCounts], now: float) -> None:
        """Log the counts if they have changed, at most every few seconds."""
        self._last = {each.station.id: each for each in counts}
        for step, each in self._last.items():
            if each.consuming and step not in self._ready and each.station.node is not None:
                self._ready.add(step)
                _log.info("a step takes messages", extra={"step": step, "containers": each.consuming})
        if self._shown_at is None:
            self._shown_at = now
        if now - self._shown_at >= _PAUSE_SECONDS:
            self._shown_at = now
            if self._last != self._shown:
                self._shown = self._last
                _log.info("counts", extra={"counts": _fields(self._last)})

    def fail(self, failure: Failure) -> None:
        """Log an error."""
        fields = {"step": failure.step, "threadId": failure.thread, "messageId": failure.parent, "error": failure.error}
        _log.error("a message failed" if failure.parent else "a step could not start", extra=fields)

    def end(self, status: int, totals: Totals) -> None:
        """Log the sums."""
        fields = {
            "status": status,
            "seconds": round(totals.seconds, 3),
            "results": totals.results,
            "errors": totals.errors,
            "rebounds": totals.rebounds,
            "counts": _fields(self._last),
        }
        if totals.errors_file is not None:
            fields["errors_file"] = str(totals.errors_file)
        _log.info("the flow has ended", extra=fields)


def _fields(counts: Mapping[str, StationCounts]) -> dict[str, Any]:
    return {step: fields_of(each) for step, each in counts.items()}
