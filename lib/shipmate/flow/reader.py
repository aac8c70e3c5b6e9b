"""Makes the flow of a flow file; whatever is wrong becomes a problem, and the rest is read all the same."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from shipmate.flow.edges import read_edges
from shipmate.flow.file import LOCAL_MEMBERS, FlowFile
from shipmate.flow.graph import LONG_RUNNING, ORDINARY, Edge, Flow, Node
from shipmate.flow.local_members import read_accounts, read_components, read_secrets, read_variables
from shipmate.flow.steps import Steps, read_steps
from shipmate.flow.values import ObjectReader
from shipmate.tools.validation.report import Findings

_ATTRIBUTES: Final = frozenset(
    {
        "name", "title", "description", "type", "graph", "nodes_config", "cron", "default_mapper_type",
        "stats_enabled", "api_version", "shut_down_timeout", "status", "current_status", "created_at", "updated_at",
        "last_modified", "last_start_time", "last_stop_time", "due_execution", "snapshot", "id", "data", "meta",
        "links", "relationships", "included", "nodes", "edges", *LOCAL_MEMBERS,
    }
)  # fmt: skip
_GRAPH: Final = frozenset({"nodes", "edges"})


def read_flow(findings: Findings, file: FlowFile) -> Flow:
    """Return the flow of a file, which is complete if there is no error.

    Args:
        findings: Receives the problems.
        file: The file.
    """
    attributes = ObjectReader(findings, file.pointer, file.attributes)
    attributes.warn_of_unknown(_ATTRIBUTES)
    if file.graph is not file.attributes:
        ObjectReader(findings, file.graph_pointer, file.graph).warn_of_unknown(_GRAPH)
    for pointer in file.twice:
        findings.error(pointer, "expected this member once in the file, found it at an outer level as well")
    accounts, secrets = read_accounts(findings, file), read_secrets(findings, file)
    steps = read_steps(findings, file, accounts=accounts, secrets=secrets)
    edges = read_edges(findings, file, steps)
    return Flow(
        id=file.id,
        name=attributes.text("name") or attributes.text("title") or file.id,
        kind=_kind(attributes),
        nodes=_with_first(findings, steps, edges),
        edges=edges,
        components=read_components(findings, file),
        accounts=accounts,
        secrets=secrets,
        variables=read_variables(findings, file),
        schedule=_schedule(file, attributes),
        path=file.path,
    )


def _kind(attributes: ObjectReader) -> str:
    # A file whose whole object is the flow of the API has the type of JSON:API at the same place.
    if attributes.value.get("type") in ("flow", "flow-version", "flow-draft", "recipe"):
        return ORDINARY
    return attributes.one_of("type", (ORDINARY, LONG_RUNNING)) or ORDINARY


def _schedule(file: FlowFile, attributes: ObjectReader) -> str | None:
    """Return the schedule of the file, otherwise the platform's cron expression."""
    if "schedule" not in file.local:
        return attributes.text("cron", "a cron expression")
    pointer, value = file.local["schedule"]
    parent = ObjectReader(attributes.findings, pointer.removesuffix("/schedule"), {"schedule": value})
    return parent.text("schedule", "a cron expression, or an interval like 30s")


def _with_first(findings: Findings, steps: Steps, edges: Iterable[Edge]) -> tuple[Node, ...]:
    """Return the steps, of which one is the first: the marked one, or else one without an incoming edge.

    Without such a step there is a circle, or an error handler only.
    """
    marked = [each for each in steps.nodes if each.is_first]
    for node in marked[1:]:
        problem = f"expected one first step, found a second one; {marked[0].id!r} is the first"
        findings.error(f"{node.pointer}/first", problem)
    if marked:
        return tuple(replace(each, is_first=each is marked[0]) for each in steps.nodes)
    targets = {each.target for each in edges}
    first = next((each for each in steps.nodes if each.id not in targets and not each.is_error_handler), None)
    return tuple(replace(each, is_first=each is first) for each in steps.nodes)
