"""How far a flow is: the counts of its stations, and whether anything is left to do. Pure; no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shipmate.flow.counting import Tally
from shipmate.flow.topology import REPLY, Station, Topology

QUIET_SECONDS: Final = 1.0
"""After a fault the sums may not add up: then so much time without any frame means that nothing is left."""


@dataclass(frozen=True, slots=True)
class StationCounts:
    """The counts of one station at one moment."""

    station: Station
    running: int
    """The containers whose process runs; 1 for a step inside the coordinator."""
    consuming: int
    """The containers that take messages."""
    received: int
    """The messages that it has received, without those that came again."""
    emitted: int
    """The messages that it has published for the next steps."""
    errors: int
    rebounds: int
    queued: int
    """The messages that wait in its queue."""
    unsettled: int
    """The messages in work."""


def counts_of(station: Station, tallies: Iterable[Tally], *, running: int, queued: int) -> StationCounts:
    """Return the counts of a station from those of its containers."""
    consuming = received = emitted = errors = rebounds = unsettled = 0
    others = {station.key(event) for event in ("error", "rebound", "snapshot")}
    for tally in tallies:
        consuming += tally.consumers > 0
        received += tally.delivered - tally.redelivered
        unsettled += tally.unsettled
        errors += tally.published[station.key("error")]
        rebounds += tally.published[station.key("rebound")]
        emitted += sum(count for key, count in tally.published.copy().items() if key not in others)
    return StationCounts(station, running, consuming, received, emitted, errors, rebounds, queued, unsettled)


def outstanding(topology: Topology, tallies: Iterable[Tally], *, sent: Mapping[str, int], collected: int) -> int:
    """Return the number of messages that are published and not settled; it is exact unless there was a fault.

    A fault is a lost connection or a killed process: then messages come twice, and the sum may be wrong for ever.

    Args:
        topology: Which queues get a publication.
        tallies: Those of all containers.
        sent: The messages that the coordinator has published, by routing key.
        collected: The messages that the coordinator has settled.
    """
    total = -collected + _copies(topology, sent)
    for tally in tallies:
        # A rejected message is settled, and becomes a dead letter for the coordinator.
        total += _copies(topology, tally.published.copy()) + tally.rejected - tally.settled
    return total


def _copies(topology: Topology, published: Mapping[str, int]) -> int:
    targets = topology.targets
    return sum(
        count * (1 if key.startswith(f"{REPLY}.") else len(targets.get(key, ()))) for key, count in published.items()
    )


class Quiet:
    """Knows for how long nothing has happened."""

    def __init__(self) -> None:
        """Start without a look."""
        self._last: tuple[int, ...] = ()
        self._since = 0.0

    def seconds(self, now: float, facts: tuple[int, ...]) -> float:
        """Return the seconds for which the facts are the same."""
        if facts != self._last:
            self._last, self._since = facts, now
        return now - self._since
