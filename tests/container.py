"""A container for tests: the command ``shipmate run`` as a process, with its log."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from shipmate.emulator import Platform, StepQueues, StepTraffic
from tests.forked import CONTAINERS, start

COMPONENT = Path(__file__).parent / "components" / "container"
SECONDS = 15


class Container:
    """A running container; a thread reads its output."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        command: tuple[str, ...] = ("run",),
        folder: Path = COMPONENT,
    ) -> None:
        """Start the command.

        Args:
            environ: Its variables, besides inherited ones without ``ELASTICIO_``.
            command: Arguments of ``shipmate``.
            folder: The component.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELASTICIO_")}
        self.process = start(
            "shipmate",
            *command,
            loaded=CONTAINERS,
            env={**inherited, "LOG_LEVEL": "debug", **environ},
            cwd=folder,
            stderr=subprocess.STDOUT,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    @property
    def output(self) -> str:
        """The output so far."""
        with self._changed:
            return "\n".join(self.lines)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The log records so far."""
        with self._changed:
            return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_for(self, text: str, *, count: int = 1) -> None:
        """Wait until ``count`` lines of the output contain a text."""
        with self._changed:
            met = self._changed.wait_for(lambda: self._is_over or self._count(text) >= count, SECONDS)
        assert met, f"{text!r} was not written in time: {self.output[-3000:]}"
        assert self._count(text) >= count, f"ended without {text!r}: {self.output[-3000:]}"

    def _count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    def ready(self) -> "Container":
        """Wait until it consumes."""
        self.wait_for('"msg": "consuming"')
        return self

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    @property
    def is_paused(self) -> bool:
        """Whether no thread of it runs, some time after SIGSTOP: the kernel stops them one by one."""
        if sys.platform != "linux":
            return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return all(each.read_text().rpartition(")")[2].split()[0] == "T" for each in threads)

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for the end, and return the exit status."""
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit status."""
        self.send(number)
        return self.wait()

    def close(self) -> None:
        """Kill the container if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Launch:
    """Starts containers for the queues and the platform of one test."""

    def __init__(self, queues: StepTraffic, platform: Platform) -> None:
        """Hold the queues, or the proxy, and the platform."""
        self.queues = queues
        self.platform = platform
        self._started: list[Container] = []

    def environ(self, function: str = "commands", **settings: object) -> dict[str, str]:
        """Return the variables that the platform sets; ``settings`` are more, without ``ELASTICIO_``."""
        assert not [name for name in settings if name.startswith("SHIPMATE_")], "these have no prefix: use bare"
        return {**self.platform.environ(), **self.queues.environ(function, **settings)}

    def __call__(
        self, function: str = "commands", bare: Mapping[str, str] | None = None, **settings: object
    ) -> Container:
        """Start a container; ``settings`` are variables without ``ELASTICIO_``, ``bare`` those without any prefix."""
        container = Container({**self.environ(function, **settings), **(bare or {})})
        self._started.append(container)
        return container

    def close(self) -> None:
        """Kill all containers that still run."""
        for container in self._started:
            container.close()


@contextmanager
def closing(launch: Launch) -> Iterator[Launch]:
    """Yield a launch, and kill its containers at the end."""
    try:
        yield launch
    finally:
        launch.close()


def fifo(folder: Path, name: str) -> str:
    """Make a named pipe with which a container and a test wait for each other."""
    path = folder / name
    os.mkfifo(path)
    return str(path)


def eventually(condition: Callable[[], bool], queues: StepQueues) -> None:
    """Serve the connection of the queues until a condition is true."""
    for _ in range(SECONDS * 50):
        if condition():
            return
        queues.wait(0.02)
    raise AssertionError(f"the condition was not met within {SECONDS} s")
