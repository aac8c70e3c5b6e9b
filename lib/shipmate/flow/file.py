"""Finds the flow in a file, in whatever envelope the platform's API, a recipe or a person has put it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.flow.document import FlowFileError, read_document
from shipmate.jsonvalue import kind_of, pointer_to
from shipmate.wording import did_you_mean_or_list

NAMES: Final = ("flow.yaml", "flow.yml", "flow.json")
"""The names of the file that a command takes without being given one."""
LOCAL_MEMBERS: Final = ("components", "accounts", "secrets", "variables", "schedule", "prefetch", "containers")
"""What a flow needs on this machine, and the platform's format lacks."""
_LONGEST_ID: Final = 200
_SHAPES: Final = "a flow with the member 'graph', as the platform's API returns it"
_OLD_CONNECTIONS: Final = (
    "a flow of the format with 'connections' and 'compId', which the platform replaced with 'graph'; "
    "export the flow again"
)
_OLD_NODES: Final = (
    "a flow of the format with 'nodes' of 'action' and 'config', which the platform replaced with 'graph'; "
    "export the flow again"
)


@dataclass(frozen=True, slots=True)
class FlowFile:
    """A flow as its file has it, not checked yet."""

    path: Path
    id: str
    attributes: Mapping[str, Any] = field(repr=False)
    """The name, type and settings of the flow."""
    pointer: str
    """The JSON pointer of the attributes."""
    graph: Mapping[str, Any] = field(repr=False)
    graph_pointer: str
    local: Mapping[str, tuple[str, Any]] = field(repr=False)
    """The `LOCAL_MEMBERS` of the file, each with its pointer and value."""
    twice: tuple[str, ...] = ()
    """The pointers of local members that another level of the file has as well."""
    declared_variables: tuple[str, ...] = ()
    """The ids of the variables that a recipe declares."""
    plain: Mapping[str, str] = field(default_factory=dict)
    """The values of `Document.plain`."""

    @property
    def folder(self) -> Path:
        """Return the folder that paths in the file are relative to."""
        return self.path.parent


@dataclass(frozen=True, slots=True)
class _Part:
    """An object in the file, with its pointer and the objects around it."""

    value: Mapping[str, Any]
    pointer: str
    around: tuple["_Part", ...] = ()

    def member(self, *steps: str | int) -> "_Part":
        """Return a nested object, which must exist."""
        value: Any = self.value
        for step in steps:
            value = value[step]
        return _Part(value, self.pointer + pointer_to(*steps), (*self.around, self))


def only_file_in(folder: Path) -> Path:
    """Return the flow file in a folder, which has one of the usual names.

    Raises:
        BadInput: There is none, or more than one.
    """
    found = [path for name in NAMES if os.path.lexists(path := folder / name)]
    if len(found) == 1:
        return found[0]
    if found:
        named = " and ".join(map(str, found))
        raise BadInput(f"expected one flow file in this folder, found {named}; name one of them")
    expected = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
    raise BadInput(f"expected {expected} in this folder, found none; name a file, or write one: shipmate flow new")


def read(path: Path, *, flow: str | None = None, template: str | None = None) -> FlowFile:
    """Return the flow in a file.

    Args:
        path: A file of JSON or YAML.
        flow: The id or the name of the flow in a list of flows.
        template: The title of the flow in a recipe, or its number, from 1.

    Raises:
        FlowFileError: The file has no flow, several without a choice, or a flow in a format of before ``graph``.
    """
    document = read_document(path)
    value = document.value
    if not isinstance(value, dict):
        raise FlowFileError(path, "", f"expected {_SHAPES}, found {kind_of(value)}")
    if flow is not None and _list_of_flows(value) is None:
        raise FlowFileError(path, "", "expected a list of flows for --flow, found another file")
    part = _opened(path, _Part(value, ""), flow)
    declared: tuple[str, ...] = ()
    if isinstance(part.value.get("flow_templates"), list):
        declared = _declared_variables(part)
        part = _chosen(path, part, ("flow_templates",), template, option="--template", names=("title",))
    elif isinstance(part.value.get("flow_template"), dict):
        declared = _declared_variables(part)
        part = part.member("flow_template")
    elif template is not None:
        raise FlowFileError(path, "", "expected a recipe for --template, found another file")
    graph = _graph(path, part)
    local, twice = _local_members((*part.around, part))
    return FlowFile(
        path=path,
        id=_id(path, part),
        attributes=part.value,
        pointer=part.pointer,
        graph=graph.value,
        graph_pointer=graph.pointer,
        local=local,
        twice=twice,
        declared_variables=declared,
        plain=document.plain,
    )


def with_local(file: FlowFile, given: Mapping[str, Mapping[str, Any]]) -> FlowFile:
    """Return a flow whose local members have the given entries as well, which win over those of the file."""
    local = dict(file.local)
    for name, entries in given.items():
        pointer, value = local.get(name, (f"{file.pointer}/{name}", None))
        if value is None or isinstance(value, Mapping):  # another value is a problem of the file
            local[name] = (pointer, {**(value or {}), **entries})
    return replace(file, local=local)


