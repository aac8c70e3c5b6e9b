"""The stations of a flow, their queues, and the routing keys between them. Pure; no I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from shipmate.flow.components import is_router
from shipmate.flow.graph import Edge, Flow, Node

EVENTS: Final = ("data", "error", "rebound", "snapshot")
INPUT: Final = "input"
DEAD: Final = "dead"
BRANCH: Final = "branch"
REPLY: Final = "reply"
"""Replies have the routing key ``reply.<request id>``."""
_LONGEST_ID: Final = 100
"""A queue's name has at most 255 bytes; an id in UTF-8 takes up to 4 for each character, of which few are not ASCII."""


@dataclass(frozen=True, slots=True)
class Station:
    """A step, or the mapping of an edge: whatever has a queue of its own."""

    id: str
    """The id of the step, or ``mapper:<source>:<target>``."""
    number: int
    component: str
    function: str
    prefetch: int
    containers: int
    has_passthrough: bool
    node: Node | None = field(default=None, repr=False)
    """The step, None for a mapping."""
    edge: Edge | None = field(default=None, repr=False)
    """The edge of a mapping, None for a step."""
    takes_errors: bool = False
    """Whether its input is the errors of other steps."""

    def key(self, event: str) -> str:
        """Return the routing key of an event of this station, or of its input.

        >>> Station("step_1", 4, "crm", "upsert", 1, 1, True).key("data")
        'data.4'
        """
        return f"{event}.{self.number}"


class Topology:
    """The stations, queues and bindings of one run of a flow."""

    def __init__(self, flow: Flow, run_id: str) -> None:
        """Lay out a flow.

        Args:
            flow: The flow.
            run_id: A text that no other run has; all names contain it.
        """
        self.flow = flow
        self.exchange = f"shipmate.flow.{run_id}"
        self.collected = f"{self.exchange}.collected"
        """The queue of the coordinator: errors, last results, snapshots, rebounds, dead letters, and replies."""
        self.stations = tuple(_stations(flow))
        self._by_id = {each.id: each for each in self.stations}

    def station(self, station_id: str) -> Station:
        """Return a station by its id.

        Raises:
            KeyError: There is no such station.
        """
        return self._by_id[station_id]

    def of_number(self, number: int) -> Station:
        """Return a station by its number."""
        return self.stations[number]

    @property
    def first(self) -> Station:
        """The station of the step that begins."""
        return self.station(self.flow.first.id)

    def queue(self, station: Station) -> str:
        """Return the name of a station's queue."""
        text = station.id.encode()[:_LONGEST_ID].decode("utf-8", "ignore")
        return f"{self.exchange}.{station.number}.{text}"

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of all queues."""
        return (*map(self.queue, self.stations), self.collected)

    def branch_key(self, edge: Edge) -> str:
        """Return the routing key of an edge that leaves a router."""
        return f"{BRANCH}.{self.flow.edges.index(edge)}"

    def inlet(self, edge: Edge) -> Station:
        """Return the station that gets the messages of an edge: its mapping, or its target."""
        return self.station(edge.target if edge.mapper is None else edge.mapper_id)

    def bindings(self) -> Iterator[tuple[str, str]]:
        """Yield the routing keys and the queues that get their messages."""
        for station in self.stations:
            yield station.key(INPUT), self.queue(station)
            for event in ("error", "rebound", "snapshot", DEAD):
                yield station.key(event), self.collected
            if station.edge is not None:
                yield station.key("data"), self.queue(self.station(station.edge.target))
            elif not self.flow.edges_from(station.id):
                yield station.key("data"), self.collected
        for edge in self.flow.edges:
            yield from self._of_edge(edge)

    def _of_edge(self, edge: Edge) -> Iterator[tuple[str, str]]:
        inlet = self.queue(self.inlet(edge))
        if edge.source is None:
            handler = {edge.target, edge.mapper_id}
            for station in self.stations:
                if station.id not in handler:
                    yield station.key("error"), inlet
        elif is_router(self.flow, self.flow.node(edge.source)):
            yield self.branch_key(edge), inlet
        else:
            yield self.station(edge.source).key("data"), inlet

    @cached_property
    def targets(self) -> Mapping[str, tuple[str, ...]]:
        """The queues that get a message, by its routing key; replies are not listed."""
        found: dict[str, list[str]] = {}
        for key, queue in dict.fromkeys(self.bindings()):
            found.setdefault(key, []).append(queue)
        return {key: tuple(queues) for key, queues in found.items()}


def _stations(flow: Flow) -> Iterator[Station]:
    unmapped_errors = {each.target for each in flow.edges if each.source is None and each.mapper is None}
    number = 0
    for node in flow.nodes:
        yield Station(
            id=node.id,
            number=number,
            component=node.component,
            function=node.function,
            prefetch=node.prefetch,
            containers=node.containers,
            has_passthrough=node.has_passthrough,
            node=node,
            takes_errors=node.id in unmapped_errors,
        )
        number += 1
    for edge in flow.edges:
        if edge.mapper is None:
            continue
        source = flow.node(edge.source) if edge.source is not None else flow.node(edge.target)
        yield Station(
            id=edge.mapper_id,
            number=number,
            component="mapper",
            function="jsonataMap",
            prefetch=source.prefetch,
            containers=1,
            has_passthrough=True,
            edge=edge,
            takes_errors=edge.source is None,
        )
        number += 1
