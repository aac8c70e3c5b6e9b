"""A flow in a test: it runs once, with real containers at a real RabbitMQ, as ``shipmate flow run --once`` does."""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

from shipmate.emulator import Server
from shipmate.errors import BadInput
from shipmate.flow.check import require_flow
from shipmate.flow.collector import Collected
from shipmate.flow.components import Language, implementation_of, source_name
from shipmate.flow.containers import Container, Line, readable
from shipmate.flow.coordinator import Coordinator, FlowStopped, RunOptions
from shipmate.flow.events import Failure, Result
from shipmate.flow.extra import require_extra
from shipmate.flow.folder import RunFolder
from shipmate.flow.graph import ComponentSource, Flow
from shipmate.flow.progress import StationCounts
from shipmate.local.options import Source, gather
from shipmate.logs.redaction import Redactor
from shipmate.testing import container_process
from shipmate.testing.routes import Routes

_LOG_LINES: Final = 10


class FlowFailed(AssertionError):
    """The flow could not go on, or took too long; the text says why."""


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A run of a flow that has ended."""

    exit_status: int
    """The exit status of the command: 0, or 1 if a message had an error."""
    results: Sequence[Result]
    """The messages of the last steps, each with ``step``, ``id``, ``thread`` and ``message``."""
    errors: Sequence[Failure]
    """The errors, each with ``step``, ``name``, ``message``, ``stack`` and ``input``."""
    accounts: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """The keys of the test's own accounts after the run."""

    @property
    def message(self) -> Mapping[str, Any]:
        """The only message of the last steps.

        Raises:
            AssertionError: There are no or several messages, or errors.
        """
        if len(self.results) != 1 or self.errors:
            raise AssertionError(f"expected one message, found {self.summary()}")
        return self.results[0].message

    def summary(self) -> str:
        """Return the steps with results, and the errors, as one text without bodies."""
        shown = [f"a message of {each.step}" for each in self.results]
        shown += [f"an error of {each.step}: {each.name}: {each.message}" for each in self.errors]
        return "; ".join(shown) or "nothing: no message of a last step, and no error"

    def __repr__(self) -> str:
        """Show the status and the summary."""
        return f"FlowRun({self.exit_status}, {self.summary()})"


class _Recorder:
    """Records what happens in a run; called on several threads."""

    def __init__(self, redactor: Redactor) -> None:
        self.results: list[Result] = []
        self.errors: list[Failure] = []
        self._redactor = redactor

    def started(self, container: Container) -> None:
        """Do nothing."""

    def died(self, container: Container) -> None:
        """Do nothing: a container that dies again and again ends the run."""

    def result(self, collected: Collected) -> None:
        """Record a message of a last step."""
        self.results.append(Result.from_collected(collected))

    def error(self, collected: Collected) -> None:
        """Record an error."""
        self.errors.append(Failure.from_collected(collected, seconds=time.time(), redactor=self._redactor))

    def rebound(self, collected: Collected, delay_seconds: float) -> None:
        """Do nothing."""

    def line(self, line: Line) -> None:
        """Do nothing: the report has the logs."""

    def counts(self, counts: Sequence[StationCounts]) -> None:
        """Do nothing."""


