"""The graph of a flow: its steps, the edges between them, and what this machine adds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

LONG_RUNNING: Final = "long_running"
ORDINARY: Final = "ordinary"


@dataclass(frozen=True, slots=True)
class Node:
    """A step of a flow."""

    id: str
    component: str
    """The component's name as the file has it, without the team: "crm", "request-reply"."""
    team: str | None
    function: str
    name: str
    """The name of the step, its id if the file has none."""
    fields: Mapping[str, Any] = field(repr=False)
    account: str | None
    """The key of the step's account in `Flow.accounts`."""
    secret: str | None
    """The key of the step's secret in `Flow.secrets`."""
    service: str | None
    is_first: bool
    is_error_handler: bool
    prefetch: int
    containers: int
    has_passthrough: bool
    log_level: str
    pointer: str
    """The JSON pointer of the step in the file."""
    takes_raw_data: bool = False
    """Whether the bodies of requests to a webhook stay text."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection of two steps."""

    source: str | None
    """The id of the step that emits; None for the edge into the error handler."""
    target: str
    mapper: Any | None
    """An object of expressions or one expression; None without a mapping."""
    condition: str | None
    pointer: str
    """The JSON pointer of the edge in the file."""

    @property
    def mapper_id(self) -> str:
        """Return the id of the mapping as a step.

        >>> Edge("step_1", "step_2", {"to": "mail"}, None, "/graph/edges/0").mapper_id
        'mapper:step_1:step_2'
        """
        return f"mapper:{self.source or ''}:{self.target}"


@dataclass(frozen=True, slots=True)
class ComponentSource:
    """The place of a component: a folder, a command, or both."""

    path: Path | None
    command: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow without errors, as a file describes it."""

    id: str
    name: str
    kind: str
    """`ORDINARY` or `LONG_RUNNING`."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    components: Mapping[str, ComponentSource]
    """The sources of components, by name."""
    accounts: Mapping[str, Path]
    """The key files, by the names that `Node.account` has."""
    secrets: Mapping[str, Any] = field(repr=False)
    """The secrets of the platform, by the names that `Node.secret` has."""
    variables: Mapping[str, Any] = field(repr=False)
    schedule: str | None
    """A cron expression of five fields, or an interval like ``30s``; None for the platform's default."""
    path: Path
    """The file."""

    @property
    def first(self) -> Node:
        """Return the step that begins."""
        return next(each for each in self.nodes if each.is_first)

    @property
    def last_nodes(self) -> tuple[Node, ...]:
        """Return the steps without a successor, the error handler's included."""
        return tuple(each for each in self.nodes if not self.edges_from(each.id))

    @property
    def error_handler(self) -> Node | None:
        """Return the step that takes the errors of all other steps, None if the flow has none."""
        return next((each for each in self.nodes if each.is_error_handler), None)

    def node(self, step_id: str) -> Node:
        """Return a step by its id.

        Raises:
            KeyError: The flow has no such step.
        """
        for each in self.nodes:
            if each.id == step_id:
                return each
        raise KeyError(step_id)

    def edges_from(self, step_id: str) -> tuple[Edge, ...]:
        """Return the edges that leave a step, in the order of the file."""
        return tuple(each for each in self.edges if each.source == step_id)

    def edges_to(self, step_id: str) -> tuple[Edge, ...]:
        """Return the edges that lead to a step, in the order of the file."""
        return tuple(each for each in self.edges if each.target == step_id)
