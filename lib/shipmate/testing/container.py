"""The component as a container: ``shipmate run`` in a process of its own, at a real RabbitMQ."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from shipmate.component import Component
from shipmate.emulator import Platform, StepQueues
from shipmate.emulator.broker import OUTPUTS
from shipmate.errors import BadInput
from shipmate.invocation.services import register_secrets
from shipmate.logs.redaction import Redactor
from shipmate.testing import container_process
from shipmate.testing.emissions import Emissions
from shipmate.testing.routes import Routes

URI_VARIABLE: Final = "SHIPMATE_TEST_AMQP_URI"
_ACCOUNT: Final = "test-account"
_STOP_SECONDS: Final = 10.0
_LOG_LINES: Final = 30
_LEVELS: Final = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


class NoBroker(Exception):
    """The broker cannot be reached."""


class ContainerFailed(AssertionError):
    """The process ended, or did not do its work in time; the text has the end of its log."""


class _Process:
    """One run of the command, with its log and the ids of the messages that it has settled."""

    def __init__(self, component: Component, environ: Mapping[str, str], told: Mapping[str, Any]) -> None:
        reading, writing = os.pipe()
        variables = {**environ, container_process.VARIABLE: json.dumps({**told, "report_to": writing})}
        self.popen = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", container_process.__name__],
            cwd=component.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[writing],
        )
        os.close(writing)
        self.lines: list[str] = []
        self.settled: list[str] = []
        self.is_over = False
        self.changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self.popen.stdout, self.lines), daemon=True),
            threading.Thread(target=self._read, args=(os.fdopen(reading), self.settled), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self.changed:
                    lines.append(line.rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def stop(self) -> int:
        """Ask it to end, wait for that, and return its status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            status = self.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            status = self.popen.wait()
        for reader in self._readers:
            reader.join()
        return status


