"""A process with all its descendants: start, measure and end it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

# The only inherited variables, to find programs and the temporary folder; all others are equal for all runtimes.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_TAIL_CHARACTERS = 1500
_STOP_SECONDS = 20.0
_CPU_CLOCK = 2
"""The kernel's CPUCLOCK_SCHED: user and system time."""


class VoidRun(Exception):
    """A run that does not count; the text has the reason."""


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process and its ended children.

    Source: clock_getcpuclockid(3). On Linux the clock of a process counts nanoseconds, and the figures of ``/proc``
    hundredths of a second: too few for a hundred messages.
    """
    times = process.cpu_times()
    own = float(times.user + times.system)
    if sys.platform == "linux":
        own = time.clock_gettime((~process.pid << 3) | _CPU_CLOCK)
    return own + float(times.children_user + times.children_system)


class ProcessTree:
    """A command in the background, in its own session; a context manager that kills it at the end."""

    def __init__(self, command: Sequence[str], *, folder: Path, environ: Mapping[str, str], log: Path) -> None:
        """Start the command.

        Args:
            command: Program and arguments.
            folder: Its working directory.
            environ: Its variables, besides a few inherited ones.
            log: File for its output.
        """
        self._log = log
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with log.open("wb") as output:
            self.spawned_at = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.root = psutil.Process(self._process.pid)

    def __enter__(self) -> "ProcessTree":
        """Return the running command."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the command if it still runs."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def cpu_seconds(self) -> float:
        """Return the CPU time so far, of ended descendants as well."""
        total = 0.0
        for process in self._living():
            with suppress(psutil.NoSuchProcess, OSError):
                total += cpu_seconds(process)
        return total

    def rss_bytes(self) -> int:
        """Return the resident memory."""
        return self._sum(lambda process: int(process.memory_info().rss))

    def peak_bytes(self) -> int:
        """Return the highest resident memory so far of the first process; Linux only. Source: proc_pid_status(5)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kib) * 1024

    def threads(self) -> int:
        """Return the number of threads."""
        return self._sum(lambda process: int(process.num_threads()))

    def descriptors(self) -> int:
        """Return the number of open file descriptors."""
        return self._sum(lambda process: int(process.num_fds()))

    def must_live(self) -> None:
        """Require that the command still runs.

        Raises:
            VoidRun: It has ended; the text has the end of its output.
        """
        if (status := self._process.poll()) is not None:
            raise VoidRun(f"ended with status {status}: {self.tail()}")

    def stop(self) -> None:
        """Send SIGTERM, and wait for exit status 0.

        Raises:
            VoidRun: It did not end in time, or with another status.
        """
        self.must_live()
        self._process.send_signal(signal.SIGTERM)
        if (status := self.wait()) != 0:
            raise VoidRun(f"ended with status {status} after SIGTERM: {self.tail()}")

    def wait(self) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            VoidRun: It did not end within 20 seconds.
        """
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise VoidRun(f"did not end within {_STOP_SECONDS:.0f} s") from None

    def tail(self) -> str:
        """Return the end of the output, in one line."""
        return " ".join(self._log.read_text(errors="replace")[-_TAIL_CHARACTERS:].split()) or "it wrote nothing"

    def _living(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self.root, *self.root.children(recursive=True)]
        return []

    def _sum(self, read: Callable[[psutil.Process], int]) -> int:
        total = 0
        for process in self._living():
            with suppress(psutil.NoSuchProcess):
                total += read(process)
        return total
