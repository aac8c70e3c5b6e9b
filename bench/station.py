"""The surroundings of a step, equal for all runtimes: its queues, the platform's API, and a folder."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson

from bench.plan import Case
from bench.processes import ProcessTree, VoidRun
from bench.queues import Arrivals, Queues
from bench.runtimes import Runtime
from bench.service import Service
from shipmate.emulator import Platform

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
    proxy_cpu_seconds: float | None
    """CPU time of the sailor proxy, None over AMQP."""


class Station:
    """A step for which one runtime after the other is started; a context manager."""

    def __init__(self, queues: Queues, folder: Path, *, service: Service | None = None) -> None:
        """Start the platform's API.

        Args:
            queues: The queues of the step.
            folder: For logs and byte code.
            service: The API that the functions call, if they call one.
        """
        self.queues = queues
        self.service = service
        self._folder = folder
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
            **self.queues.environ(
                case.function, RABBITMQ_PREFETCH_SAILOR=case.prefetch, PROXY_PREFETCH_SAILOR=case.prefetch, **_RATES
            ),
            # Byte code is kept, as in an image, but outside of the repository.
            "PYTHONPYCACHEPREFIX": str(self._folder / "bytecode"),
        }
        config = {}
        if self.service is not None and case.function == "oauth2":
            config = {"_account": _ACCOUNT, "base_url": self.service.url_after(case.wait_ms)}
            self._platform.update_account(_ACCOUNT, {"oauth": self.service.sign_in(case.token_uses)})
            environ |= self.service.environ() | {"API_URI": config["base_url"]}
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
        self.queues.put(content, count)

    def withdraw(self) -> int:
        """Remove the messages that are not delivered yet, and return their number."""
        return self.queues.withdraw()

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
        proxy_cpu_seconds = self.queues.transport_cpu_seconds()
        return Mark(time.perf_counter(), outputs, tree.cpu_seconds(), api_cpu_seconds, proxy_cpu_seconds)

    def arrivals(self) -> AbstractContextManager[Arrivals]:
        """Take outputs as they arrive, and record their times."""
        return self.queues.arrivals()

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
