"""The file that keeps the errors of a flow, until their messages are retried with success."""

import json
import os
import stat
import tempfile
import threading
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.jsonvalue import to_json
from shipmate.locks import Locked, lock
from shipmate.wording import file_problem

NAME: Final = "errors.jsonl"
_OWNER_ONLY: Final = 0o600


class ErrorsFile:
    """Records of errors, one JSON object in each line; one process uses the file at a time.

    Only its owner can read it, since it contains the messages that failed.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = None

    def open(self) -> None:
        """Open or create the file, and keep other processes out until `close`.

        Raises:
            BadInput: The file cannot be written to, or another process uses it.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _OWNER_ONLY)
        except (OSError, ValueError) as error:
            raise BadInput(f"expected a writable file for errors, found {file_problem(error)}: {self.path}") from None
        try:
            lock(descriptor)
        except Locked:
            os.close(descriptor)
            raise BadInput(f"expected an errors file of one run, found another run that uses {self.path}") from None
        if self._is_regular(descriptor):
            with suppress(OSError):
                os.fchmod(descriptor, _OWNER_ONLY)
        self._descriptor = descriptor

    def close(self) -> None:
        """Let other processes use the file, and delete it if it has no records; may be called again."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            if self._is_regular(descriptor) and os.fstat(descriptor).st_size == 0:
                with suppress(OSError):
                    self.path.unlink()
            os.close(descriptor)

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a record; opens the file if it is not open.

        Raises:
            BadInput: The file cannot be opened.
            OSError: The disk is full, for example.
        """
        view = memoryview(to_json(record) + b"\n")
        with self._lock:
            if self._descriptor is None:
                self.open()
            while view:
                view = view[os.write(self._open_descriptor, view) :]

    @property
    def _open_descriptor(self) -> int:
        assert self._descriptor is not None  # noqa: S101
        return self._descriptor

    @property
    def size_bytes(self) -> int:
        """The size of the file: records that are added later lie behind it."""
        with self._lock:
            return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def records(self, begin: int = 0, end: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield the records between two sizes of the file.

        Raises:
            BadInput: A line is no record.
        """
        yield from (record for _, record in self._lines(begin, end))

    def remove(self, ids: Container[str]) -> None:
        """Remove the records with these ids; the file is replaced as a whole.

        Raises:
            OSError: The file cannot be replaced; it is unchanged.
        """
        target = self.path.resolve()
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for line, record in self._lines(0, None):
                    if record["id"] not in ids:
                        file.write(line)
                is_empty = file.tell() == 0
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                if is_empty:
                    target.unlink()
                    os.unlink(temporary)
                else:
                    os.replace(temporary, target)
                self._reopen(target, is_empty=is_empty)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _reopen(self, target: Path, *, is_empty: bool) -> None:
        before, self._descriptor = self._descriptor, None
        if not is_empty:
            self._descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            with suppress(Locked):
                lock(self._descriptor)
        if before is not None:
            os.close(before)

    def _lines(self, begin: int, end: int | None) -> Iterator[tuple[bytes, dict[str, Any]]]:
        with self.path.open("rb") as file:
            file.seek(begin)
            number = 0
            while (end is None or file.tell() < end) and (line := file.readline()):
                number += 1
                if line.strip():
                    yield (line if line.endswith(b"\n") else line + b"\n"), self._record(line, number)

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            value: Any = json.loads(line)
            if isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("id", "step")):
                return value
        raise BadInput(f"expected an error of shipmate flow run, found other text in line {number}: {self.path}")

    @staticmethod
    def _is_regular(descriptor: int) -> bool:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
