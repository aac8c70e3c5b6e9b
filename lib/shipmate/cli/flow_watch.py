"""Runs a flow, and shows it: as a table at a terminal, and as log lines elsewhere."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TextIO

import click

from shipmate.cli import terminal, tracebacks
from shipmate.cli.terminal import Output
from shipmate.flow.coordinator import FAILED, Coordinator, FlowStopped, RunOptions
from shipmate.flow.graph import Flow
from shipmate.flow.journal import ErrorKeeping, Journal, View
from shipmate.flow.lines import Lines
from shipmate.flow.table import Table, console_of
from shipmate.jsonvalue import to_json
from shipmate.logs.formats import LogHandler
from shipmate.logs.records import redacted
from shipmate.logs.redaction import Redactor
from shipmate.wording import escaped

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WITHOUT_CURSOR: Final = frozenset({"dumb", "unknown"})
"""Values of ``TERM`` for terminals that cannot move their cursor."""
Write = Callable[[Mapping[str, Any]], None]


def watch(flow: Flow, options: RunOptions, *, keeping: ErrorKeeping, redactor: Redactor) -> int:
    """Run a flow, show it, and return the exit status. Signals drain the flow, and a second one ends it.

    Raises:
        FlowStopped: The flow could not go on.
        OSError: The results, or the snapshots, cannot be written.
        ShipmateError: The flow could not begin.
    """
    redactor.add_environment(os.environ)
    with terminal.private_output() as output, _screen(output) as (view, write):
        results = _Results(write)
        journal = Journal(flow, view, results.write, redactor, keeping)
        coordinator = Coordinator(flow, options, journal, redactor)
        output.on_closed = results.on_failed = coordinator.interrupt  # nobody reads the results
        before = {number: signal.signal(number, lambda *_: coordinator.interrupt()) for number in _STOP_SIGNALS}
        try:
            if options.trace is not None:
                options.trace.open()
            status = coordinator.run()
            journal.end(status if results.problem is None else FAILED)
            if results.problem is not None:
                raise results.problem
            return status
        except FlowStopped:
            journal.end(FAILED)
            raise
        finally:
            if options.trace is not None:
                options.trace.close()
            for number, handler in before.items():
                signal.signal(number, handler)


class _Results:
    """Writes results until they cannot be written, on a full disk for example."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.problem: OSError | None = None
        self.on_failed: Callable[[], None] = lambda: None

    def write(self, value: Mapping[str, Any]) -> None:
        if self.problem is None:
            try:
                self._write(value)
            except OSError as error:
                self.problem = error
                self.on_failed()


def stopped(error: FlowStopped) -> int:
    """Print why a flow could not go on, and return the exit status."""
    click.echo(escaped(redacted(f"Error: {error}"), keep="\n"), err=True)
    return FAILED


@contextmanager
def _screen(output: Output) -> Iterator[tuple[View, Write]]:
    """Show a run as a table if standard error is a terminal that can draw one.

    Log lines appear above the table, and results, too, if standard output is a terminal.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") in _WITHOUT_CURSOR:
        yield Lines(), output.write
        return
    table = Table(console_of(sys.stderr), tracebacks.author_frames)
    with _log_to(table.stream()):
        try:
            yield table, (partial(_write_above, table) if output.is_terminal else output.write)
        finally:
            table.close()


def _write_above(table: Table, value: Mapping[str, Any]) -> None:
    table.above(escaped(to_json(value).decode("utf-8", "backslashreplace"), keep="\t") + "\n")


@contextmanager
def _log_to(stream: TextIO) -> Iterator[None]:
    """Write the log to another stream within the block."""
    handlers = [each for each in logging.getLogger().handlers if isinstance(each, LogHandler)]
    before = [(each, each.setStream(stream)) for each in handlers]
    try:
        yield
    finally:
        for handler, former in before:
            if former is not None:
                handler.setStream(former)
