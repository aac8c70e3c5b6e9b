"""The command ``shipmate flow run``."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
from click.core import ParameterSource

from shipmate.cli.flow_watch import stopped, watch
from shipmate.cli.workspace import configure_log
from shipmate.errors import BadInput
from shipmate.flow.broker_problems import VARIABLE
from shipmate.flow.check import require_flow
from shipmate.flow.coordinator import FlowStopped, RunOptions
from shipmate.flow.errors_file import NAME, ErrorsFile
from shipmate.flow.file import only_file_in
from shipmate.flow.folder import RunFolder
from shipmate.flow.graph import Flow
from shipmate.flow.journal import ErrorKeeping
from shipmate.flow.messages_file import MessagesFile
from shipmate.flow.single import flow_of
from shipmate.flow.trace import TraceFile
from shipmate.local.options import gather, object_of, read_option
from shipmate.logs.redaction import Redactor

_OF_FUNCTION: Final[Mapping[str, str]] = {
    "root": "--component", "account": "--account", "cfg": "--cfg", "prefetch": "--prefetch"
}  # fmt: skip
"""The options, by their parameters, that a run of a flow file does not have."""
_EXAMPLE: Final = """a message is JSON in quotes, such as --msg '{"body": {"name": "Ada"}}', or a file with it"""
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def run(file: Path | None, **given: Any) -> int:
    """Run a flow, and return the exit status.

    Args:
        file: The flow file; None for one function of a component.
        **given: The options of the command.
    """
    redactor = configure_log()
    file = _file(file, given)
    flow = load(file, given)
    with ExitStack() as stack:
        return _run(flow, _options(given, redactor, stack), file, given, redactor)


def _run(flow: Flow, options: RunOptions, file: Path | None, given: Mapping[str, Any], redactor: Redactor) -> int:
    errors = ErrorsFile(given["errors"] or RunFolder(flow).path / NAME)
    if given["errors"] is not None:
        errors.open()
    keeping = ErrorKeeping(errors, _origin(file, given), has_inputs=not given["has_no_inputs"])
    try:
        return watch(flow, options, keeping=keeping, redactor=redactor)
    except FlowStopped as error:
        return stopped(error)
    finally:
        errors.close()


def _file(file: Path | None, given: Mapping[str, Any]) -> Path | None:
    """Return the flow file, None for one function of a component."""
    if given["function"] is None:
        source = click.get_current_context().get_parameter_source
        for name, option in _OF_FUNCTION.items():
            if source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{option} needs --function; a flow file has its own")
        return file or only_file_in(Path())
    if file is not None:
        raise click.UsageError("FILE and --function exclude each other")
    if given["msg"] is None and given["msgs"] is None:
        raise click.UsageError("--function needs --msgs or --msg")
    return None


def load(file: Path | None, given: Mapping[str, Any]) -> Flow:
    """Return the flow of a file, or that of one function of a component.

    Args:
        file: The flow file, None for a function.
        given: For a file ``flow_id`` and ``template``; for a function ``function``, ``root``, ``cfg``, ``account`` and
            ``prefetch``.

    Raises:
        ShipmateError: The file or the component has an error.
    """
    if file is not None:
        return require_flow(file, flow=given["flow_id"], template=given["template"])
    fields = {} if given["cfg"] is None else object_of(read_option("--cfg", given["cfg"], _stdin()))
    return flow_of(
        given["root"], given["function"], fields=fields, account=given["account"], prefetch=given["prefetch"]
    )


def trace_file(given: Mapping[str, Any], redactor: Redactor) -> TraceFile | None:
    """Return the file of ``--trace``, None without the option."""
    if given["trace"] is None:
        if given["keeps_bodies"]:
            raise click.UsageError("--keep-bodies needs --trace")
        return None
    return TraceFile(given["trace"], redactor, keeps_bodies=given["keeps_bodies"])


def _origin(file: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `shipmate.cli.flow_retry` needs to find the flow of an error again."""
    if file is not None:
        return {"file": str(file.absolute()), "flow_id": given["flow_id"], "template": given["template"]}
    account = given["account"]
    return {
        "root": str(given["root"].absolute()),
        "function": given["function"],
        "account": None if account is None else str(account.absolute()),
        "prefetch": given["prefetch"],
        "has_cfg": given["cfg"] is not None,
    }


def _options(given: Mapping[str, Any], redactor: Redactor, stack: ExitStack) -> RunOptions:
    if given["msg"] is not None and given["msgs"] is not None:
        raise click.UsageError("--msg and --msgs exclude each other")
    messages: Iterable[Mapping[str, Any]] | None = None
    if given["msg"] is not None:
        messages = [_message(given["msg"])]
    elif given["msgs"] is not None:
        messages = MessagesFile(given["msgs"])
        stack.callback(messages.close)
    return RunOptions(
        **broker(given["amqp_uri"]),
        is_once=given["is_once"],
        for_seconds=None if given["duration"] is None else _seconds("--for", given["duration"]),
        linger_seconds=0.0 if given["linger"] is None else _seconds("--linger", given["linger"]),
        messages=messages,
        is_fresh=given["is_fresh"],
        webhook_port=given["webhook_port"],
        trace=trace_file(given, redactor),
    )


def broker(given: str | None) -> dict[str, Any]:
    """Return the broker's address and its origin as arguments of `RunOptions`, none for a private broker."""
    if given:
        return {"amqp_uri": given, "amqp_origin": "--amqp"}
    uri = os.environ.get(VARIABLE)
    return {"amqp_uri": uri, "amqp_origin": VARIABLE} if uri else {}


def _stdin() -> BinaryIO | None:
    return sys.stdin.buffer if sys.stdin is not None else None


def _seconds(option: str, text: str) -> float:
    if (match := _DURATION.fullmatch(text)) is None:
        raise BadInput(f"expected a time such as 30s, 10m or 2h, found {text!r:.40} for {option}")
    return int(match[1]) * _SECONDS[match[2]]


def _message(text: str) -> Mapping[str, Any]:
    """Return the message of ``--msg``.

    Raises:
        BadInput: It is no message; the text has an example.
    """
    try:
        return gather({"msg": read_option("--msg", text, _stdin())}).msg
    except BadInput as error:
        raise BadInput(f"{error}; {_EXAMPLE}") from None
