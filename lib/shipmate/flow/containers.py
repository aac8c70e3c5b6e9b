"""The container processes of a flow: their variables, their output, and their restarts."""

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from shipmate.errors import BadInput
from shipmate.flow.components import NODE_RUNTIME, Implementation, Language
from shipmate.flow.counting import Tally
from shipmate.flow.topology import Station
from shipmate.wake_pipe import WakePipe
from shipmate.wording import file_problem

_log: Final = logging.getLogger("shipmate.flow")
MOST_DEATHS: Final = 5
"""The deaths in a row, without a settled message, after which the flow stops. Source: the platform suspends a flow."""
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 15.0
_HURRY_SECONDS: Final = 2.0
"""The same in a hurry: a token refresh under way still reaches the key file."""
_LOOK_SECONDS: Final = 0.1
_LAST_LINES: Final = 20
_LONGEST_LINE: Final = 65_536
_STARTUP: Final = "ELASTICIO_STARTUP_REQUIRED"
_SHUTDOWN: Final = "ELASTICIO_HOOK_SHUTDOWN"
_WEBHOOK: Final = "ELASTICIO_FLOW_WEBHOOK_URI"
_ERROR_LEVEL: Final = 50
"""bunyan's number for errors."""
_NODE_NOTICE: Final = "Error occurred during trigger or action processing"
"""What the official runtime logs before it publishes an error. Source: elasticio-sailor-nodejs 2.6 and 2.7."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a container's output that is an error."""

    station: str
    container: int
    level: int
    text: str = field(repr=False)


