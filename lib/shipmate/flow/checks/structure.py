"""Checks the shape of a graph: no circle, no step out of reach, conditions behind routers only."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from shipmate.flow.components import is_router
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Edge, Flow, Node
from shipmate.flow.values import shown
from shipmate.tools.validation.report import Findings

_MOST_SHOWN: Final = 8
"""The most steps of a circle that a problem names."""


def check_structure(findings: Findings, file: FlowFile, flow: Flow) -> None:
    """Add the problems of the graph as a whole.

    Args:
        findings: Receives the problems; has those of the steps and edges themselves.
        file: The file.
        flow: The flow in it.
    """
    leaving: defaultdict[str, list[Edge]] = defaultdict(list)
    entering: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in flow.edges:
        entering[edge.target].append(edge)
        if edge.source is not None:
            leaving[edge.source].append(edge)
    for edge, circle in _circles(leaving):
        findings.error(edge.pointer, f"expected edges without a circle, found one: {_path(circle)}")
    if not any(each.is_first for each in flow.nodes):
        if not any(each.severity == "error" for each in findings.problems):
            problem = "expected a first step besides the error handler, found none"
            findings.error(f"{file.graph_pointer}/nodes", problem)
    elif len(flow.edges) == _length(file.graph.get("edges")):  # a wrong edge would put steps out of reach
        _check_reach(findings, flow.nodes, leaving)
    _check_conditions(findings, flow, leaving)
    _check_error_handlers(findings, flow.nodes)
    for edges in entering.values():
        for edge in edges[1:]:
            message = f"expected one edge into {shown(edge.target)}, found another"
            advice = "the platform's designer draws only one; each message passes for itself"
            findings.warning(edge.pointer, f"{message}; {advice}")


def _length(given: object) -> int:
    return len(given) if isinstance(given, list) else 0


def _circles(leaving: Mapping[str, Sequence[Edge]]) -> Iterator[tuple[Edge, list[str]]]:
    """Yield the edges that close a circle, with the first steps of the circle."""
    done: set[str] = set()
    for root in list(leaving):
        path = {root: 0}
        pending = [iter(leaving.get(root, ()) if root not in done else ())]
        while pending:
            for edge in pending[-1]:
                if edge.target in path:
                    yield edge, list(islice(path, path[edge.target], path[edge.target] + _MOST_SHOWN))
                elif edge.target not in done:
                    path[edge.target] = len(path)
                    pending.append(iter(leaving.get(edge.target, ())))
                    break
            else:
                done.add(path.popitem()[0])
                pending.pop()


def _path(circle: Sequence[str]) -> str:
    return " → ".join([*circle, "..." if len(circle) == _MOST_SHOWN else circle[0]])


def _check_reach(findings: Findings, nodes: Iterable[Node], leaving: Mapping[str, Sequence[Edge]]) -> None:
    roots = [each.id for each in nodes if each.is_first or each.is_error_handler]
    reached = set(roots)
    while roots:
        for edge in leaving.get(roots.pop(), ()):
            if edge.target not in reached:
                reached.add(edge.target)
                roots.append(edge.target)
    first = next(each.id for each in nodes if each.is_first)
    for node in nodes:
        if node.id not in reached:
            problem = f"expected a step that messages reach from {shown(first)}, found {shown(node.id)} out of reach"
            findings.error(node.pointer, f"{problem}; add an edge to it, or delete it")


def _check_conditions(findings: Findings, flow: Flow, leaving: Mapping[str, Sequence[Edge]]) -> None:
    for node in flow.nodes:
        edges = leaving.get(node.id, ())
        if not is_router(flow, node):
            for edge in edges:
                if edge.condition is not None:
                    problem = f"expected a condition behind a router only, found one behind {shown(node.id)}"
                    findings.error(f"{edge.pointer}/config/condition", f"{problem}; add a step router:route before it")
            continue
        defaults = [each for each in edges if each.condition is None]
        for edge in defaults[1:]:
            problem = f"expected one edge without a condition behind the router {shown(node.id)}, found another"
            findings.error(edge.pointer, f"{problem}; the first is {defaults[0].pointer}")


def _check_error_handlers(findings: Findings, nodes: Iterable[Node]) -> None:
    handlers = [each for each in nodes if each.is_error_handler]
    for node in handlers[1:]:
        problem = f"expected one error handler, found a second one; the first is {shown(handlers[0].id)}"
        findings.error(f"{node.pointer}/error", problem)
    for node in handlers:
        if node.is_first:
            findings.error(
                f"{node.pointer}/error", "expected a first step that handles no errors, found the error handler"
            )
