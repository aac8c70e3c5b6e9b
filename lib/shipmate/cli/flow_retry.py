"""The command ``shipmate flow retry``."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.cli.flow_run import broker, load, trace_file
from shipmate.cli.flow_watch import stopped, watch
from shipmate.cli.workspace import configure_log
from shipmate.errors import BadInput
from shipmate.flow.coordinator import INTERRUPTED, FlowStopped, RunOptions
from shipmate.flow.errors_file import ErrorsFile
from shipmate.flow.graph import Flow
from shipmate.flow.journal import ErrorKeeping
from shipmate.flow.retry import Retry

_log: Final = logging.getLogger("shipmate.flow")


def run(file: Path, *, step: str | None, **given: Any) -> int:
    """Retry the errors of a file, and return the exit status.

    Args:
        file: The errors.
        step: The step whose errors are retried, None for all.
        **given: The other options of the command.
    """
    redactor = configure_log()
    if not file.is_file():
        raise BadInput(f"expected a file with the errors of a flow, found none: {file}")
    errors = ErrorsFile(file)
    errors.open()
    try:
        retry = Retry(errors, step)
        flow = _flow_of(retry.flow, given["cfg"], file)
        retry.check(flow)
        options = RunOptions(**broker(given["amqp_uri"]), inputs=retry.inputs(flow), trace=trace_file(given, redactor))
        keeping = ErrorKeeping(errors, retry.flow, has_inputs=not given["has_no_inputs"])
        _log.info("retrying errors", extra={"flow": flow.name, "path": str(flow.path), "errors": retry.count})
        is_complete = False
        try:
            status = watch(flow, options, keeping=keeping, redactor=redactor)
            is_complete = status != INTERRUPTED
        except FlowStopped as error:
            status = stopped(error)
        finally:
            again = retry.finish(is_complete=is_complete)
        fields = {"retried": retry.fed, "failed_again": again, "without_message": retry.without_input}
        _log.info("errors are retried", extra=fields)
        return status
    finally:
        errors.close()


def _flow_of(origin: Mapping[str, Any], cfg: str | None, file: Path) -> Flow:
    """Return the flow that the errors are of.

    Raises:
        BadInput: The file does not say where the flow is, or the configuration of its function is missing.
        ShipmateError: The flow has an error.
    """
    values = {"file", "flow_id", "template", "root", "function", "account"}
    if not all(isinstance(origin.get(name), str | None) for name in values):
        raise BadInput(f"expected texts in /flow of each error, found another value: {file}")
    if (path := origin.get("file")) is not None:
        return load(Path(path), {"flow_id": origin.get("flow_id"), "template": origin.get("template")})
    if origin.get("root") is None or origin.get("function") is None:
        raise BadInput(f"expected the name of a flow file in /flow/file of each error, found none: {file}")
    if origin.get("has_cfg") and cfg is None:
        raise BadInput("expected the configuration of the function, which is not in the file; give --cfg again")
    account, prefetch = origin.get("account"), origin.get("prefetch")
    given = {
        "root": Path(origin["root"]),
        "function": origin["function"],
        "account": None if account is None else Path(account),
        "cfg": cfg,
        "prefetch": prefetch if isinstance(prefetch, int) else 1,
    }
    return load(None, given)
