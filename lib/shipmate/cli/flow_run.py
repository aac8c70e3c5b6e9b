"""The command ``shipmate flow run``."""

import logging
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from shipmate.cli import terminal
from shipmate.cli.terminal import Output
from shipmate.cli.workspace import configure_log
from shipmate.errors import BadInput
from shipmate.flow.check import require_flow
from shipmate.flow.collector import Collected
from shipmate.flow.containers import Container, Line
from shipmate.flow.coordinator import FAILED, Coordinator, FlowStopped, RunOptions
from shipmate.flow.graph import Flow
from shipmate.flow.progress import StationCounts
from shipmate.flow.single import flow_of
from shipmate.local.options import Source, gather, object_of, parse, read_option
from shipmate.logs.records import redacted
from shipmate.wording import escaped

_log: Final = logging.getLogger("shipmate.flow")
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Lines:
    """Prints results as lines of JSON."""

    def __init__(self, output: Output) -> None:
        """Print to an output."""
        self._output = output

    def started(self, container: Container) -> None:
        _log.debug("started %s", container.name)

    def died(self, container: Container) -> None:
        _log.warning("%s died with status %s", container.name, container.status)

    def result(self, collected: Collected) -> None:
        self._output.write({"step": collected.station.id, "message": collected.value})

    def error(self, collected: Collected) -> None:
        error = (collected.value or {}).get("error") or {}
        _log.error("%s: %s: %s", collected.station.id, error.get("name"), error.get("message"))

    def rebound(self, collected: Collected, delay_seconds: float) -> None:
        _log.info("%s: rebound, %g s", collected.station.id, delay_seconds)

    def line(self, line: Line) -> None:
        _log.error("%s-%d: %s", line.station, line.container, line.text)

    def counts(self, counts: Sequence[StationCounts]) -> None:
        pass


def run(file: Path | None, **given: Any) -> int:
    """Run a flow, and return the exit status.

    Args:
        file: The flow file; None for one function of a component.
        **given: The options of the command.
    """
    redactor = configure_log()
    flow = _flow(file, given)
    options = _options(given)
    with terminal.private_output() as output:
        coordinator = Coordinator(flow, options, Lines(output), redactor)
        before = {number: signal.signal(number, lambda *_: coordinator.interrupt()) for number in _STOP_SIGNALS}
        try:
            return coordinator.run()
        except FlowStopped as error:
            click.echo(escaped(redacted(f"Error: {error}"), keep="\n"), err=True)
            return FAILED
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _flow(file: Path | None, given: Mapping[str, Any]) -> Flow:
    function = given["function"]
    if (file is None) == (function is None):
        raise click.UsageError("expected a flow file, or --function NAME")
    if file is not None:
        return require_flow(file, flow=given["flow_id"], template=given["template"])
    if given["msg"] is None and given["msgs"] is None:
        raise click.UsageError("--function needs --msgs or --msg")
    fields = {} if given["cfg"] is None else object_of(read_option("--cfg", given["cfg"], _stdin()))
    return flow_of(given["root"], function, fields=fields, account=given["account"], prefetch=given["prefetch"])


def _options(given: Mapping[str, Any]) -> RunOptions:
    if given["msg"] is not None and given["msgs"] is not None:
        raise click.UsageError("--msg and --msgs exclude each other")
    messages: Iterable[Mapping[str, Any]] | None = None
    if given["msg"] is not None:
        messages = [gather({"msg": read_option("--msg", given["msg"], _stdin())}).msg]
    elif given["msgs"] is not None:
        messages = _messages(given["msgs"])
    return RunOptions(
        amqp_uri=given["amqp_uri"] or os.environ.get("SHIPMATE_AMQP_URI") or None,
        is_once=given["is_once"],
        for_seconds=None if given["duration"] is None else _seconds(given["duration"]),
        messages=messages,
        is_fresh=given["is_fresh"],
        webhook_port=given["webhook_port"],
    )


def _stdin() -> BinaryIO | None:
    return sys.stdin.buffer if sys.stdin is not None else None


def _seconds(text: str) -> float:
    if (match := _DURATION.fullmatch(text)) is None:
        raise BadInput(f"expected a time such as 30s, 10m or 2h, found {text!r:.40} for --for")
    return int(match[1]) * _SECONDS[match[2]]


def _messages(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the messages of a file, one in each line.

    Raises:
        BadInput: A line is not a message.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    place = f"--msgs {path}, line {number}"
                    yield gather({"msg": Source(parse(line, place), place)}).msg
    except OSError as error:
        raise BadInput(f"expected a readable file, found {error.strerror}: --msgs {path}") from None
