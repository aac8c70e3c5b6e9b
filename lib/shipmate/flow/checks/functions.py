"""Checks that the function of each step exists, stands at its place, and has its fields."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from shipmate.component import DESCRIPTOR, Function
from shipmate.component.metadata import schema_of, to_draft4
from shipmate.errors import DescriptorError
from shipmate.flow.components import ComponentProblem, Implementation, implementation_of
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Edge, Flow, Node
from shipmate.flow.values import ObjectReader, shown
from shipmate.jsonvalue import kind_of, pointer_to
from shipmate.tools.validation.report import Findings
from shipmate.wording import did_you_mean

_TEXT_VIEWS: Final = ("TextFieldView", "TextAreaView", "PasswordFieldView")
"""The views of fields whose values the platform's designer always writes as text."""


def check_functions(findings: Findings, file: FlowFile, flow: Flow) -> dict[str, Implementation]:
    """Add the problems of components, functions and fields; return what runs each step, by the step's id."""
    found: dict[str, Implementation] = {}
    # A step that could not be read may be the first one.
    is_whole = len(flow.nodes) == len(ObjectReader(Findings(""), "", file.graph).items("nodes"))
    has_first = is_whole and any(each.is_first for each in flow.nodes)
    for node in flow.nodes:
        try:
            implementation = implementation_of(flow, node)
        except ComponentProblem as problem:
            findings.error(_place(file, node, problem), str(problem))
            continue
        found[node.id] = implementation
        if has_first:
            _check_kind(findings, node, implementation)
        function = _function(implementation, node)
        if function is not None:
            _check_fields(findings, node, implementation, function)
        elif implementation.standard is not None:
            _check_required(findings, node, implementation.standard.expressions)
    nodes = {each.id: each for each in flow.nodes}
    for edge in flow.edges:
        if edge.target in found:
            _check_mapped(findings, edge, nodes[edge.target], found[edge.target])
    return found


def _place(file: FlowFile, node: Node, problem: ComponentProblem) -> str:
    """Return the pointer of a wrong component: into ``components``, or at the step."""
    if problem.of_source is not None:
        pointer, sources = file.local["components"]
        is_object = isinstance(sources[problem.of_source], dict)
        return pointer + pointer_to(problem.of_source, *(["path"] if is_object else []))
    return f"{node.pointer}/command"


def _function(implementation: Implementation, node: Node) -> Function | None:
    return implementation.descriptor.functions[node.function] if implementation.descriptor is not None else None


def _check_kind(findings: Findings, node: Node, implementation: Implementation) -> None:
    kind = implementation.kind_of(node.function)
    if kind is None or (kind == "trigger") == node.is_first:
        return
    wanted = "trigger" if node.is_first else "action"
    descriptor = implementation.descriptor
    others = [each.id for each in descriptor.functions.values() if each.kind == wanted] if descriptor else []
    advice = f"the {wanted}s of {shown(node.component)} are {', '.join(others)}" if others else ""
    if node.is_first:
        message = f"expected a trigger as the first step, found the action {shown(node.function)}"
        advice = advice or "begin with a trigger, or with simple-trigger:timer or webhook:receive"
        findings.warning(f"{node.pointer}/command", f"{message}, which needs --msg or --msgs; {advice}")
    else:
        problem = f"expected an action after the first step, found the trigger {shown(node.function)}"
        findings.error(f"{node.pointer}/command", f"{problem}; {advice or 'choose an action'}")


def _check_fields(findings: Findings, node: Node, implementation: Implementation, function: Function) -> None:
    descriptor = implementation.descriptor
    of_all = descriptor.raw.get("fields") if descriptor is not None else None
    known = {**(of_all if isinstance(of_all, Mapping) else {}), **function.fields}
    _check_required(findings, node, _required(known))
    for name, value in node.fields.items():
        if name not in known:
            problem = f"expected a field of {shown(node.function)}, found {shown(name)}"
            findings.warning(f"{node.pointer}/fields{pointer_to(name)}", f"{problem}{did_you_mean(name, known)}")
        elif isinstance(value, bool | int | float) and _is_text(known[name]):
            problem = f"expected text for the field {shown(name)}, found {kind_of(value)}; put it into quotes"
            findings.warning(f"{node.pointer}/fields{pointer_to(name)}", problem)


def _is_text(described: object) -> bool:
    return isinstance(described, Mapping) and described.get("viewClass") in _TEXT_VIEWS


def _required(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, described in fields.items():
        if isinstance(described, Mapping) and described.get("required") is True:
            yield name


def _check_required(findings: Findings, node: Node, names: Iterable[str]) -> None:
    for name in names:
        if node.fields.get(name) in (None, ""):
            problem = f"expected the field {shown(name)}, which {shown(node.function)} requires, found none"
            findings.error(f"{node.pointer}/fields", problem)


def _check_mapped(findings: Findings, edge: Edge, node: Node, implementation: Implementation) -> None:
    """Add the properties that a mapping lacks, although the input of its target requires them."""
    function = _function(implementation, node)
    if function is None or implementation.descriptor is None or not isinstance(edge.mapper, dict):
        return
    try:
        schema = schema_of(implementation.descriptor, function, "in")
        required = to_draft4(schema).get("required") if schema is not None else None
    except (DescriptorError, RecursionError) as error:
        findings.warning(f"{node.pointer}/command", f"expected usable metadata in {DESCRIPTOR}, found {error}")
        return
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in edge.mapper:
            problem = f"expected the property {shown(name)}, which {shown(node.function)} requires, found none"
            findings.error(f"{edge.pointer}/config/mapper", f"{problem}; map it, or give it a constant")


def credential_fields(implementation: Implementation | None) -> Mapping[str, Any]:
    """Return the credential fields of a component, none without a descriptor."""
    if implementation is None or implementation.descriptor is None:
        return {}
    fields: Mapping[str, Any] = implementation.descriptor.credentials.get("fields") or {}
    return fields
