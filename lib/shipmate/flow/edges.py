"""Reads the edges of a flow file."""

from typing import Any, Final

from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Edge
from shipmate.flow.steps import Steps
from shipmate.flow.values import ObjectReader, object_at, shown, suggestion
from shipmate.jsonvalue import kind_of
from shipmate.tools.validation.report import Findings

JSONATA: Final = "jsonata"
_END: Final = "the id of a step"
_KNOWN: Final = ("id", "source", "target", "config")
_CONFIG: Final = ("mapper", "mapper_type", "condition", "error")


def read_edges(findings: Findings, file: FlowFile, steps: Steps) -> tuple[Edge, ...]:
    """Return the edges of a file between steps that exist.

    Args:
        findings: Receives the problems.
        file: The file.
        steps: The steps of the file.
    """
    _check_mapper_type(ObjectReader(findings, file.pointer, file.attributes), "default_mapper_type")
    if not steps.ids:  # a problem of its own, and each edge would be wrong
        return ()
    graph = ObjectReader(findings, file.graph_pointer, file.graph)
    edges: list[Edge] = []
    places: dict[tuple[str | None, str], str] = {}
    for index, item in enumerate(graph.items("edges")):
        found = object_at(findings, graph.place("edges", index), item)
        edge = _read_edge(found, steps) if isinstance(item, dict) else None
        if edge is None:
            continue
        ends = (edge.source, edge.target)
        if ends in places:
            problem = f"expected one edge from {_named(edge.source)} to {_named(edge.target)}, found a second one"
            findings.error(edge.pointer, f"{problem}; the first is {places[ends]}")
            continue
        places[ends] = edge.pointer
        edges.append(edge)
    return tuple(edges)


def _read_edge(found: ObjectReader, steps: Steps) -> Edge | None:
    found.warn_of_unknown(_KNOWN)
    config = found.members("config")
    config.warn_of_unknown(_CONFIG)
    config.boolean("error")
    source = _end(found, "source", found.text("source", _END), steps)
    target = _end(found, "target", found.required_text("target", _END), steps)
    has_source = found.value.get("source") not in (None, "")
    mapper = _mapper(config)
    condition = config.text("condition", "an expression as text")
    if condition is None and config.value.get("condition") not in (None, ""):
        condition = "false"  # not None, since that would make it the default edge
    if target is None or (has_source and source is None):
        return None
    if source is None and target not in steps.handlers:
        problem = f"expected {_END}, found none; only the edge into the error handler has no source"
        found.findings.error(found.place("source"), problem)
        return None
    if source is not None and target in steps.handlers:
        problem = f"expected no source of the edge into the error handler, found {shown(source)}"
        found.findings.error(found.place("source"), f"{problem}; it takes the errors of all steps")
        return None
    return Edge(source, target, mapper, condition, found.pointer)


def _end(found: ObjectReader, name: str, step_id: str | None, steps: Steps) -> str | None:
    if step_id is None or step_id in steps.ids:
        return step_id
    problem = f"expected {_END}, found {shown(step_id)}{suggestion(step_id, steps.ids)}"
    found.findings.error(found.place(name), problem)
    return None


def _mapper(config: ObjectReader) -> Any | None:
    value = config.value.get("mapper")
    _check_mapper_type(config, "mapper_type")
    if value is None or value == {}:
        return None
    if isinstance(value, dict | str):
        return value
    problem = f"expected an object of expressions or one expression as text, found {kind_of(value)}"
    config.findings.error(config.place("mapper"), problem)
    return None


def _check_mapper_type(members: ObjectReader, name: str) -> None:
    kind = members.text(name) or JSONATA
    if kind == "handlebars":
        problem = f"expected {JSONATA}, found {kind}, which the platform has removed; write the mappings as JSONata"
        members.findings.error(members.place(name), problem)
    elif kind != JSONATA:
        members.findings.error(members.place(name), f"expected {JSONATA}, found {shown(kind)}")


def _named(step_id: str | None) -> str:
    return shown(step_id) if step_id is not None else "all steps"
