"""The file of ``--msgs``: messages for the first step, one in each line."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from shipmate.errors import BadInput
from shipmate.jsonvalue import InvalidJson, parse_json
from shipmate.local.options import Source, gather
from shipmate.wording import file_problem, not_utf8

LARGEST_BYTES: Final = 10 * 1024 * 1024
"""The most bytes of a line: the platform's limit of a message."""
_BOM: Final = b"\xef\xbb\xbf"
_PIECE_BYTES: Final = 1024 * 1024


class MessagesFile:
    """The messages of a file that has been checked; only one line is in memory at a time."""

    def __init__(self, path: Path) -> None:
        """Check all lines.

        Args:
            path: The file. A pipe is copied, since it can be read once.

        Raises:
            BadInput: The file cannot be read, a line is not a message, or there is none.
        """
        self._path = path
        try:
            self._file = _opened(path)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the messages.

        Raises:
            BadInput: The file has changed since it was checked, and cannot be used any more.
        """
        for message, problem in self._lines():
            if problem is not None:
                raise BadInput(problem)
            yield message

    def _check(self) -> None:
        first, wrong = None, 0
        for _, problem in self._lines():
            if problem is not None:
                first = first or problem
                wrong += 1
        if first is not None:
            raise BadInput(first + (f" (wrong lines: {wrong})" if wrong > 1 else ""))
        if not self._count:
            raise BadInput(f"expected at least one message, found none: --msgs {self._path}")

    def _lines(self) -> Iterator[tuple[Mapping[str, Any], str | None]]:
        """Yield each message, and what is wrong with its line; count them."""
        self._count = number = 0
        try:
            self._file.seek(0)
            while line := self._file.readline(LARGEST_BYTES + 1):
                number += 1
                text = line.removeprefix(_BOM) if number == 1 else line
                if not text.strip():
                    continue
                self._count += 1
                try:
                    yield self._message(text, f"--msgs {self._path}:{number}"), None
                except BadInput as error:
                    yield {}, str(error)
                if len(line) > LARGEST_BYTES:
                    while line and not line.endswith(b"\n"):
                        line = self._file.readline(_PIECE_BYTES)
        except OSError as error:
            raise self._unreadable(error) from None

    def _message(self, line: bytes, place: str) -> Mapping[str, Any]:
        if len(line) > LARGEST_BYTES:
            raise BadInput(f"expected a message of at most {LARGEST_BYTES // 1024**2} MiB, found more in {place}")
        try:
            value = parse_json(line.strip().decode("utf-8"))
        except UnicodeDecodeError as error:
            raise BadInput(f"expected text in UTF-8, found {not_utf8(error)} in {place}") from None
        except InvalidJson as error:
            found = str(error).replace("at line 1, column", "at column")
            raise BadInput(f"expected a message as JSON, found {found} in {place}") from None
        return gather({"msg": Source(value, place)}).msg

    def _unreadable(self, error: OSError | ValueError) -> BadInput:
        return BadInput(f"expected a readable file, found {file_problem(error)}: --msgs {self._path}")


def _opened(path: Path) -> IO[bytes]:
    """Open a file, or a copy of what is in a pipe."""
    file = path.open("rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    copy = tempfile.TemporaryFile()
    with file:
        while piece := file.read(_PIECE_BYTES):
            copy.write(piece)
    return copy