class Container:
    """One container of a step: a process, and the next one when it dies."""

    def __init__(self, station: Station, number: int, start: "Start", tally: Tally, log: Path) -> None:
        """Prepare; nothing is started yet.

        Args:
            station: The step.
            number: The number of the container within the step, from 1.
            start: The command, folder and variables.
            tally: The counts of the pass-through of this container.
            log: The file for its output.
        """
        self.station = station
        self.number = number
        self.tally = tally
        self.deaths = 0
        """The deaths in a row without a settled message."""
        self.starts = 0
        self.status: int | None = None
        """The exit status of the last process."""
        self.due_at = 0.0
        """The time of the next start, by the monotonic clock."""
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.process: subprocess.Popen[bytes] | None = None
        self.defaults: Mapping[str, str] = {}
        """Variables that those of the start and of this process override."""
        self._start = start
        self._log_path = log
        self.log: IO[bytes] | None = None
        self._settled_before = 0

    @property
    def name(self) -> str:
        """The name of the container in messages: ``step_1-2``."""
        return f"{self.station.id}-{self.number}"

    @property
    def group(self) -> int | None:
        """The process group, None without a process."""
        return None if self.process is None else self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.process is not None

    def begin(self) -> IO[bytes]:
        """Start a process in a group of its own.

        Returns:
            Its output.

        Raises:
            BadInput: The program does not exist.
        """
        self.log = self.log or self._log_path.open("wb")
        self._settled_before = self.tally.settled
        start = self._start
        environ = {**start.environ, _STARTUP: "1"} if start.is_first_start(self) else dict(start.environ)
        self.process = self._run(environ, subprocess.PIPE)
        self.starts += 1
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout

    def begin_shutdown(self) -> None:
        """Start a process that runs the hook ``shutdown`` and ends; its output is in the log. Source: contract §1.4.

        Raises:
            BadInput: The program does not exist.
        """
        self.process = self._run({**self._start.environ, _SHUTDOWN: "1"}, self.log or subprocess.DEVNULL)

    def _run(self, environ: Mapping[str, str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        start = self._start
        try:
            return subprocess.Popen(  # noqa: S603 - the command that the flow's author has chosen
                start.command,
                cwd=start.folder,
                env={**self.defaults, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            problem = f"expected a program for the step {self.station.id}, found {start.command[0]}"
            raise BadInput(f"{problem}: {file_problem(error)}") from None

    def reap(self, now: float) -> bool:
        """Return whether the process has died since the last call; note its status and when to start the next one."""
        process = self.process
        if process is None or (status := process.poll()) is None:
            return False
        self.process, self.status = None, status
        _signal_group(process.pid, signal.SIGKILL)  # its children
        if self.tally.settled > self._settled_before:
            self.deaths = 0
        self.deaths += 1
        self.due_at = now + min(_FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1), _LONGEST_PAUSE_SECONDS)
        return True

    def close_log(self) -> None:
        """Close the file of the output."""
        log, self.log = self.log, None
        if log is not None:
            log.close()

    @property
    def is_alive(self) -> bool:
        """Whether there is a process that has not ended."""
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait for the end of the process, at most some seconds."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)

    def terminate(self) -> None:
        """Ask the process to end when its messages are done."""
        if self.process is not None:
            _signal_group(self.process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and its children at once."""
        if self.process is not None:
            _signal_group(self.process.pid, signal.SIGKILL)
            self.status = self.process.wait()
            self.process = None


@dataclass(frozen=True, slots=True)
class Start:
    """How to start the processes of a container."""

    command: Sequence[str]
    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    has_startup: bool = False
    """Whether the first process runs the hook ``startup``."""

    def is_first_start(self, container: Container) -> bool:
        """Return whether this start is to run the hook ``startup``."""
        return self.has_startup and container.number == 1 and container.starts == 0


def command_of(implementation: Implementation) -> list[str]:
    """Return the command that runs a component.

    >>> command_of(Implementation(Language.COMMAND, command=("./run", "--fast")))
    ['./run', '--fast']
    """
    if implementation.language is Language.PYTHON:
        return [sys.executable, "-m", "shipmate", "run"]
    if implementation.language is Language.NODE:
        return ["node", str(NODE_RUNTIME)]
    return list(implementation.command or ())


class Containers:
    """All containers of a flow; one thread collects their output."""

    def __init__(self, on_error: Callable[[Line], None]) -> None:
        """Start with none; ``on_error`` gets each line that is an error, on a thread of its own."""
        self.all: list[Container] = []
        self._on_error = on_error
        self._selector = selectors.DefaultSelector()
        self._pipe = WakePipe()
        self._new: deque[tuple[Container, IO[bytes]]] = deque()
        self._selector.register(self._pipe.reader, selectors.EVENT_READ)
        self._is_over = False
        self._thread = threading.Thread(target=self._collect, name="shipmate-output", daemon=True)
        self._thread.start()

    def announce(self, webhook: str) -> None:
        """Tell all processes that are started from now on the address of the flow's webhook.

        The variable of this process wins: a person sets the address of a tunnel.
        """
        for each in self.all:
            each.defaults = {_WEBHOOK: webhook}

    def of(self, station: Station) -> list[Container]:
        """Return the containers of a step."""
        return [each for each in self.all if each.station is station]

    def begin(self, container: Container) -> None:
        """Start a process, and collect its output.

        Raises:
            BadInput: The program does not exist.
        """
        self._new.append((container, container.begin()))
        self._pipe.wake()

    def stop(self, seconds: float = _STOP_SECONDS, *, is_in_a_hurry: Callable[[], bool] = lambda: False) -> None:
        """End all processes: with SIGTERM, and after some seconds, fewer in a hurry, with SIGKILL."""
        for container in self.all:
            container.terminate()
        begun_at = time.monotonic()
        for container in self.all:
            while container.is_alive:
                if time.monotonic() - begun_at >= (_HURRY_SECONDS if is_in_a_hurry() else seconds):
                    break
                container.wait(_LOOK_SECONDS)
            container.kill()

    def close(self) -> None:
        """End all processes at once, and the thread; may be called again."""
        for container in self.all:
            container.kill()
        if self._is_over:
            return
        self._is_over = True
        self._pipe.wake()
        self._thread.join(_STOP_SECONDS)
        for container in self.all:
            container.close_log()
        self._selector.close()
        self._pipe.close()

    def _collect(self) -> None:
        """Copy the output of all containers to their files, line by line."""
        partial: dict[int, bytes] = {}
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._pipe.reader:
                    os.read(key.fd, 4096)
                    while self._new:
                        container, stream = self._new.popleft()
                        self._selector.register(stream, selectors.EVENT_READ, (container, stream))
                    continue
                container, stream = key.data
                data = os.read(key.fd, _LONGEST_LINE)
                text = partial.pop(key.fd, b"") + data
                *lines, rest = text.split(b"\n")
                if not data or len(rest) > _LONGEST_LINE:
                    lines, rest = [*lines, rest] if rest else lines, b""
                for line in lines:
                    self._take(container, line)
                if rest:
                    partial[key.fd] = rest
                if not data:
                    self._selector.unregister(stream)
                    stream.close()
            if self._is_over and len(self._selector.get_map()) == 1:
                return

    def _take(self, container: Container, line: bytes) -> None:
        assert container.log is not None  # noqa: S101
        with contextlib.suppress(OSError, ValueError):
            container.log.write(line + b"\n")
            container.log.flush()
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text:
            container.last_lines.append(text)
        level, message = level_of(text)
        if level >= _ERROR_LEVEL and not _is_event(text):
            self._on_error(Line(container.station.id, container.number, level, message))


def level_of(text: str) -> tuple[int, str]:
    """Return bunyan's level and the message of a line of output; 0 and the line itself if it has no level.

    >>> level_of('{"level": 50, "msg": "no such list"}'), level_of("hello")
    ((50, 'no such list'), (0, 'hello'))
    """
    if text.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            record: Any = json.loads(text)
            level, message = record.get("level"), record.get("msg")
            if isinstance(level, int) and isinstance(message, str):
                return level, message
    return 0, text


def _is_event(text: str) -> bool:
    """Return whether a line is that of a runtime about an error that it publishes as well."""
    with contextlib.suppress(ValueError, RecursionError):
        record: Any = json.loads(text)
        is_ours = record.get("name") == "sailor" and isinstance(record.get("err"), dict)
        return is_ours or record.get("msg") == _NODE_NOTICE
    return False


def readable(lines: Sequence[str]) -> str:
    """Return the last lines of a container for a person."""
    return "\n".join(f"    {level_of(line)[1]}" for line in lines)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
