"""The folder of a flow, ``.shipmate/flow/<id>`` beside its file: snapshots, logs, and the note about a run."""

import json
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.flow.graph import Flow
from shipmate.locks import Locked, lock
from shipmate.wording import file_problem

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 80
_IGNORED: Final = "*\n"
_OWNER_ONLY: Final = 0o700


@dataclass(frozen=True, slots=True)
class Note:
    """What a run leaves at a broker if it is killed."""

    broker: str
    """The broker's address, without user and password."""
    exchange: str
    queues: tuple[str, ...]
    is_private: bool = False
    """Whether the broker was the run's own, which has ended with it."""


def replace_file(path: Path, text: str) -> None:
    """Write a file as a whole, which only the owner may read.

    Raises:
        OSError: It cannot be written; it is unchanged.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None  # the name that people know


class RunFolder:
    """The folder, which one run uses at a time."""

    def __init__(self, flow: Flow, root: Path | None = None) -> None:
        """Name the folder; nothing is created yet.

        Args:
            flow: The flow.
            root: The folder for all flows; ``.shipmate`` beside the flow file by default.
        """
        root = flow.path.absolute().parent / ".shipmate" if root is None else root
        name = _FORBIDDEN.sub("-", flow.id).strip(".-")[:_LONGEST_NAME] or "flow"
        self.path = root / "flow" / name
        self.logs = self.path / "logs"
        self._ignore = root / ".gitignore"
        self._note = self.path / "run.json"
        self._lock: int | None = None

    def acquire(self) -> None:
        """Create the folder, and lock it until `release` or the end of the process.

        Raises:
            BadInput: The folder cannot be written to, or another process runs this flow.
        """
        try:
            self.logs.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
            if not self._ignore.exists():
                self._ignore.write_text(_IGNORED)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadInput(
                f"expected a folder for logs and snapshots, found {file_problem(error)}: {self.path}"
            ) from None
        try:
            lock(descriptor)
        except Locked:
            os.close(descriptor)
            raise BadInput(f"expected one run of the flow at a time, found another one in {self.path}") from None
        self._lock = descriptor
        for log in self.logs.glob("*.log"):
            log.unlink()

    def release(self) -> None:
        """Let another run use the folder."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)

    def log(self, station_id: str, container: int) -> Path:
        """Return the file for the output of a container."""
        return self.logs / f"{_FORBIDDEN.sub('-', station_id)[:_LONGEST_NAME]}-{container}.log"

    def leave(self, note: Note) -> None:
        """Note what this run creates, for the next one, should this one be killed."""
        replace_file(self._note, json.dumps(asdict(note)))

    def found(self) -> Note | None:
        """Return the note of a run that was killed, None if the last run has ended in order."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            value: Any = json.loads(self._note.read_text())
            return Note(
                str(value["broker"]),
                str(value["exchange"]),
                tuple(map(str, value["queues"])),
                bool(value["is_private"]),
            )
        return None

    def forget(self) -> None:
        """Remove the note."""
        self._note.unlink(missing_ok=True)
