"""One HTTP/1.1 connection: reads requests within limits of bytes and time, writes answers.

Source: RFC 9112 §6, §7, §9.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from shipmate.flow.gateway.limits import Limits
from shipmate.flow.gateway.request import BadRequest, Head, parse_head
from shipmate.jsonvalue import to_json

_log: Final = logging.getLogger("shipmate.flow")
_PIECE_BYTES: Final = 64 * 1024
_LINGER_SECONDS: Final = 2.0
"""The time in which a refused caller may read the answer; its body is thrown away."""
_LONGEST_CHUNK_LINE: Final = 256
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
"""The digits of a size; int() would also take 0x2, 1_0 and other digits than those of ASCII."""
_MOST_TRAILERS: Final = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    is_last: bool = False
    """Whether the connection is closed after it."""


def json_answer(status: int, value: object, *, is_last: bool = False) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, to_json(value), (("content-type", "application/json; charset=utf-8"),), is_last)


class BodyBudget:
    """Counts the bytes of all bodies that are held at once."""

    def __init__(self, most_bytes: int) -> None:
        """Hold nothing yet."""
        self._left_bytes = most_bytes

    def take(self, size_bytes: int) -> None:
        """Count bytes.

        Raises:
            BadRequest: All bodies together have too many; the status is 429.
        """
        if size_bytes > self._left_bytes:
            raise BadRequest("too many requests are processed at the moment: send this one later", 429)
        self._left_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Count bytes no more."""
        self._left_bytes += size_bytes


Exchange = Callable[[Head, "Connection"], Awaitable[Answer]]
"""Answers a request, whose body it reads with `Connection.read_body`; raises `BadRequest`."""


class Connection:
    """A connection of one caller; used by one task at a time."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        exchange: Exchange,
        limits: Limits,
        budget: BodyBudget,
    ) -> None:
        """Take both directions of a connection; ``exchange`` answers its requests."""
        self._reader, self._writer = reader, writer
        self._exchange = exchange
        self._limits = limits
        self._budget = budget
        self._held_bytes = 0
        self._is_read = False
        self._ahead = b""
        """The first byte of the next request, if it came before the answer to this one."""

    async def serve(self) -> None:
        """Answer requests until the caller closes the connection, breaks a rule, or is silent for too long."""
        while (head := await self._head()) is not None:
            try:
                is_last = await self._answer(head)
            finally:
                self.release_body()
            if is_last:
                return

    async def refuse(self, answer: Answer) -> None:
        """Answer before a request is read, and close the connection."""
        await self._write(answer, is_last=True)
        await self._linger()

    async def _head(self) -> Head | None:
        """Return the head of the next request, None at the end of the connection."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                data = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
            self._ahead = b""
            return parse_head(data)
        except asyncio.LimitOverrunError:
            problem = BadRequest(f"expected at most {self._limits.head_bytes} bytes of headers, found more", 431)
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return None
        except BadRequest as error:
            problem = error
        _log.warning("a request to the webhook was refused with status %d: %s", problem.status, problem)
        await self.refuse(_refusal(problem))
        return None

    async def _answer(self, head: Head) -> bool:
        """Answer one request, and return whether it was the last of the connection."""
        self._is_read = not head.is_chunked and not head.length
        try:
            answer = await self._exchange(head, self)
        except BadRequest as error:
            _log.warning("a request to the webhook was refused with status %d: %s", error.status, error)
            answer = _refusal(error)
        is_last = answer.is_last or not self._is_read or not head.keeps_alive
        await self._write(answer, is_last=is_last, is_head=head.method == "HEAD")
        if is_last and not self._is_read:
            await self._linger()
        return is_last

    def release_body(self) -> None:
        """Count the bytes of the body no more, since it is processed."""
        self._budget.give_back(self._held_bytes)
        self._held_bytes = 0

    async def wait_until_closed(self) -> None:
        """Return when the caller closes the connection; wait for ever if another request comes first."""
        if not self._ahead:
            self._ahead = await self._reader.read(1)
        if self._ahead:
            await asyncio.Event().wait()

    async def read_body(self, head: Head) -> bytes:
        """Return the body of the request.

        Raises:
            BadRequest: It is too large, too slow, cut off or malformed.
        """
        if not head.is_chunked and head.length > self._limits.request_bytes:
            raise self._too_large()
        if "100-continue" in head.values("expect") and not self._is_read:
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await (self._chunks() if head.is_chunked else self._exactly(head.length))
        except TimeoutError:
            raise BadRequest(f"expected the body within {self._limits.body_seconds:g} seconds", 408) from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            raise BadRequest("expected a complete body, found one that is cut off or malformed") from None
        self._is_read = True
        return body

    async def _exactly(self, size_bytes: int) -> bytes:
        parts = []
        while size_bytes:
            part = await self._reader.read(min(size_bytes, _PIECE_BYTES))
            if not part:
                raise asyncio.IncompleteReadError(b"", size_bytes)
            self._hold(len(part))
            parts.append(part)
            size_bytes -= len(part)
        return b"".join(parts)

    async def _chunks(self) -> bytes:
        parts: list[bytes] = []
        left_bytes = self._limits.request_bytes
        while size_bytes := await self._chunk_size():
            if size_bytes > left_bytes:
                raise self._too_large()
            left_bytes -= size_bytes
            parts.append(await self._exactly(size_bytes))
            if await self._reader.readexactly(2) != b"\r\n":
                raise ValueError("a chunk that is longer than its size")
        for _ in range(_MOST_TRAILERS):
            if await self._reader.readuntil(b"\r\n") == b"\r\n":
                return b"".join(parts)
        raise ValueError("too many trailers")

    async def _chunk_size(self) -> int:
        line = await self._reader.readuntil(b"\r\n")
        digits = line.partition(b";")[0].strip()
        if len(line) > _LONGEST_CHUNK_LINE or not 1 <= len(digits) <= 8 or not _HEX.issuperset(digits):
            raise ValueError("a chunk without a size")
        return int(digits, 16)

    def _hold(self, size_bytes: int) -> None:
        self._budget.take(size_bytes)
        self._held_bytes += size_bytes

    def _too_large(self) -> BadRequest:
        return BadRequest(f"expected a body of at most {self._limits.request_bytes} bytes, found more", 413)

    async def _write(self, answer: Answer, *, is_last: bool, is_head: bool = False) -> None:
        has_body = answer.status >= 200 and answer.status not in (204, 304)
        headers = [*answer.headers, ("date", formatdate(usegmt=True))]
        if has_body:
            headers.append(("content-length", str(len(answer.body))))
        if is_last:
            headers.append(("connection", "close"))
        body = answer.body if has_body and not is_head else b""
        with suppress(ConnectionError, TimeoutError):
            self._writer.write(_head_bytes(answer.status, headers) + body[:_PIECE_BYTES])
            await self._drain()
            for start in range(_PIECE_BYTES, len(body), _PIECE_BYTES):
                self._writer.write(body[start : start + _PIECE_BYTES])
                await self._drain()
            return
        self._writer.transport.abort()

    async def _drain(self) -> None:
        async with asyncio.timeout(self._limits.write_seconds):
            await self._writer.drain()

    async def _linger(self) -> None:
        """Throw away what the caller still sends: a connection that is closed before loses the answer."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                self._writer.write_eof()
                while await self._reader.read(_PIECE_BYTES):
                    pass


def _refusal(error: BadRequest) -> Answer:
    return json_answer(error.status, {"error": str(error)})


def _head_bytes(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("utf-8", "replace")
