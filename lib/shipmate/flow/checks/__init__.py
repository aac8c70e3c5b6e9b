"""The checks of a flow, each of one concern; `shipmate.flow.check` runs them all."""

from shipmate.flow.checks.accounts import check_accounts
from shipmate.flow.checks.expressions import check_expressions
from shipmate.flow.checks.functions import check_functions
from shipmate.flow.checks.schedule import check_schedule
from shipmate.flow.checks.structure import check_structure

__all__ = ["check_accounts", "check_expressions", "check_functions", "check_schedule", "check_structure"]
