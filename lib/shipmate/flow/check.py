"""Checks a flow file: finds all problems at once, each with its place in the file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shipmate.flow import checks
from shipmate.flow.document import FlowFileError
from shipmate.flow.file import read, with_local
from shipmate.flow.graph import Flow
from shipmate.flow.reader import read_flow
from shipmate.jsonvalue import steps_of
from shipmate.tools.validation.report import Findings, Problem, Report
from shipmate.wording import escaped

_INDEX: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check."""

    report: Report
    flow: Flow | None
    """The flow, None if the report has an error."""


def check(
    path: Path,
    *,
    flow: str | None = None,
    template: str | None = None,
    local: Mapping[str, Mapping[str, Any]] | None = None,
) -> Checked:
    """Return the flow in a file and all problems of it, sorted by their pointers.

    Args:
        path: A file of JSON or YAML.
        flow: The id or the name of the flow in a list of flows.
        template: The title of the flow in a recipe, or its number, from 1.
        local: Members for this machine that win over those of the file: ``{"accounts": {"crm": "/tmp/keys.json"}}``.
    """
    findings = Findings(str(path))
    found: Flow | None = None
    try:
        file = with_local(read(path, flow=flow, template=template), local or {})
    except FlowFileError as error:
        findings.error(error.pointer, error.problem)
    else:
        found = read_flow(findings, file)
        checks.check_structure(findings, file, found)
        implementations = checks.check_functions(findings, file, found)
        checks.check_accounts(findings, file, found, implementations)
        checks.check_expressions(findings, file, found, implementations)
        checks.check_schedule(findings, file, found)
    findings.problems.sort(key=_order)
    report = findings.report()
    return Checked(report, None if report.errors else found)


def require_flow(
    path: Path,
    *,
    flow: str | None = None,
    template: str | None = None,
    local: Mapping[str, Mapping[str, Any]] | None = None,
) -> Flow:
    """Return the flow in a file that has no errors.

    Args:
        path: A file of JSON or YAML.
        flow: As for `check`.
        template: As for `check`.
        local: As for `check`.

    Raises:
        FlowFileError: The file has errors; the message has the first one, and the number of others.
    """
    checked = check(path, flow=flow, template=template, local=local)
    if checked.flow is not None:
        return checked.flow
    first, *others = checked.report.errors
    more = f" (and {len(others)} more: shipmate flow check {path})" if others else ""
    raise FlowFileError(path, first.pointer, first.message + more)


def line_of(problem: Problem) -> str:
    """Return a problem as one line.

    >>> line_of(Problem("flow.yaml", "/graph/nodes/0/id", "expected the id of the step, found none"))
    'flow.yaml: /graph/nodes/0/id: expected the id of the step, found none'
    """
    place = f"{problem.file}: {problem.pointer}" if problem.pointer else problem.file
    label = "warning: " if problem.severity == "warning" else ""
    return escaped(f"{place}: {label}{' '.join(problem.message.split())}")


def _order(problem: Problem) -> list[tuple[int, int, str]]:
    """Return the pointer of a problem as a key: indexes by number, the rest by name."""
    steps = steps_of(problem.pointer)
    return [(0, int(step), "") if _INDEX.fullmatch(step) else (1, 0, step) for step in steps]
