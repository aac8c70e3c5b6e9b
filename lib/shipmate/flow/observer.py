"""The port to what shows a run: tables, lines, files."""

from collections.abc import Sequence
from typing import Protocol

from shipmate.flow.collector import Collected
from shipmate.flow.containers import Container, Line
from shipmate.flow.progress import StationCounts


class Observer(Protocol):
    """Shows what happens; called on several threads, and each call must be short."""

    def started(self, container: Container) -> None:
        """A process has started."""

    def died(self, container: Container) -> None:
        """A process has died."""

    def result(self, collected: Collected) -> None:
        """A last step has published a message."""

    def error(self, collected: Collected) -> None:
        """A step has published an error."""

    def rebound(self, collected: Collected, delay_seconds: float) -> None:
        """A step has sent a message back."""

    def line(self, line: Line) -> None:
        """A container has logged an error."""

    def counts(self, counts: Sequence[StationCounts]) -> None:
        """The counts have changed."""
