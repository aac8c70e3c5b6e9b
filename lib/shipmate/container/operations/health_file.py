"""The health of a step in a file, for probes that run a command instead of asking a port."""

import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from shipmate.container.operations.health import Health, Verdict
from shipmate.errors import BadSetting
from shipmate.wording import file_problem

_log: Final = logging.getLogger("shipmate.operations")
_INTERVAL_SECONDS: Final = 0.5
"""So that the file is never more than a second behind, the time to ask and to write included."""
_CLOSE_SECONDS: Final = 1.0
_OLD_SECONDS: Final = 5.0
"""The age from which a file shows that its process hangs."""
_MOST_BYTES: Final = 4096


class HealthFile:
    """Writes the health of a step twice a second; removes the file at the end."""

    def __init__(self, path: str, health: Health, clock: Callable[[], float] = time.monotonic) -> None:
        """Write it for the first time.

        Args:
            path: Where to write.
            health: What to write.
            clock: Counts seconds from a moment that all processes of the machine share.

        Raises:
            BadSetting: The file cannot be written.
        """
        self._path = Path(path)
        self._beside = Path(f"{path}.new")
        self._health = health
        self._clock = clock
        self._stop = threading.Event()
        self._is_failing = False
        try:
            if self._path.exists() and not self._path.is_file():  # a device would be replaced by a file
                raise BadSetting(f"SHIPMATE_HEALTH_FILE: expected the path of a regular file, found {path!r}")
            self.write()
        except (OSError, ValueError) as error:
            raise BadSetting(f"SHIPMATE_HEALTH_FILE: cannot write {path!r}: {file_problem(error)}") from None
        self._thread = threading.Thread(target=self._run, name="shipmate-health-file", daemon=True)
        self._thread.start()

    def write(self) -> None:
        """Replace the file atomically, so that no reader sees half of it.

        Raises:
            OSError: It cannot be written.
        """
        live, ready = self._health.live(), self._health.ready()
        values = {"live": live, "ready": ready, "pid": os.getpid(), "written": self._clock()}
        self._beside.write_text(json.dumps(values))
        self._beside.replace(self._path)

    def close(self) -> None:
        """Stop writing, and remove the file."""
        self._stop.set()
        self._thread.join(_CLOSE_SECONDS)
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            try:
                self.write()
                self._is_failing = False
            except OSError as error:
                if not self._is_failing:
                    _log.warning("the health file cannot be written: %s", file_problem(error))
                self._is_failing = True


def read_health(path: str, question: str, clock: Callable[[], float] = time.monotonic) -> Verdict:
    """Return the answer of a health file; an unreliable file gives a negative answer.

    Args:
        path: The file.
        question: ``live`` or ``ready``.
        clock: As for `HealthFile`.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
                raise ValueError
            values: Any = json.loads(file.read(_MOST_BYTES))
        is_well, reason = values[question]
        pid, written = int(values["pid"]), float(values["written"])
    except FileNotFoundError:
        return Verdict(False, f"{path} does not exist: the step does not run")
    except OSError as error:
        return Verdict(False, f"{path} cannot be read: {file_problem(error)}")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Verdict(False, f"{path}: expected a file written by a step, found other content")
    if not _is_running(pid):
        return Verdict(False, f"process {pid} has ended")
    age_seconds = clock() - written
    if age_seconds < 0.0:
        return Verdict(False, f"{path} was written before the machine started: the step does not run")
    if not age_seconds <= _OLD_SECONDS:
        return Verdict(False, f"{path} was last written {age_seconds:.0f} s ago: process {pid} hangs")
    return Verdict(bool(is_well), str(reason))


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a named pipe would wait for its writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_running(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
