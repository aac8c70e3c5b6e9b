"""Checks a component: reports all problems at once, and what was not checked."""

from shipmate.tools.validation.component import validate_component
from shipmate.tools.validation.descriptor import validate_descriptor
from shipmate.tools.validation.report import Problem, Report, Severity

__all__ = [
    "Problem",
    "Report",
    "Severity",
    "validate_component",
    "validate_descriptor",
]
