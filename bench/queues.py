"""The messages of the measured step: at the broker, or at a sailor proxy in a process of its own."""

import base64
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import psutil
from pika.exceptions import AMQPError

from bench.processes import cpu_seconds
from shipmate.emulator import StepQueues
from shipmate.emulator.step_traffic import IV, PASSWORD, Received, StepTraffic

_PROGRAM: Final = Path(__file__).with_name("proxy_server.py")
_TIMEOUT_SECONDS: Final = 10.0
_RECEIVED_BYTES: Final = 1_048_576
_PROTOCOL: Final = 1


@dataclass(slots=True)
class Arrivals:
    """The arrival times of outputs, and the last output."""

    moments: list[float] = field(default_factory=list)
    last: bytes = field(default=b"", repr=False)


class Queues(Protocol):
    """The messages of a step, whatever the transport."""

    cipher: Any

    def environ(self, function: str, **more: object) -> dict[str, str]:
        """Return the variables of a container."""

    def put(self, content: bytes, count: int) -> None:
        """Publish an encrypted message so many times, each with its own id."""

    def withdraw(self) -> int:
        """Remove the messages that are not delivered yet, and return their number."""

    def arrivals(self) -> AbstractContextManager[Arrivals]:
        """Take outputs as they arrive, and record their times."""

    def depth(self, kind: str) -> int:
        """Return the number of messages."""

    def wait(self, seconds: float) -> None:
        """Wait for outputs."""

    def purge(self) -> None:
        """Forget all messages."""

    def drain(self, kind: str) -> list[Received]:
        """Return the messages of a kind."""

    def take(self, kind: str) -> list[Received]:
        """Return a message of a kind."""

    def transport_cpu_seconds(self) -> float | None:
        """Return the CPU time of the process that serves the messages, None if it is not known."""


class BrokerQueues(StepQueues):
    """The queues of a step at a broker."""

    def __init__(self, uri: str, *, name: str) -> None:
        """Create the queues."""
        super().__init__(uri, name=name)
        self._published = 0

    def put(self, content: bytes, count: int) -> None:
        """Publish an encrypted message so many times, each with its own id."""
        headers = {
            "execId": "exec",
            "taskId": "flow",
            "workspaceId": "workspace",
            "userId": "user",
            "stepId": "previous",
            "threadId": "00000000-0000-4000-8000-000000000000",
            "protocolVersion": _PROTOCOL,
        }
        for _ in range(count):
            # A runtime may treat messages with equal ids as redeliveries of one message.
            self._published += 1
            self.publish_raw(content, {**headers, "messageId": f"in-{self._published}"})

    def withdraw(self) -> int:
        """Remove the messages that are not delivered yet, and return their number."""
        return int(self.channel.queue_purge(self.queue("input")).method.message_count)

    @contextmanager
    def arrivals(self) -> Iterator[Arrivals]:
        """Take outputs as they arrive, and record their times."""
        taken = Arrivals()

        def arrived(_channel: Any, _method: Any, _properties: Any, content: bytes) -> None:
            taken.moments.append(time.perf_counter())
            taken.last = content

        tag = self.channel.basic_consume(self.queue("data"), arrived, auto_ack=True)
        try:
            yield taken
        finally:
            with suppress(AMQPError):  # must not hide the first error; a broken channel fails at its next use
                self.channel.basic_cancel(tag)

    def transport_cpu_seconds(self) -> float | None:
        """Return None: the broker may be on another machine, and serves others as well."""
        return None


class ProxyQueues(StepTraffic):
    """The messages of a step at the proxy of `bench.proxy_server`, which this object starts and ends."""

    transport = "proxy"

    def __init__(self) -> None:
        """Start the process."""
        super().__init__(password=PASSWORD, iv=IV)
        # In its own session, so that Ctrl-C does not end it before its clients.
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        port, own_port = map(int, self._process.stdout.readline().split())
        self.uri = f"http://127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", own_port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._arrivals = Arrivals()

    def put(self, content: bytes, count: int) -> None:
        """Publish an encrypted message so many times, each with its own id."""
        self._ask("publish", count, base64.b64encode(content).decode())

    def withdraw(self) -> int:
        """Remove the messages that are not delivered yet, and return their number."""
        return int(self._ask("withdraw"))

    @contextmanager
    def arrivals(self) -> Iterator[Arrivals]:
        """Take outputs as they arrive, and record their times."""
        self._arrivals = Arrivals()
        self._ask("watch", True)
        try:
            yield self._arrivals
        finally:
            self._ask("watch", False)

    def depth(self, kind: str) -> int:
        """Return the number of messages of a kind."""
        return int(self._ask("depth", kind))

    def wait(self, seconds: float) -> None:
        """Wait for outputs."""
        if select.select([self._socket], (), (), seconds)[0]:
            self._read()

    def purge(self) -> None:
        """Forget all messages."""
        self._ask("purge")

    def drain(self, kind: str) -> list[Received]:
        """Return the errors."""
        _, *errors = self._ask("take")
        return [self._received(each) for each in errors] if kind == "error" else []

    def take(self, kind: str, count: int = 1, timeout_seconds: float = _TIMEOUT_SECONDS) -> list[Received]:
        """Return the last output."""
        last, *_ = self._ask("take")
        return [self._received(last)]

    def transport_cpu_seconds(self) -> float | None:
        """Return the CPU time of the proxy."""
        return cpu_seconds(psutil.Process(self._process.pid))

    def publish_raw(self, body: bytes, headers: Mapping[str, Any] | None) -> None:
        """Publish one message; the proxy makes its headers."""
        self.put(body, 1)

    def bind(self, routing_key: str) -> str:
        """Return the key; nothing is published with it."""
        return routing_key

    def delete(self) -> None:
        """Do nothing: all messages end with the process."""

    def close(self) -> None:
        """End the process by closing its standard input."""
        self._socket.close()
        self._process.communicate(timeout=_TIMEOUT_SECONDS)

    def _address(self) -> Mapping[str, object]:
        return {"SAILOR_PROXY_URI": self.uri, "SAILOR_PROXY_JWT_SECRET": "made-up"}

    def _received(self, content: str) -> Received:
        return Received(base64.b64decode(content), {}, None, "", self.cipher)

    def _ask(self, *command: Any) -> Any:
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        answers: list[Any] = []
        while not answers:
            answers = self._read()
        return answers[0]

    def _read(self) -> list[Any]:
        """Read lines, note arrivals, and return the answers."""
        received = self._socket.recv(_RECEIVED_BYTES)
        if not received:
            raise ConnectionError("the proxy of the benchmark has ended")
        *lines, self._rest = (self._rest + received).split(b"\n")
        answers = []
        for line in map(json.loads, lines):
            if isinstance(line, list) and line[:1] == ["arrived"]:
                self._arrivals.moments.append(time.perf_counter())
                self._arrivals.last = base64.b64decode(line[1])
            else:
                answers.append(line)
        return answers
