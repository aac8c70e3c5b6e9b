"""Checks the schedule of the first step."""

from shipmate.errors import BadInput
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import Flow
from shipmate.tools.validation.report import Findings


def check_schedule(findings: Findings, file: FlowFile, flow: Flow) -> None:
    """Add the problem of a schedule that is neither a cron expression nor an interval."""
    from shipmate.flow import schedule

    if flow.schedule is None:
        return
    pointer = file.local["schedule"][0] if "schedule" in file.local else f"{file.pointer}/cron"
    try:
        schedule.parse(flow.schedule)
    except BadInput as error:
        findings.error(pointer, str(error))