def _opened(path: Path, part: _Part, flow: str | None) -> _Part:
    """Return the object with the graph or the templates, without the envelopes of JSON:API."""
    if (name := _list_of_flows(part.value)) is not None:
        part = _chosen(path, part, (name,), flow, option="--flow", names=("id", "name"))
    elif isinstance(part.value.get("data"), dict) and "graph" not in part.value and "connections" not in part.value:
        part = part.member("data")
    return part.member("attributes") if isinstance(part.value.get("attributes"), dict) else part


def _list_of_flows(value: Mapping[str, Any]) -> str | None:
    """Return the name of the member with several flows, as the API and a component of the platform emit them."""
    return next((name for name in ("data", "results") if isinstance(value.get(name), list)), None)


def _chosen(
    path: Path, part: _Part, steps: tuple[str, ...], choice: str | None, *, option: str, names: Sequence[str]
) -> _Part:
    """Return the item of a list that an option chooses; a list of one needs no choice."""
    pointer = part.pointer + pointer_to(*steps)
    items: list[Any] = part.member(*steps).value  # type: ignore[assignment]  # the callers have seen a list
    if not items or not all(isinstance(each, dict) for each in items):
        raise FlowFileError(path, pointer, "expected at least one flow, found none")
    labels = [_labels(each, names) for each in items]
    shown = [found[0] if found else str(number) for number, found in enumerate(labels, 1)]
    if choice is None:
        if len(items) > 1:
            problem = f"expected one flow, found {len(items)}; choose with {option}: {', '.join(shown)}"
            raise FlowFileError(path, pointer, problem)
        return part.member(*steps, 0)
    for number, found in enumerate(labels, 1):
        if choice in found or choice == str(number):
            return part.member(*steps, number - 1)
    problem = f"expected the flow of {option}, found none with {choice!r}{did_you_mean_or_list(choice, shown)}"
    raise FlowFileError(path, pointer, problem)


def _labels(item: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    attributes = item.get("attributes")
    places = (item, attributes) if isinstance(attributes, dict) else (item,)
    return [value for name in names for place in places if isinstance(value := place.get(name), str) and value]


def _graph(path: Path, part: _Part) -> _Part:
    """Return the graph of a flow, which may lie bare at the place of its attributes."""
    value = part.value
    if "graph" in value:
        if not isinstance(value["graph"], dict):
            problem = f"expected an object with nodes and edges, found {kind_of(value['graph'])}"
            raise FlowFileError(path, f"{part.pointer}/graph", problem)
        part = part.member("graph")
    elif "nodes" not in value and "connections" not in value:
        raise FlowFileError(path, part.pointer, f"expected {_SHAPES}, found none")
    if (old := _old_format(part.value)) is not None:
        raise FlowFileError(path, part.pointer, f"expected {_SHAPES}, found {old}")
    return part


def _old_format(graph: Mapping[str, Any]) -> str | None:
    nodes = graph.get("nodes")
    described = [each for each in nodes if isinstance(each, dict)] if isinstance(nodes, list) else []
    if "connections" in graph or any("compId" in each for each in described):
        return _OLD_CONNECTIONS
    is_old = any(isinstance(each.get("action") or each.get("function"), str) for each in described)
    return _OLD_NODES if is_old and "edges" not in graph else None


def _id(path: Path, part: _Part) -> str:
    """Return the id of the flow; without one in the file it is the file's name without its ending.

    Raises:
        FlowFileError: The id cannot stand in a URL or a variable.
    """
    for each in (part, *reversed(part.around)):
        if isinstance(given := each.value.get("id"), str) and given:
            if not given.isprintable() or given in (".", "..") or len(given) > _LONGEST_ID:
                problem = f"expected an id of at most {_LONGEST_ID} characters that can be printed, found another text"
                raise FlowFileError(path, f"{each.pointer}/id", problem)
            return given
    return path.name.partition(".")[0] or "flow"


def _local_members(parts: Sequence[_Part]) -> tuple[dict[str, tuple[str, Any]], tuple[str, ...]]:
    """Return the local members of all levels, the outermost first, and the pointers of repeated ones."""
    found: dict[str, tuple[str, Any]] = {}
    twice = []
    for part in parts:
        for name in LOCAL_MEMBERS:
            if isinstance(part.value, dict) and name in part.value:
                if name in found:
                    twice.append(f"{part.pointer}/{name}")
                found.setdefault(name, (f"{part.pointer}/{name}", part.value[name]))
    return found, tuple(twice)


def _declared_variables(part: _Part) -> tuple[str, ...]:
    declarations = part.value.get("declarations")
    variables = declarations.get("variables") if isinstance(declarations, dict) else None
    described = [each for each in variables if isinstance(each, dict)] if isinstance(variables, list) else []
    return tuple(each["id"] for each in described if isinstance(each.get("id"), str))
