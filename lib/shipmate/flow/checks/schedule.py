"""Checks the schedule of the first step."""

from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Flow
from shipmate.tools.validation.report import Findings


def check_schedule(findings: Findings, file: FlowFile, flow: Flow) -> None:
    """Add the problem of a schedule that is neither a cron expression nor an interval."""
    from shipmate.flow.schedule import BadSchedule, parse_schedule

    if flow.schedule is None:
        return
    pointer = file.local["schedule"][0] if "schedule" in file.local else f"{file.pointer}/cron"
    try:
        parse_schedule(flow.schedule)
    except BadSchedule as error:
        findings.error(pointer, str(error))