class FlowUnderTest:
    """Runs flow files. Snapshots and keys belong to the test, so that files beside the flow stay as they are."""

    def __init__(
        self, folders: Sequence[Path], state: Path, amqp_uri: str, routes: Routes, *, closes_network: bool
    ) -> None:
        """Prepare; a call runs a flow.

        Args:
            folders: The folders in which a flow file is searched, in this order.
            state: An empty folder for snapshots, key files and logs.
            amqp_uri: The address of the broker.
            routes: The routes for the requests of Python steps.
            closes_network: Whether Python steps reach this machine only.

        Raises:
            OperatorError: A package for flows is not installed.
        """
        require_extra()
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each attempt to connect
        self._folders, self._state, self._amqp_uri = folders, state, amqp_uri
        self._routes, self._closes_network = routes, closes_network
        self._servers: list[Server] = []
        self._redactor = Redactor()
        self._report: list[str] = []

    def serve(self, url: str, server: Server) -> Server:
        """Lead the requests of Python steps for a host to an emulated server, as ``component.serve`` does."""
        self._servers.append(server)
        return self._routes.serve(url, server)

    def __call__(
        self,
        file: str | Path,
        msg: Mapping[str, Any] | None = None,
        *,
        msgs: Iterable[Mapping[str, Any]] | None = None,
        accounts: Mapping[str, Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        flow: str | None = None,
        template: str | None = None,
        timeout_seconds: float = 60.0,
    ) -> FlowRun:
        """Run a flow once, and return when everything is done. A further run goes on from its snapshots.

        Args:
            file: The flow file, relative to the folder of the test or to one above it.
            msg: A message for the first step in place of its tick, ``{"body": ...}``.
            msgs: Several such messages.
            accounts: The keys of accounts by id or name, in place of the key files.
            variables: Flow variables, in place of those of the file.
            flow: The id or the name of the flow, in a file with several.
            template: The title of the flow in a recipe with several.
            timeout_seconds: The time limit for the messages.

        Raises:
            FlowFailed: A step died again and again, the broker went away, or the time is over.
            ShipmateError: The file has an error, or the broker does not answer.
        """
        __tracebackhide__ = True
        keys = {name: self._key_file(number, each) for number, (name, each) in enumerate((accounts or {}).items())}
        local = {"accounts": {name: str(path) for name, path in keys.items()}, "variables": variables or {}}
        checked = require_flow(self._found(Path(file)), flow=flow, template=template, local=local)
        given = msgs if msgs is not None else [msg] if msg is not None else None
        options = RunOptions(
            amqp_uri=self._amqp_uri,
            is_once=True,
            messages=None if given is None else [_checked(each) for each in given],
            state=self._state,
        )
        recorder = _Recorder(self._redactor)
        try:
            status = self._run(self._routed(checked), options, recorder, timeout_seconds)
        finally:
            errors = [f"{each.step}: {each.name}: {each.message}" for each in recorder.errors]
            self._report.append("\n".join([f"{checked.path.name}: {len(recorder.results)} results", *errors]))
            self._report += self._logs(checked)
        return FlowRun(
            status,
            tuple(recorder.results),
            tuple(recorder.errors),
            {name: json.loads(path.read_text()) for name, path in keys.items()},
        )

    def close(self) -> None:
        """Stop the servers."""
        for server in self._servers:
            server.stop()

    def report(self) -> str:
        """Return the errors of all runs and the ends of their logs, for the report of a failed test."""
        return self._redactor.redact("\n".join(self._report))

    def _run(self, flow: Flow, options: RunOptions, recorder: _Recorder, timeout_seconds: float) -> int:
        self._redactor.add_environment(os.environ)
        coordinator = Coordinator(flow, options, recorder, self._redactor)
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            coordinator.interrupt()
            coordinator.interrupt()  # the second one ends it at once

        timer = threading.Timer(timeout_seconds, end)
        timer.start()
        routed = {"routes": self._routes.as_json(), "closes_network": self._closes_network}
        try:
            with mock.patch.dict(os.environ, {container_process.VARIABLE: json.dumps(routed)}):
                status = coordinator.run()
        except FlowStopped as error:
            raise FlowFailed(self._redactor.redact(str(error))) from None
        finally:
            timer.cancel()
        if is_late.is_set():
            raise FlowFailed(f"the flow was not done within {timeout_seconds:g} s")
        return status

    def _routed(self, flow: Flow) -> Flow:
        """Return a flow whose Python steps are processes that follow the routes."""
        sources = dict(flow.components)
        command = (sys.executable, "-m", container_process.__name__)
        for node in flow.nodes:
            implementation, name = implementation_of(flow, node), source_name(sources, node)
            if name is not None and implementation.language is Language.PYTHON:
                sources[name] = ComponentSource(implementation.path, command)
        return replace(flow, components=sources)

    def _found(self, file: Path) -> Path:
        for folder in self._folders:
            if (path := folder / file).is_file():
                return path.absolute()
        raise BadInput(f"expected a flow file in {self._folders[0]} or a folder above it, found none: {file}")

    def _key_file(self, number: int, keys: Mapping[str, Any]) -> Path:
        path = self._state / f"account-{number}.keys.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(keys))
        return path

    def _logs(self, flow: Flow) -> list[str]:
        logs = sorted(RunFolder(flow, self._state).logs.glob("*.log"))
        return [
            f"{path.stem}:\n{readable(path.read_text(errors='replace').splitlines()[-_LOG_LINES:])}" for path in logs
        ]


def _checked(msg: Mapping[str, Any]) -> Mapping[str, Any]:
    return gather({"msg": Source(dict(msg), "msg")}).msg
