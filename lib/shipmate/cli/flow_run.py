"""The command ``shipmate flow run``."""

import logging
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
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
from shipmate.flow.coordinator import Coordinator, RunOptions
from shipmate.flow.progress import StationCounts
from shipmate.local.options import gather, parse, read_option

_log: Final = logging.getLogger("shipmate.flow")
_VARIABLE: Final = "SHIPMATE_AMQP_URI"
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


def run(file: Path, *, flow_id: str | None, template: str | None, **given: Any) -> int:
    """Run a flow, and return the exit status."""
    redactor = configure_log()
    flow = require_flow(file, flow=flow_id, template=template)
    options = _options(**given)
    with terminal.private_output() as output:
        coordinator = Coordinator(flow, options, Lines(output), redactor)
        before = {number: signal.signal(number, lambda *_: coordinator.interrupt()) for number in _STOP_SIGNALS}
        try:
            return coordinator.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _options(
    *,
    amqp_uri: str | None,
    is_once: bool,
    duration: str | None,
    msg: str | None,
    msgs: Path | None,
    is_fresh: bool,
    webhook_port: int,
) -> RunOptions:
    if msg is not None and msgs is not None:
        raise click.UsageError("--msg and --msgs exclude each other")
    messages: Any = None
    if msg is not None:
        stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
        messages = [gather({"msg": read_option("--msg", msg, stdin)}).msg]
    elif msgs is not None:
        messages = _messages(msgs)
    return RunOptions(
        amqp_uri=amqp_uri or os.environ.get(_VARIABLE) or None,
        is_once=is_once,
        for_seconds=None if duration is None else _seconds(duration),
        messages=messages,
        is_fresh=is_fresh,
        webhook_port=webhook_port,
    )


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
                    value = parse(line, place)
                    if not isinstance(value, dict):
                        raise BadInput(f"expected a message, found another value in {place}")
                    yield value
    except OSError as error:
        raise BadInput(f"expected a readable file, found {error.strerror}: --msgs {path}") from None
