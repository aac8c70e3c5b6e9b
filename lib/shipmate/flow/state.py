"""What the counts of a step mean for a person: its state, its rate, and its place among the steps. Pure; no I/O."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from shipmate.flow.graph import Flow
from shipmate.flow.progress import StationCounts

_WINDOW_SECONDS: Final = 5.0
"""The time over which a rate is measured."""


def state_of(counts: StationCounts) -> str:
    """Return the state of a step in one word.

    It is ``stopped`` without a process, ``starting`` until a container takes messages, ``working`` while messages are
    in work, and ``ready`` otherwise.
    """
    if not counts.running:
        return "stopped"
    if not counts.consuming:
        return "starting"
    return "working" if counts.unsettled else "ready"


def fields_of(counts: StationCounts) -> dict[str, Any]:
    """Return the counts of a step as a JSON object."""
    return {
        "state": state_of(counts),
        "containers": counts.running,
        "in": counts.received,
        "out": counts.emitted,
        "errors": counts.errors,
        "rebounds": counts.rebounds,
        "queued": counts.queued,
        "in_work": counts.unsettled,
    }


def in_order_of(flow: Flow, counts: Iterable[StationCounts]) -> list[StationCounts]:
    """Return the counts in the order of the flow's steps, each mapping before the step that it leads to."""
    places = {node.id: place for place, node in enumerate(flow.nodes)}

    def place(each: StationCounts) -> tuple[int, bool, int]:
        edge = each.station.edge
        return places[edge.target if edge is not None else each.station.id], edge is None, each.station.number

    return sorted(counts, key=place)


class Rates:
    """The messages per second that each step has received during the last seconds."""

    def __init__(self) -> None:
        """Start without a look."""
        self._looks: deque[tuple[float, tuple[int, ...]]] = deque()

    def update(self, now: float, counts: Sequence[StationCounts]) -> list[float]:
        """Return the rates, in the order of the counts.

        Args:
            now: The time in seconds.
            counts: The counts of all steps, in the same order at each call.
        """
        received = tuple(each.received for each in counts)
        looks = self._looks
        looks.append((now, received))
        while len(looks) > 2 and looks[1][0] <= now - _WINDOW_SECONDS:
            looks.popleft()
        then, before = looks[0]
        seconds = now - then
        if seconds <= 0:
            return [0.0] * len(received)
        return [(last - first) / seconds for first, last in zip(before, received, strict=True)]
