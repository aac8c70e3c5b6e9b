"""Sends requests over a connected socket and reads the answers: HTTP/1.1, one request at a time.

Source: RFC 9112; RFC 9110 §6, §15.
"""

import re
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

_PIECE_BYTES: Final = 64 * 1024
_LARGE_PIECE_BYTES: Final = 1024 * 1024
_MOST_HEAD_BYTES: Final = 256 * 1024
_MOST_LINE_BYTES: Final = 64 * 1024
_MOST_FIELDS: Final = 100
_MOST_INTERIM_ANSWERS: Final = 20
_JOINED_BODY_BYTES: Final = 16 * 1024
"""A body up to this size is sent with its head in one piece."""

_STATUS_LINE: Final = re.compile(r"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})([ \t].*)?")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_BODILESS: Final = frozenset({101, 204, 304})
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class NoAnswer(ConnectionError):
    """The other side closed the connection before the first byte of its answer."""


class WrongAnswer(Exception):
    """The answer is not HTTP, or it ends in the middle; the text quotes nothing of it."""


class BrokenBody(Exception):
    """The body of the answer is malformed, ends too early or takes too long; its head was complete.

    The cause is the `WrongAnswer` or the `OSError`.
    """


class AnswerTooLarge(Exception):
    """The body has more bytes than are allowed."""

    def __init__(self, size_bytes: int) -> None:
        """Note the number of bytes that were found."""
        super().__init__(f"found {size_bytes} bytes")
        self.size_bytes = size_bytes


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    """The header fields as they came: ``[("Content-Type", "application/json")]``."""
    body: bytes
    """The body as it came, packed if ``Content-Encoding`` says so."""
    version: int = 11
    """10 for HTTP/1.0."""


@dataclass(slots=True)
class Bounds:
    """The limits of one exchange."""

    most_bytes: int | None
    """The most bytes of the body, None for any number."""
    end: float
    """The moment when the time is over, in monotonic seconds; infinity for no end."""
    read_seconds: float | None
    """The longest wait for the next bytes, None for any."""


