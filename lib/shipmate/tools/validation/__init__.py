"""Checks a component: reports all problems at once, and what was not checked."""

from shipmate.component.signature import HOOKS, MODEL, PROCESS, require_call
from shipmate.tools.validation.component import validate_component
from shipmate.tools.validation.descriptor import validate_descriptor
from shipmate.tools.validation.report import Problem, Report, Severity

__all__ = [
    "HOOKS",
    "MODEL",
    "PROCESS",
    "Problem",
    "Report",
    "Severity",
    "require_call",
    "validate_component",
    "validate_descriptor",
]
