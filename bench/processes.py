"""A process with all its descendants: started, watched and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

# What a process needs from outside to find its programs and its temporary folder; the rest is the same for everybody.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_TAIL_CHARACTERS = 1500
_STOP_SECONDS = 20.0


class VoidRun(Exception):
    """The run does not count; the text says why."""


class ProcessTree:
    """A command that runs in the background, in a session of its own, with its output in a file."""

    def __init__(self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], log: Path) -> None:
        """Start it."""
        self._log = log
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with log.open("wb") as output:
            self.spawned_at = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**kept, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._root = psutil.Process(self._process.pid)

    def __enter__(self) -> "ProcessTree":
        """Be of use."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill what still runs."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def cpu_seconds(self) -> float:
        """Return what it has used so far, with the descendants that have ended."""
        total = 0.0
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def rss_bytes(self) -> int:
        """Return how much memory is resident."""
        return self._sum(lambda process: int(process.memory_info().rss))

    def threads(self) -> int:
        """Return how many threads there are."""
        return self._sum(lambda process: int(process.num_threads()))

    def descriptors(self) -> int:
        """Return how many file descriptors are open."""
        return self._sum(lambda process: int(process.num_fds()))

    def must_live(self) -> None:
        """Check that it has not ended.

        Raises:
            VoidRun: It has; the text has the end of its output.
        """
        if (status := self._process.poll()) is not None:
            raise VoidRun(f"ended with status {status}: {self.tail()}")

    def stop(self) -> None:
        """End it in order.

        Raises:
            VoidRun: It did not end in time, or with another status than 0.
        """
        self.must_live()
        self._process.send_signal(signal.SIGTERM)
        if (status := self.wait()) != 0:
            raise VoidRun(f"ended with status {status} after SIGTERM: {self.tail()}")

    def wait(self) -> int:
        """Wait for its end, and return its status.

        Raises:
            VoidRun: It goes on.
        """
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise VoidRun(f"did not end within {_STOP_SECONDS:.0f} s") from None

    def tail(self) -> str:
        """Return the end of its output, in one line."""
        return " ".join(self._log.read_text(errors="replace")[-_TAIL_CHARACTERS:].split()) or "it wrote nothing"

    def _living(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []

    def _sum(self, read: Callable[[psutil.Process], int]) -> int:
        total = 0
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                total += read(process)
        return total
