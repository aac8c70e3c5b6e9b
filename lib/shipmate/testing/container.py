"""The component as a container: ``shipmate run`` in its own process, at a real RabbitMQ or a sailor proxy."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import IO, Any, Final
from urllib.parse import urlsplit

from shipmate.component import Component
from shipmate.emulator import Platform, StepQueues
from shipmate.emulator.step_traffic import OUTPUTS, StepTraffic
from shipmate.invocation.services import register_secrets
from shipmate.logs.redaction import Redactor
from shipmate.testing import container_process
from shipmate.testing.emissions import Emissions
from shipmate.testing.routes import Routes

URI_VARIABLE: Final = "SHIPMATE_TEST_AMQP_URI"
_ACCOUNT: Final = "test-account"
_STOP_SECONDS: Final = 10.0
_LOG_LINES: Final = 30
_PIPE_BYTES: Final = 1 << 20
"""More than a pipe holds."""
_LEVELS: Final = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


class ContainerFailed(AssertionError):
    """The process ended or took too long; the text has the end of its log."""


class _Process:
    """One process of the command, with its log and the ids of the messages that it has settled."""

    def __init__(self, component: Component, environ: Mapping[str, str], options: Mapping[str, Any]) -> None:
        reading, writing = os.pipe()
        variables = {**environ, container_process.VARIABLE: json.dumps({**options, "report_to": writing})}
        self.popen = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", container_process.__name__],
            cwd=component.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
        )
        os.close(writing)
        self.lines: list[str] = []
        self.settled: list[str] = []
        self.is_over = False
        self.changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(os.fdopen(reading, "rb"),), daemon=True)
        self._reader.start()

    def _read(self, reports: IO[bytes]) -> None:
        """Collect output and reports; the output first, since the process logs what it does before it reports it."""
        assert self.popen.stdout is not None  # noqa: S101 - it is a pipe
        with self.popen.stdout as output, reports, selectors.DefaultSelector() as selector:
            rests = {output: b"", reports: b""}
            for stream in rests:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select()
                if any(key.fileobj is reports for key, _ in ready):
                    ready = selector.select(0)  # with the output that preceded the report
                for stream in [each for each in rests if any(key.fileobj is each for key, _ in ready)]:
                    data = os.read(stream.fileno(), _PIPE_BYTES)
                    *lines, rests[stream] = (rests[stream] + data).split(b"\n")
                    if not data:
                        selector.unregister(stream)
                        lines = [rests[stream]] if rests[stream] else []
                    with self.changed:
                        kept = self.lines if stream is output else self.settled
                        kept += [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
                        self.is_over = self.is_over or not data
                        self.changed.notify_all()

    def stop(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit status; kill the process after ten seconds."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            status = self.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            status = self.popen.wait()
        self._reader.join()
        return status


class ContainerUnderTest:
    """The component as the platform starts it: a process serves all messages of one function and configuration."""

    def __init__(self, component: Component, platform: Platform, amqp_uri: str | None, routes: Routes) -> None:
        """Declare the queues, or start the proxy; `start` or `run` starts the process.

        Args:
            component: The component.
            platform: Has the step and the account.
            amqp_uri: The broker's address; None for a sailor proxy.
            routes: Where the requests of the process go.

        Raises:
            BadInput: The broker does not accept a connection.
        """
        logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each attempt to connect
        self.platform = platform
        self.exit_status: int | None = None
        """Exit status of the last process."""
        self.redactor = Redactor()
        self.problems: list[str] = []
        """The breaches of the contract by the runtime, as far as the proxy saw them."""
        self._component = component
        self._routes = routes
        self._log: list[str] = []
        self._process: _Process | None = None
        self._started_with: tuple[Any, ...] = ()
        platform.accounts.setdefault(_ACCOUNT, {})
        self._amqp_uri = amqp_uri
        self.traffic = self._new_traffic()

    @property
    def log(self) -> str:
        """The output of all processes so far, without secrets."""
        process = self._process
        if process is None:
            lines = self._log
        else:
            with process.changed:
                lines = [*self._log, *process.lines]
        return self.redactor.redact("\n".join(lines))

    @property
    def stored_keys(self) -> dict[str, Any]:
        """The credential fields of the account, as the platform has stored them."""
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
        """Start a process for a function, and wait until it consumes; a process with the same arguments is kept.

        Args:
            function: Its id in ``component.json``.
            cfg: The configuration with the credentials, as the platform stores it.
            snapshot: The snapshot, as the platform stores it.
            settings: Further variables of the container, without ``ELASTICIO_``: ``{"RABBITMQ_PREFETCH_SAILOR": 2}``.
            timeout_seconds: The time limit for the start.

        Raises:
            ContainerFailed: The process ended, or does not consume in time.
            FunctionNotFound: ``component.json`` has no such function.
        """
        inputs = json.dumps([cfg, snapshot], sort_keys=True)
        arguments = (function, inputs, self._routes.as_json(), dict(settings or {}))
        if self._process is not None and not self._process.is_over and arguments == self._started_with:
            return self
        self._component.function(function)
        if self.stop() is not None or self.exit_status is not None:
            # The platform delivers again what the last process has not settled, at any time.
            self._delete_traffic()
            self.traffic = self._new_traffic()
        self._started_with = arguments
        config = dict(cfg or {})
        register_secrets(self.redactor, self._component, config, os.environ)
        keys = {name: value for name, value in config.items() if isinstance(value, Mapping)}
        self.platform.accounts[_ACCOUNT] = keys
        self.platform.steps["flow"] = {"step": {"config": {**config, "_account": _ACCOUNT}, "snapshot": snapshot}}
        options = {"routes": self._routes_and_platform(), "closes_network": self._routes.is_closed}
        self._process = _Process(self._component, self._environ(function, settings or {}), options)
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
        """Send a message to the process, and return the published events when the message is settled.

        Events of one kind are in order. ``updateKeys`` has the keys that the platform has stored. A message with a
        rebound is delivered again later.

        Args:
            function: As for `start`, which this calls.
            msg: The message, ``{"body": ...}``; by default an empty message.
            cfg: As for `start`.
            snapshot: As for `start`.
            settings: As for `start`.
            timeout_seconds: The time limit for the message.

        Raises:
            ContainerFailed: The process ended, or the message is not settled in time.
            FunctionNotFound: ``component.json`` has no such function.
        """
        self.start(function, cfg, snapshot, settings=settings)
        before = json.dumps(self.stored_keys, sort_keys=True)
        message_id = self.traffic.publish(
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
        """End the process with SIGTERM, as the platform does; return its exit status, None without a process."""
        process, self._process = self._process, None
        if process is None:
            return None
        self.exit_status = process.stop()
        self._log += process.lines
        return self.exit_status

    def close(self) -> None:
        """Stop the process and delete the queues, or stop the proxy."""
        self.stop()
        self._delete_traffic()

    def _delete_traffic(self) -> None:
        self.problems += self.traffic.problems
        self.traffic.delete()
        self.traffic.close()

    def report(self) -> str:
        """Return the last lines of the log, for the report of a failed test."""
        return "\n".join(_readable(line) for line in self.log.splitlines()[-_LOG_LINES:])

    def _new_traffic(self) -> StepTraffic:
        name = f"shipmate-test-{uuid.uuid4().hex[:8]}"
        traffic: StepTraffic
        if self._amqp_uri is None:
            from shipmate.emulator import SailorProxy  # needs h2, which tests of other containers do without

            traffic = SailorProxy().start()
        else:
            traffic = StepQueues(self._amqp_uri, name=name)
        self._reply_to = traffic.bind(f"{name}:reply")
        return traffic

    def _published(self, kind: str) -> list[Any]:
        received = self.traffic.drain(kind)
        if kind == "error":
            return [each.error for each in received]
        if kind == "rebound":
            return [each.headers.get("reboundReason", "") for each in received]
        return [each.message for each in received]

    def _replies(self) -> list[Any]:
        received = self.traffic.drain(self._reply_to)
        return [each.message for each in received if not each.headers.get("x-eio-error-response")]

    def _environ(self, function: str, settings: Mapping[str, object]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELASTICIO_")}
        ours = {**self.platform.environ(), **self.traffic.environ(function, **settings)}
        return {"LOG_LEVEL": "debug", **inherited, **ours, "ELASTICIO_COMPONENT_PATH": ""}

    def _routes_and_platform(self) -> dict[str, Any]:
        """Return the routes for the process, which may reach the broker or the proxy as well."""
        routes = self._routes.as_json()
        return {**routes, "allowed": [*routes["allowed"], urlsplit(self.traffic.uri).hostname or ""]}

    def _wait(self, is_done: Callable[[_Process], bool], timeout_seconds: float, what: str) -> None:
        __tracebackhide__ = True
        process = self._process
        assert process is not None, "start() comes first"  # noqa: S101
        with process.changed:
            process.changed.wait_for(lambda: process.is_over or is_done(process), timeout_seconds)
            is_met, is_over = is_done(process), process.is_over
        if is_met:
            return
        if is_over:
            status = self.stop()
            raise ContainerFailed(
                f"the container ended with status {status} and did not {what}; its log:\n{self.report()}"
            )
        raise ContainerFailed(f"the container did not {what} within {timeout_seconds:g} s; its log:\n{self.report()}")


def _readable(line: str) -> str:
    """Return a log line for people: level, message and traceback of a JSON record; any other line as it is."""
    try:
        record = json.loads(line)
        level, text, stack = record["level"], record["msg"], (record.get("err") or {}).get("stack")
    except (ValueError, TypeError, KeyError, AttributeError):
        return line
    return f"{_LEVELS.get(level, level)} {text}" + (f"\n{stack}" if stack else "")
