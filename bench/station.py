"""The surroundings of a step, equal for all runtimes: its queues, the platform's API, and a folder."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson
from pika.exceptions import AMQPError

from bench.plan import Case
from bench.processes import ProcessTree, VoidRun
from bench.runtimes import Runtime
from bench.service import Service
from shipmate.emulator import Platform, StepQueues

# Out of reach for all runtimes: the loop is measured, not its rate limits.
_RATES: Final = {"DATA_RATE_LIMIT": 1_000_000, "ERROR_RATE_LIMIT": 1_000_000, "SNAPSHOT_RATE_LIMIT": 1_000_000}
_LOOK_SECONDS: Final = 0.02
_TIMEOUT_SECONDS: Final = 120.0
_ACCOUNT: Final = "account"
_PROTOCOL: Final = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """The progress of a run at a moment."""

    at_seconds: float
    outputs: int
    cpu_seconds: float
    api_cpu_seconds: float
    """CPU time of the API that the functions call, 0 without one."""


@dataclass(slots=True)
class Arrivals:
    """The arrival times of outputs, and the last output."""

    moments: list[float] = field(default_factory=list)
    last: bytes = field(default=b"", repr=False)


class Station:
    """A step for which one runtime after the other is started; a context manager."""

    def __init__(self, queues: StepQueues, folder: Path, *, service: Service | None = None) -> None:
        """Start the platform's API.

        Args:
            queues: The queues of the step.
            folder: For logs and byte code.
            service: The API that the functions call, if they call one.
        """
        self.queues = queues
        self.service = service
        self._folder = folder
        self._published = 0
        self._platform = Platform(steps={"flow": {"step": {}}}, accounts={_ACCOUNT: {}})
        self._platform.start()

    def __enter__(self) -> "Station":
        """Return this station."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the platform's API."""
        self._platform.stop()

    def start(self, runtime: Runtime, case: Case) -> ProcessTree:
        """Start a runtime on the function of a case, with a new sign-in."""
        environ = {
            **self._platform.environ(),
            **self.queues.environ(case.function, RABBITMQ_PREFETCH_SAILOR=case.prefetch, **_RATES),
            # Byte code is kept, as in an image, but outside of the repository.
            "PYTHONPYCACHEPREFIX": str(self._folder / "bytecode"),
        }
        config = {}
        if self.service is not None and case.function == "oauth2":
            config = {"_account": _ACCOUNT, "base_url": self.service.url_after(case.wait_ms)}
            self._platform.update_account(_ACCOUNT, {"oauth": self.service.sign_in(case.token_uses)})
            environ |= self.service.environ()
        self._platform.steps["flow"]["step"]["config"] = config
        log = self._folder / f"{runtime.name}.log"
        return ProcessTree(
            runtime.command, folder=runtime.folders[case.function], environ={**environ, **runtime.environ}, log=log
        )

    def encode(self, body: Any) -> bytes:
        """Return an encrypted message with a body."""
        return self.queues.cipher.encode(orjson.dumps({"body": body, "headers": {}}), _PROTOCOL)

    def decode(self, content: bytes) -> Any:
        """Return the body of an encrypted message."""
        return orjson.loads(self.queues.cipher.decode(content, _PROTOCOL))["body"]

    def publish(self, content: bytes, count: int = 1) -> None:
        """Publish an encrypted message to the input, once or several times, each with its own id."""
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
            self.queues.publish_raw(content, {**headers, "messageId": f"in-{self._published}"})

    def withdraw(self) -> int:
        """Remove the messages that are not delivered yet, and return their number."""
        return int(self.queues.channel.queue_purge(self.queues.queue("input")).method.message_count)

    def wait_until(self, is_so: Callable[[], bool], tree: ProcessTree) -> None:
        """Poll until a condition is true.

        Raises:
            VoidRun: The runtime ended, or two minutes have passed.
        """
        deadline = time.perf_counter() + _TIMEOUT_SECONDS
        while not is_so():
            tree.must_live()
            if time.perf_counter() > deadline:
                raise VoidRun(f"no end within {_TIMEOUT_SECONDS:.0f} s: {tree.tail()}")
            self.queues.wait(_LOOK_SECONDS)

    def mark(self, count: int, tree: ProcessTree, *, within_seconds: float = math.inf) -> Mark:
        """Wait until the output queue has ``count`` messages or the time is over, and return the progress."""
        outputs, end = 0, time.perf_counter() + within_seconds

        def is_so() -> bool:
            nonlocal outputs
            outputs = self.queues.depth("data")
            return outputs >= count or time.perf_counter() > end

        self.wait_until(is_so, tree)
        api_cpu_seconds = 0.0 if self.service is None else self.service.cpu_seconds()
        return Mark(time.perf_counter(), outputs, tree.cpu_seconds(), api_cpu_seconds)

    @contextmanager
    def arrivals(self) -> Iterator[Arrivals]:
        """Take outputs as they arrive, and record their times."""
        taken = Arrivals()

        def arrived(_channel: Any, _method: Any, _properties: Any, content: bytes) -> None:
            taken.moments.append(time.perf_counter())
            taken.last = content

        channel = self.queues.channel
        tag = channel.basic_consume(self.queues.queue("data"), arrived, auto_ack=True)
        try:
            yield taken
        finally:
            with suppress(AMQPError):  # must not hide the first error; a broken channel fails at its next use
                channel.basic_cancel(tag)

    def check(self, body: Any, outputs: int, *, sample: bytes | None = None) -> None:
        """Check the queues after a runtime has ended.

        Args:
            body: The body of the inputs, which the outputs must have.
            outputs: The expected number of outputs in their queue.
            sample: An output to check; one from the queue unless given.

        Raises:
            VoidRun: There are errors, remaining inputs, a wrong number of outputs, another body, or a refresh token
                was used twice.
        """
        if errors := self.queues.drain("error"):
            raise VoidRun(f"expected no errors, found {len(errors)}: {errors[0].error.get('message')}")
        found, left = self.queues.depth("data"), self.queues.depth("input")
        if found != outputs or left:
            raise VoidRun(f"expected {outputs} outputs and no inputs, found {found} and {left}")
        if self.service is not None and (reused := self.service.statistics()["reused"]):
            raise VoidRun(f"expected each refresh token to be used once, found {reused} used again")
        content = self.queues.take("data")[0].body if sample is None else sample
        if self.decode(content) != body:
            raise VoidRun("expected the body of the input in its output, found another one")
