"""What is wrong with a component, all of it at once, and what was not looked at."""

from shipmate.validation.component import validate_component
from shipmate.validation.descriptor import validate_descriptor
from shipmate.validation.report import Problem, Report, Severity

__all__ = ["Problem", "Report", "Severity", "validate_component", "validate_descriptor"]
