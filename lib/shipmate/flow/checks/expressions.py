"""Checks the expressions of mappings, conditions and standard components."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from shipmate.flow.components import Implementation
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Edge, Flow, Node
from shipmate.flow.values import shown
from shipmate.jsonvalue import texts_within
from shipmate.tools.validation.report import Findings
from shipmate.wording import did_you_mean

_VARIABLE: Final = re.compile(r"\$getFlowVariables\(\)\.(\w+)")
_DOCUMENTED_ERROR: Final = re.compile(r"\berrorInput\.(content|properties)\b")


def check_expressions(
    findings: Findings, file: FlowFile, flow: Flow, implementations: Mapping[str, Implementation]
) -> None:
    """Add the expressions that are not JSONata, or are probably not what the author means.

    Args:
        findings: Receives the problems.
        file: The file.
        flow: The flow in it.
        implementations: What runs each step, by the step's id.
    """
    for edge in flow.edges:
        for pointer, text in _of_edge(edge):
            _check(findings, file, flow, pointer, text)
            if edge.source is None and (match := _DOCUMENTED_ERROR.search(text)):
                message = f"expected errorInput.body or errorInput.headers, found errorInput.{match[1]}"
                findings.warning(pointer, f"{message}, which the runtime does not send")
    for node in flow.nodes:
        for pointer, text in _of_node(node, implementations.get(node.id)):
            _check(findings, file, flow, pointer, text)


def _of_edge(edge: Edge) -> Iterator[tuple[str, str]]:
    yield from texts_within(edge.mapper, f"{edge.pointer}/config/mapper")
    if edge.condition is not None:
        yield f"{edge.pointer}/config/condition", edge.condition


def _of_node(node: Node, implementation: Implementation | None) -> Iterator[tuple[str, str]]:
    """Yield the expressions in the fields of a standard component."""
    standard = implementation.standard if implementation is not None else None
    if standard is None:
        return
    for name in standard.expressions:
        if isinstance(text := node.fields.get(name), str) and text:
            yield f"{node.pointer}/fields/{name}", text
    if standard.component == "mapper":
        yield from texts_within(node.fields.get("mapper"), f"{node.pointer}/fields/mapper")


def _check(findings: Findings, file: FlowFile, flow: Flow, pointer: str, text: str) -> None:
    from shipmate.flow.expressions import FUNCTION_NAMES, Expression, ExpressionError  # 60 ms

    try:
        expression = Expression.compile(text)
    except ExpressionError as error:
        findings.error(pointer, f"expected JSONata, found {error}{_advice(text)}")
        return
    _check_constant(findings, pointer, file.plain.get(pointer))
    for name in expression.unknown_functions:
        known = [f"${each}" for each in sorted(FUNCTION_NAMES)]
        findings.error(pointer, f"expected a function of JSONata, found {shown(name)}{did_you_mean(name, known)}")
    if "{{" in text:
        findings.warning(pointer, "expected JSONata, found {{, which it does not replace; join texts with &")
    if expression.newer_operators:
        found = " and ".join(expression.newer_operators)
        findings.warning(pointer, f"expected JSONata 1.8, found {found}, which the platform does not know")
    for name in dict.fromkeys(_VARIABLE.findall(text)):
        if name not in flow.variables:
            message = f"expected a value for the flow variable {shown(name)}, found none"
            findings.warning(pointer, f"{message}; write variables: {{{name}: ...}}")


def _check_constant(findings: Findings, pointer: str, plain: str | None) -> None:
    """Add a warning for what is meant as a constant, such as ``no`` and ``2026-10-31`` in YAML without quotes."""
    if plain is not None and (plain.isalpha() or plain.count("-") == 2):
        found = "the name of a member" if plain.isalpha() else "a subtraction"
        message = f"expected a constant in quotes of its own, found {plain}, which is {found}"
        findings.warning(pointer, f"""{message}; quote it: '"{plain}"'""")


def _advice(text: str) -> str:
    """Return what to do about an expression that was meant for handlebars, or as a constant."""
    if "{{" in text:
        return "; {{...}} is of handlebars, which the platform has removed: write JSONata"
    has_quotes = '"' in text or "'" in text
    return "" if has_quotes else "; a constant text needs quotes of its own"