class ContainerUnderTest:
    """The component as the platform starts it; one process serves all messages for a function and a configuration."""

    def __init__(self, component: Component, platform: Platform, amqp_uri: str, routes: Routes) -> None:
        """Make the queues; the process starts with the first message.

        Raises:
            NoBroker: There is no broker at the address.
        """
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each attempt to connect
        self.platform = platform
        self.exit_status: int | None = None
        """How the last process ended."""
        self.redactor = Redactor()
        self._component = component
        self._routes = routes
        self._log: list[str] = []
        self._process: _Process | None = None
        self._runs: tuple[Any, ...] = ()
        platform.accounts.setdefault(_ACCOUNT, {})
        try:
            self.queues = self._new_queues(amqp_uri)
        except BadInput as error:
            raise NoBroker(f"{URI_VARIABLE}: {error}") from None

    @property
    def log(self) -> str:
        """All that the processes so far have written, without secrets."""
        process = self._process
        if process is None:
            lines = self._log
        else:
            with process.changed:
                lines = [*self._log, *process.lines]
        return self.redactor.redact("\n".join(lines))

    @property
    def stored_keys(self) -> dict[str, Any]:
        """The credential fields that the platform has stored for the account."""
        return self.platform.accounts[_ACCOUNT]

    def start(
        self,
        function: str,
        cfg: Mapping[str, Any] | None = None,
        snapshot: Any = None,
        *,
        settings: Mapping[str, object] | None = None,
        timeout_seconds: float = 15.0,
    ) -> "ContainerUnderTest":
        """Start a process for a function, unless one runs that was started with the same, and wait until it consumes.

        Args:
            function: Its id in ``component.json``.
            cfg: The configuration with the credentials, as the platform stores it.
            snapshot: The snapshot that the platform has stored.
            settings: Further variables of the container, without ``ELASTICIO_``.
            timeout_seconds: How long the start may take.

        Raises:
            ContainerFailed: It ended, or does not consume in time.
        """
        runs = (function, json.dumps([cfg, snapshot], sort_keys=True), self._routes.as_json(), dict(settings or {}))
        if self._process is not None and not self._process.is_over and runs == self._runs:
            return self
        self._component.function(function)
        if self.stop() is not None or self.exit_status is not None:
            # What the last process has left unsettled comes back to its queue, sooner or later.
            self._delete_queues()
            self.queues = self._new_queues(self.queues.uri)
        self._runs = runs
        given = dict(cfg or {})
        register_secrets(self.redactor, self._component, given, os.environ)
        keys = {name: value for name, value in given.items() if isinstance(value, Mapping)}
        self.platform.accounts[_ACCOUNT] = keys
        self.platform.steps["flow"] = {"step": {"config": {**given, "_account": _ACCOUNT}, "snapshot": snapshot}}
        told = {"routes": self._allowing_the_broker(), "closes_network": self._routes.is_closed}
        self._process = _Process(self._component, self._environ(function, settings or {}), told)
        self._wait(
            lambda process: any('"msg": "consuming"' in line for line in process.lines), timeout_seconds, "consume"
        )
        return self

    def run(
        self,
        function: str,
        msg: Mapping[str, Any] | None = None,
        cfg: Mapping[str, Any] | None = None,
        snapshot: Any = None,
        *,
        settings: Mapping[str, object] | None = None,
        timeout_seconds: float = 15.0,
    ) -> Emissions:
        """Send a message to the process and return what it has published when the message was settled.

        The events are in order within their kind. New keys are among them as the platform has stored them. A message
        that is rebound comes again later.

        Args:
            function: As for `start`, with which it begins unless that was done.
            msg: The message, ``{"body": ...}``; an empty one unless given.
            cfg: As for `start`.
            snapshot: As for `start`.
            settings: As for `start`.
            timeout_seconds: How long the message may take.

        Raises:
            ContainerFailed: The process ended, or the message is not done in time.
        """
        self.start(function, cfg, snapshot, settings=settings)
        before = json.dumps(self.stored_keys, sort_keys=True)
        message_id = self.queues.publish(
            {"headers": {}, "body": {}, **(msg or {})}, headers={"reply_to": self._reply_to}
        )
        self._wait(lambda process: message_id in process.settled, timeout_seconds, "settle the message")
        events = [(kind, value) for kind in OUTPUTS for value in self._published(kind)]
        events += [("httpReply", each) for each in self._replies()]
        if json.dumps(self.stored_keys, sort_keys=True) != before:
            events.insert(0, ("updateKeys", dict(self.stored_keys)))
            register_secrets(self.redactor, self._component, self.stored_keys, {})
        return Emissions(events, self.redactor, self._component.root.resolve())

    def stop(self) -> int | None:
        """End the process with SIGTERM, as the platform does, and return its status; None if there was none."""
        process, self._process = self._process, None
        if process is None:
            return None
        self.exit_status = process.stop()
        self._log += process.lines
        return self.exit_status

    def close(self) -> None:
        """Stop the process and delete the queues."""
        self.stop()
        self._delete_queues()

    def _delete_queues(self) -> None:
        self.queues.delete()
        self.queues.close()

    def report(self) -> str:
        """Return the end of the log, for the report of a failed test."""
        return "\n".join(_readable(line) for line in self.log.splitlines()[-_LOG_LINES:])

    def _new_queues(self, uri: str) -> StepQueues:
        queues = StepQueues(uri, name=f"shipmate-test-{uuid.uuid4().hex[:8]}")
        self._reply_to = queues.bind(f"{queues.name}:reply")
        return queues

    def _published(self, kind: str) -> list[Any]:
        found = self.queues.drain(kind)
        if kind == "error":
            return [each.error for each in found]
        if kind == "rebound":
            return [each.headers.get("reboundReason", "") for each in found]
        return [each.message for each in found]

    def _replies(self) -> list[Any]:
        found = self.queues.drain(self._reply_to)
        return [each.message for each in found if not each.headers.get("x-eio-error-response")]

    def _environ(self, function: str, settings: Mapping[str, object]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELASTICIO_")}
        ours = {**self.platform.environ(), **self.queues.environ(function, **settings)}
        return {"LOG_LEVEL": "debug", **inherited, **ours, "ELASTICIO_COMPONENT_PATH": ""}

    def _allowing_the_broker(self) -> dict[str, Any]:
        routes = self._routes.as_json()
        return {**routes, "allowed": [*routes["allowed"], urlsplit(self.queues.uri).hostname or ""]}

    def _wait(self, is_so: Any, timeout_seconds: float, what: str) -> None:
        __tracebackhide__ = True
        process = self._process
        assert process is not None, "only a process that was started is waited for"  # noqa: S101
        with process.changed:
            process.changed.wait_for(lambda: process.is_over or is_so(process), timeout_seconds)
            is_met, is_over = is_so(process), process.is_over
        if is_met:
            return
        if is_over:
            status = self.stop()
            raise ContainerFailed(
                f"the container ended with status {status} and did not {what}; its log:\n{self.report()}"
            )
        raise ContainerFailed(f"the container did not {what} within {timeout_seconds:g} s; its log:\n{self.report()}")


def _readable(line: str) -> str:
    """Return a line of the log for a person: level, message and traceback of a JSON object, other text as it is."""
    try:
        record = json.loads(line)
        level, text, stack = record["level"], record["msg"], (record.get("err") or {}).get("stack")
    except (ValueError, TypeError, KeyError, AttributeError):
        return line
    return f"{_LEVELS.get(level, level)} {text}" + (f"\n{stack}" if stack else "")
