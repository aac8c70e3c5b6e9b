"""A file that is read over HTTP in pieces, and goes on after a connection that was cut."""

import hashlib
import io
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shipmate.errors import IncompleteContent, ResponseTooLarge, ResponseTooSlow
from shipmate.http.upload import PIECE_BYTES, length_of

if TYPE_CHECKING:
    import requests

_BUFFER_BYTES: Final = 64 * 1024
"""The size of the reads. urllib3 drops the bytes of a read that a cut ends, so a larger one would lose more."""
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_PARTIAL: Final = 206

Send = Callable[[Mapping[str, str], float | None], "requests.Response"]
"""Sends the request for the file with further headers, within some seconds, and returns a successful answer."""


@dataclass(frozen=True, slots=True)
class DownloadRules:
    """The limits of a download, and what becomes of a connection that is cut."""

    max_bytes: int | None = None
    """The most decoded bytes."""
    total_timeout_seconds: float | None = None
    """The time from the first request to the last byte."""
    is_fixed: bool = False
    """True if the file never changes; else, after a cut, ETag, Last-Modified or the known bytes must be the same."""
    attempts: int = 3
    """The most connections that are cut one after the other, each after less than 1 MiB."""
    pause: Callable[[int], object] = lambda cuts: time.sleep(0.1 * 2**cuts)
    """Waits before the next request; receives the number of cuts."""


class DownloadedFile(io.BufferedReader):
    """A file to read from: ``with open_download(...) as file: file.read(1024)``.

    Attributes:
        size_bytes: The length of the file, None if the server does not say.
        headers: The header fields of the first answer.
    """

    def __init__(self, raw: "_Download") -> None:
        """Read from a download."""
        super().__init__(raw, _BUFFER_BYTES)
        self.size_bytes = raw.version.size
        self.headers: Mapping[str, str] = raw.headers


def open_download(send: Send, rules: DownloadRules) -> DownloadedFile:
    """Send the request for a file, and return a stream of its content; the caller closes it.

    The stream raises `IncompleteContent`, `ResponseTooLarge`, `ResponseTooSlow` and the errors of ``send``.

    Raises:
        Exception: The error of ``send``.
    """
    seconds = rules.total_timeout_seconds
    end = None if seconds is None else time.monotonic() + seconds
    # Sent before there is a stream: Python would close one that has no answer, and print that it failed.
    return DownloadedFile(_Download(send({}, seconds), send, rules, end))


class _Version(NamedTuple):
    """The facts by which two answers are recognised as the same file."""

    etag: str | None
    modified: str | None
    size: int | None


class _Download(io.RawIOBase):
    """The bytes of a file, from as many answers as it takes."""

    def __init__(self, first: "requests.Response", send: Send, rules: DownloadRules, end: float | None) -> None:
        self._response = first
        self._send = send
        self._rules = rules
        self._end = end
        self._at = 0
        self._cuts = 0
        self._cut_at = 0
        self.headers = self._response.headers
        self.version = _version_of(self._response)
        has_proof = rules.is_fixed or self.version.etag is not None or self.version.modified is not None
        self._digest = None if has_proof else hashlib.blake2b()
        """That of the bytes so far, if nothing else shows that another answer is the same file."""
        self._is_packed = self.headers.get("Content-Encoding", "").lower() not in ("", "identity")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._read(min(len(view), _BUFFER_BYTES))
        view[: len(data)] = data
        self._at += len(data)
        if self._digest is not None:
            self._digest.update(data)
        most = self._rules.max_bytes
        if most is not None and self._at > most:
            raise ResponseTooLarge(f"the file: expected at most {most} bytes, found more")
        return len(data)

    def close(self) -> None:
        self._response.close()
        super().close()

    def _read(self, size: int) -> bytes:
        while True:
            self._remaining_seconds()
            try:
                return self._raw_read(size)
            except _broken() as error:
                self._resume(error)

    def _raw_read(self, size: int) -> bytes:
        data: bytes = self._response.raw.read(size, decode_content=True)
        return data

    def _resume(self, error: Exception) -> None:
        """Continue at the same place with another answer.

        Raises:
            IncompleteContent: There were too many cuts, or the file may have changed.
        """
        while True:
            self._response.close()
            self._count_cut(error)
            try:
                self._response = self._send(self._range(), self._remaining_seconds())
                self._skip(self._start_of(self._response))
            except _broken() as another:
                error = another
            else:
                return

    def _count_cut(self, error: Exception) -> None:
        if self._at - self._cut_at >= PIECE_BYTES:
            self._cuts = 0
        self._cuts += 1
        self._cut_at = self._at
        self._remaining_seconds()
        if self._cuts >= self._rules.attempts:
            size = "the whole file" if self.version.size is None else f"{self.version.size} bytes"
            raise IncompleteContent(
                f"the file: expected {size}, found {self._at} bytes: {type(error).__name__}"
            ) from None
        self._rules.pause(self._cuts)

    def _range(self) -> dict[str, str]:
        """Return the headers that ask for the rest; none if the file is packed, or must be compared."""
        if self._is_packed or self._digest is not None or not self._at:
            return {}
        etag = self.version.etag
        is_strong = etag is not None and not etag.startswith("W/")
        condition = {"If-Range": etag} if etag is not None and is_strong else {}
        return {"Range": f"bytes={self._at}-", "Accept-Encoding": "identity", **condition}

    def _start_of(self, response: "requests.Response") -> int:
        """Return the place at which an answer starts.

        Raises:
            IncompleteContent: It is the answer for another file, or for an unusable part.
        """
        found, known, start = _version_of(response), self.version, 0
        if response.status_code == _PARTIAL:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
            if match is None or int(match[1]) > self._at:
                raise IncompleteContent("the file: expected its rest, found another part")
            start = int(match[1])
            found = found._replace(size=None if match[2] == "*" else int(match[2]))
        if found[:2] != known[:2] or (None not in (found.size, known.size) and found.size != known.size):
            raise _changed()
        return start

    def _skip(self, start: int) -> None:
        """Read and drop the bytes from ``start`` to the place where the last answer ended."""
        missing = self._at - start
        digest = hashlib.blake2b()
        while missing:
            self._remaining_seconds()
            piece = self._raw_read(min(missing, _BUFFER_BYTES))
            if not piece:
                raise _changed()
            missing -= len(piece)
            if self._digest is not None:
                digest.update(piece)
        if self._digest is not None and self._digest.digest() != digest.digest():
            raise _changed()

    def _remaining_seconds(self) -> float | None:
        if self._end is None:
            return None
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            seconds = f"{self._rules.total_timeout_seconds:g} seconds"
            raise ResponseTooSlow(f"the file: expected all of it within {seconds}, found {self._at} bytes")
        return remaining


def _changed() -> IncompleteContent:
    return IncompleteContent("the file: expected the same file after a cut connection, found a changed one")


def _version_of(response: "requests.Response") -> _Version:
    headers = response.headers
    return _Version(headers.get("ETag"), headers.get("Last-Modified"), length_of(response))


def _broken() -> tuple[type[Exception], ...]:
    """Return the errors of a connection that was cut or does not go on."""
    import requests
    import urllib3

    return (
        urllib3.exceptions.HTTPError, requests.ConnectionError, requests.Timeout,
        requests.exceptions.ChunkedEncodingError, ConnectionError, TimeoutError,
    )  # fmt: skip
