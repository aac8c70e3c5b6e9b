"""Keeps account of a run: writes results and errors, adds them up, and tells a view."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from shipmate.errors import BadInput
from shipmate.flow.collector import Collected
from shipmate.flow.containers import Container, Line
from shipmate.flow.errors_file import ErrorsFile
from shipmate.flow.events import Failure, Result
from shipmate.flow.graph import Flow
from shipmate.flow.progress import StationCounts
from shipmate.logs.redaction import Redactor

_log: Final = logging.getLogger("shipmate.flow")


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run has done."""

    seconds: float
    results: int
    errors: int
    rebounds: int
    errors_file: Path | None
    """The file with the errors, None without errors."""


class View(Protocol):
    """Shows a run; called on several threads, one at a time."""

    def begin(self, flow: Flow) -> None:
        """Show that a flow begins."""

    def show(self, counts: Sequence[StationCounts], now: float) -> None:
        """Show the counts of all steps at a moment of the monotonic clock, in seconds."""

    def fail(self, failure: Failure) -> None:
        """Show an error."""

    def end(self, status: int, totals: Totals) -> None:
        """Show the end of the run, with its exit status."""


@dataclass(frozen=True, slots=True)
class ErrorKeeping:
    """Where the errors of a run are kept."""

    file: ErrorsFile
    flow: Mapping[str, Any] = field(repr=False)
    """What a retry needs to find the flow again."""
    has_inputs: bool = True
    """Whether the messages that failed are kept as well."""


class Journal:
    """Observes a run. Each result is written, and each error is kept, as soon as it comes."""

    def __init__(
        self,
        flow: Flow,
        view: View,
        write_result: Callable[[Mapping[str, Any]], None],
        redactor: Redactor,
        keeping: ErrorKeeping,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with nothing.

        Args:
            flow: The flow.
            view: Shows the run.
            write_result: Writes a result as a line of JSON.
            redactor: Removes secrets from the texts of errors.
            keeping: Where errors are kept.
            clock: Returns the seconds since 1970.
            monotonic: Returns the seconds of the monotonic clock.
        """
        self._view, self._write_result, self._redactor, self._keeping = view, write_result, redactor, keeping
        self._clock, self._monotonic = clock, monotonic
        self._lock = threading.RLock()
        self._flow = flow
        self._began = monotonic()
        self._is_shown = False
        self._results = self._errors = self._rebounds = 0

    def end(self, status: int) -> None:
        """Take note of the end of the run, with its exit status; a run that did not begin is not shown."""
        with self._lock:
            if self._is_shown:
                self._view.end(status, self.totals())

    def totals(self) -> Totals:
        """Return what the run has done so far."""
        seconds = self._monotonic() - self._began
        path = self._keeping.file.path if self._errors else None
        return Totals(seconds, self._results, self._errors, self._rebounds, path)

    def started(self, container: Container) -> None:
        """Take note of a process that has started."""
        _log.debug("a container has started", extra={"step": container.station.id, "container": container.number})

    def died(self, container: Container) -> None:
        """Take note of a process that has died."""
        fields = {"step": container.station.id, "container": container.number, "status": container.status}
        _log.warning("a container has died, and is started again", extra=fields)

    def result(self, collected: Collected) -> None:
        """Write a message of a last step."""
        self._write_result(Result.from_collected(collected).line())
        with self._lock:
            self._results += 1

    def error(self, collected: Collected) -> None:
        """Keep and show an error."""
        failure = Failure.from_collected(collected, seconds=self._clock(), redactor=self._redactor)
        keeping = self._keeping
        try:
            keeping.file.add(failure.record(keeping.flow, has_input=keeping.has_inputs))
        except (OSError, BadInput) as problem:
            _log.error("an error could not be kept: %s", problem)
        with self._lock:
            self._errors += 1
            self._begin()
            self._view.fail(failure)

    def rebound(self, collected: Collected, delay_seconds: float) -> None:
        """Take note of a message that comes back to its step."""
        with self._lock:
            self._rebounds += 1
        _log.debug("a message was sent back", extra={"step": collected.station.id, "delay_seconds": delay_seconds})

    def line(self, line: Line) -> None:
        """Log an error that a container has logged."""
        _log.error("%s", line.text, extra={"step": line.station, "container": line.container})

    def counts(self, counts: Sequence[StationCounts]) -> None:
        """Show the counts."""
        with self._lock:
            self._begin()
            self._view.show(counts, self._monotonic())

    def _begin(self) -> None:
        if not self._is_shown:
            self._is_shown = True
            self._began = self._monotonic()
            self._view.begin(self._flow)
