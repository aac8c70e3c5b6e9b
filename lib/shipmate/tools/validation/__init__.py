"""What is wrong with a component, all of it at once, and what was not looked at."""

from shipmate.tools.validation.component import validate_component
from shipmate.tools.validation.descriptor import validate_descriptor
from shipmate.tools.validation.report import Problem, Report, Severity
from shipmate.tools.validation.signature import HOOKS, MODEL, PROCESS, require_call

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