class Connection:
    """A connection to one server, used by one thread at a time."""

    __slots__ = ("_at", "_is_secure", "_poll", "_received", "_sock", "_wait_seconds", "is_reusable")

    def __init__(self, sock: socket.socket) -> None:
        """Use a connected socket, which then belongs to this connection."""
        self._sock = sock
        self._received = bytearray()
        self._at = 0
        """The bytes before it have been read."""
        # A record of TLS arrives in many reads of the socket, and all of them together must end in time: `settimeout`
        # sees to it. A plain socket waits in the system call that reads, which saves the system call that waits.
        self._is_secure = isinstance(sock, ssl.SSLSocket)
        self._wait_seconds: float | None = -1.0  # none is set yet
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.is_reusable = True
        """Whether another request can be sent after the last answer."""

    def exchange(self, method: str, head: bytes, body: bytes, bounds: Bounds) -> Answer:
        """Send a request and return the whole answer.

        Args:
            method: The method; it decides whether the answer has a body.
            head: The request line and the fields, with the empty line at the end.
            body: The body, empty for none.
            bounds: The limits.

        Raises:
            NoAnswer: The other side closed the connection before its answer.
            WrongAnswer: The head of the answer is malformed or incomplete.
            BrokenBody: The body of the answer is malformed, incomplete or late.
            AnswerTooLarge: The body exceeds its limit.
            TimeoutError: The time is over before the head of the answer is complete.
            OSError: The connection failed.
        """
        self.is_reusable = False  # until the answer has ended as it should
        self._received.clear()
        self._at = 0
        try:
            is_sent = self._send(head, body, bounds)
            data = self._receive(bounds, _PIECE_BYTES)
        except (ConnectionResetError, ssl.SSLEOFError) as error:
            raise NoAnswer("the connection was closed before the answer") from error
        if not data:
            raise NoAnswer("the connection was closed before the answer")
        self._received += data
        answer = self._read(method, bounds)
        self.is_reusable = self.is_reusable and is_sent
        return answer

    def is_alive(self) -> bool:
        """Tell whether the connection can take a request: it is open, and no byte waits to be read.

        A byte that came after the last answer would be read as the answer to the next request.
        """
        if self._is_secure and self._sock.pending():  # type: ignore[attr-defined]
            return False
        return not self._poll.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self.is_reusable = False
        self._sock.close()

    def _send(self, head: bytes, body: bytes, bounds: Bounds) -> bool:
        """Send a request; return False if the other side closed the connection, perhaps after an early answer."""
        pieces = (head + body,) if len(body) <= _JOINED_BODY_BYTES else (head, body)
        try:
            for piece in pieces:
                sent = self._send_some(piece, bounds)
                if sent < len(piece):
                    rest = memoryview(piece)[sent:]
                    while rest:
                        rest = rest[self._send_some(rest, bounds) :]
        except BrokenPipeError:
            return False
        return True

    def _send_some(self, piece: bytes | memoryview, bounds: Bounds) -> int:
        self._allow(bounds)
        try:
            return self._sock.send(piece)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _receive(self, bounds: Bounds, size: int) -> bytes:
        self._allow(bounds)
        try:
            return self._sock.recv(size)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _allow(self, bounds: Bounds) -> None:
        """Let the next call of the socket wait as long as the limits allow."""
        remaining = bounds.end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        wait = bounds.read_seconds
        if wait is None or wait > remaining:
            wait = None if remaining == float("inf") else remaining
        if wait == self._wait_seconds:
            return
        self._wait_seconds = wait
        if self._is_secure:
            self._sock.settimeout(wait)
            return
        if self._sock.gettimeout() is not None:
            self._sock.settimeout(None)
        microseconds = 0 if wait is None else max(1, int(wait * 1e6))  # 0 is no limit
        limit = struct.pack("@ll", microseconds // 1_000_000, microseconds % 1_000_000)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def _fill(self, bounds: Bounds) -> None:
        """Receive more bytes of an answer that is not complete."""
        if not self._has_more(bounds):
            raise WrongAnswer("the connection was closed in the middle of the answer")

    def _has_more(self, bounds: Bounds) -> bool:
        """Receive more bytes and drop those that were read; return False at the end of the connection."""
        data = self._receive(bounds, _PIECE_BYTES)
        if self._at:
            del self._received[: self._at]
            self._at = 0
        self._received += data
        return bool(data)

    def _read(self, method: str, bounds: Bounds) -> Answer:
        for _ in range(_MOST_INTERIM_ANSWERS):
            minor, status, reason, fields = self._read_head(bounds)
            if status >= 200 or status == 101:
                break
        else:
            raise WrongAnswer(f"expected an answer, found more than {_MOST_INTERIM_ANSWERS} interim answers")
        framing = _framing(fields)
        is_kept = framing.keeps(minor) and status != 101
        body = b""
        if method != "HEAD" and status not in _BODILESS:
            try:
                body, is_ended = self._read_body(framing, bounds)
            except (WrongAnswer, OSError) as error:
                raise BrokenBody(str(error)) from error
            is_kept = is_kept and not is_ended
        # Bytes after the answer belong to no request.
        self.is_reusable = is_kept and self._at == len(self._received)
        return Answer(status, reason, fields, body, 10 + min(minor, 1))

    def _read_head(self, bounds: Bounds) -> tuple[int, int, str, list[tuple[str, str]]]:
        searched = self._at
        while (match := _END_OF_HEAD.search(self._received, searched)) is None:
            if len(self._received) - self._at > _MOST_HEAD_BYTES:
                raise WrongAnswer(f"expected a head of at most {_MOST_HEAD_BYTES} bytes, found more")
            # The end may have come in part.
            searched = max(self._at, len(self._received) - len(b"\r\n\r")) - self._at
            self._fill(bounds)
        end, after = match.span()
        status_line, *lines = _lines(self._received[self._at : end].decode("latin-1"))
        self._at = after
        match_of_status = _STATUS_LINE.fullmatch(status_line.rstrip())
        if match_of_status is None:
            raise WrongAnswer("expected an HTTP/1 answer, found another status line")
        if len(lines) > _MOST_FIELDS:
            raise WrongAnswer(f"expected at most {_MOST_FIELDS} header fields, found {len(lines)}")
        minor, status, reason = match_of_status.groups()
        return int(minor), int(status), (reason or "").strip(), _fields(lines)

    def _read_body(self, framing: "_Framing", bounds: Bounds) -> tuple[bytes, bool]:
        """Return the body, and whether the connection has ended with it."""
        if framing.is_chunked:
            return self._read_chunks(bounds)
        if framing.length is not None:
            return self._read_bytes(framing.length, bounds), False
        return self._read_to_end(bounds), True

    def _read_bytes(self, size: int, bounds: Bounds) -> bytes:
        _check_size(size, bounds)
        end = self._at + size
        if end <= len(self._received):
            body = bytes(self._received[self._at : end])
            self._at = end
            return body
        # One buffer and no list of pieces: each of them would cost more than its bytes if they come one by one.
        content = self._received[self._at :]
        self._received.clear()
        self._at = 0
        while missing := size - len(content):
            piece = self._receive(bounds, min(missing, _LARGE_PIECE_BYTES))
            if not piece:
                raise WrongAnswer("the connection was closed in the middle of the answer")
            content += piece
        return bytes(content)

    def _read_to_end(self, bounds: Bounds) -> bytes:
        body = self._received[self._at :]
        self._received.clear()
        self._at = 0
        while piece := self._receive(bounds, _PIECE_BYTES):
            body += piece
            _check_size(len(body), bounds)
        _check_size(len(body), bounds)
        return bytes(body)

    def _read_chunks(self, bounds: Bounds) -> tuple[bytes, bool]:
        body = bytearray()
        while True:
            match = _CHUNK_SIZE.fullmatch(self._read_line(bounds))
            if match is None:
                raise WrongAnswer("expected the size of a chunk, found something else")
            size = int(match[1], 16)
            if size == 0:
                break
            _check_size(len(body) + size, bounds)
            body += self._read_bytes(size, bounds)
            if self._read_line(bounds):
                raise WrongAnswer("expected the end of a chunk, found more bytes")
        for _ in range(_MOST_FIELDS + 1):
            if self._at == len(self._received) and not self._has_more(bounds):
                return bytes(body), True  # the body is complete; some servers leave the last line out
            if not self._read_line(bounds):
                return bytes(body), False
        raise WrongAnswer(f"expected at most {_MOST_FIELDS} trailer fields, found more")

    def _read_line(self, bounds: Bounds) -> bytes:
        searched = self._at
        while (end := self._received.find(b"\n", searched)) < 0:
            if len(self._received) - self._at > _MOST_LINE_BYTES:
                raise WrongAnswer(f"expected a line of at most {_MOST_LINE_BYTES} bytes, found more")
            searched = len(self._received) - self._at
            self._fill(bounds)
        line = bytes(self._received[self._at : end])
        self._at = end + 1
        return line[:-1] if line.endswith(b"\r") else line


class _Framing(NamedTuple):
    """The end of the body and of the connection, as the header fields announce them."""

    is_chunked: bool
    length: int | None
    connection: str

    def keeps(self, minor_version: int) -> bool:
        """Tell whether the connection stays open after the answer."""
        if "close" in self.connection:
            return False
        return minor_version >= 1 or "keep-alive" in self.connection


def _framing(fields: list[tuple[str, str]]) -> _Framing:
    """Return the framing of an answer.

    Raises:
        WrongAnswer: The fields contradict each other.
    """
    length: str | None = None
    coding = connection = ""
    for name, value in fields:
        match name.lower():
            case "content-length":
                parts = {part.strip() for part in value.split(",")} | ({length} if length is not None else set())
                if len(parts) != 1:
                    raise WrongAnswer("expected one Content-Length, found several")
                (length,) = parts
            case "transfer-encoding":
                coding = f"{coding},{value}" if coding else value
            case "connection":
                connection += "," + value.lower()
    if coding and length is not None:  # another program on the way may have read it otherwise: RFC 9112 §6.3
        connection += ",close"
    if coding.rpartition(",")[2].strip().lower() == "chunked":
        return _Framing(True, None, connection)
    if length is None:
        return _Framing(False, None, connection)
    if not _DIGITS.fullmatch(length):
        raise WrongAnswer("expected a number as Content-Length, found something else")
    return _Framing(False, int(length), connection)


def _lines(head: str) -> list[str]:
    head = head.replace("\r\n", "\n")
    if "\r" in head or "\0" in head:  # a blank in their place: RFC 9112 §2.2, RFC 9110 §5.5
        head = head.replace("\r", " ").replace("\0", " ")
    return head.split("\n")


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith((" ", "\t")):  # a folded line: RFC 9112 §5.2
            if fields:
                name, value = fields[-1]
                fields[-1] = name, f"{value} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        if colon and name:
            fields.append((name.rstrip(), value.strip(" \t")))
    return fields


def _check_size(size: int, bounds: Bounds) -> None:
    if bounds.most_bytes is not None and size > bounds.most_bytes:
        raise AnswerTooLarge(size)
