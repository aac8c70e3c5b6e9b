"""The content of a request that is sent in pieces: never whole in memory, and opened again for each attempt."""

from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from shipmate.errors import IncompleteContent, InvalidOption
from shipmate.http.limits import current
from shipmate.http.replay import Body

if TYPE_CHECKING:
    import requests

PIECE_BYTES: Final = 1024 * 1024
"""The size of each piece but the last one."""

Opened: TypeAlias = "bytes | IO[bytes] | Iterable[bytes] | requests.Response"
"""Content that can be read: bytes, a file, pieces of bytes, or an answer with ``stream=True``."""
Content: TypeAlias = "Opened | Callable[[], Opened]"
"""Content, or a function that opens it; the function is called again for each attempt."""


class Upload:
    """The content of one request, for all its attempts: ``session.put(url, data=upload.body)``.

    Attributes:
        is_replayable: Whether the content can be sent again.
        sent_bytes: The bytes that the last attempt has read.
        failure: The error with which the content ended in the last attempt, None without one.
    """

    def __init__(self, content: Content, size: int | None = None) -> None:
        """Prepare an upload; nothing is opened yet.

        Args:
            content: The content. A file or an iterator that cannot be read again is sent once.
            size: Its length in bytes; that of bytes, of files and of answers is known without it.
        """
        self._replay = Body(content, None)
        self._size = size
        self._is_own = callable(content) and not hasattr(content, "read")
        self._close: Callable[[], object] = _nothing
        self.is_replayable = self._replay.is_replayable and not hasattr(content, "iter_content")
        self.sent_bytes = 0
        self.failure: Exception | None = None

    def body(self) -> "bytes | StreamedBody":
        """Open the content for one attempt; what fits into one piece is returned as bytes.

        Raises:
            IncompleteContent: The content is shorter or longer than announced.
            Exception: The error of the function or of the content, which is then also the `failure`.
        """
        self.close()
        self.failure = None
        self.sent_bytes = 0
        try:
            pieces, size = self._opened()
            first = next(pieces, b"")
            if len(first) < PIECE_BYTES:
                next(pieces, None)  # compares the length
        except Exception as error:
            self.failure = error
            raise
        if len(first) == PIECE_BYTES:
            return StreamedBody(self, first, pieces) if size is None else _SizedBody(self, first, pieces, size)
        if not self.is_replayable:
            self._replay, self.is_replayable = Body(first, None), True
        return first

    def close(self) -> None:
        """Close what the last attempt has opened; a file or an answer that was passed in stays open."""
        close, self._close = self._close, _nothing
        close()

    def _opened(self) -> tuple[Iterator[bytes], int | None]:
        """Return the pieces of the content, and its length if it is known."""
        opened = self._replay.for_attempt()["data"]
        close = getattr(opened, "close", None)
        if self._is_own and close is not None:
            self._close = close
        pieces, size = _pieces_of(opened)
        size = size if self._size is None else self._size
        return self._counted(_regrouped(pieces), size), size

    def _counted(self, pieces: Iterator[bytes], size: int | None) -> Iterator[bytes]:
        for piece in pieces:
            self.sent_bytes += len(piece)
            if size is not None and self.sent_bytes > size:
                raise IncompleteContent(f"the content: expected {size} bytes, found more")
            yield piece
        if size is not None and self.sent_bytes != size:
            raise IncompleteContent(f"the content: expected {size} bytes, found {self.sent_bytes}")


class StreamedBody:
    """The body of one attempt; requests sends it in chunks.

    The time limit of the answer begins when the body has been sent.
    """

    def __init__(self, upload: Upload, first: bytes, rest: Iterator[bytes]) -> None:
        """Continue with the pieces that follow the first one."""
        self._upload = upload
        self._first: bytes | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces; a second time, as for a redirect, the content is opened again."""
        limits = current()
        if limits is not None:
            limits.pause()
        first, self._first = self._first, None
        if first is None:
            yield from self._again()
        else:
            yield first
            del first
            try:
                yield from self._rest
            except Exception as error:
                self._upload.failure = error
                raise
        if limits is not None:
            limits.begin()

    def _again(self) -> Iterable[bytes]:
        if not self._upload.is_replayable:
            raise IncompleteContent("the content: expected one that can be read again, found one that cannot")
        body = self._upload.body()
        return [body] if isinstance(body, bytes) else body


class _SizedBody(StreamedBody):
    """A body of a known length; requests sends it with Content-Length."""

    def __init__(self, upload: Upload, first: bytes, rest: Iterator[bytes], size: int) -> None:
        super().__init__(upload, first, rest)
        self._size = size

    def __len__(self) -> int:
        return self._size


def _nothing() -> None:
    """Close nothing."""


def _pieces_of(opened: Any) -> tuple[Iterable[bytes], int | None]:
    """Return the pieces of opened content, of any size, and its length if it is known."""
    if isinstance(opened, bytes | bytearray | memoryview):
        return [bytes(opened)], len(opened)
    if hasattr(opened, "iter_content"):
        return _answered(opened)
    if hasattr(opened, "read"):
        return _read(opened), _remaining(opened)
    if isinstance(opened, Iterable) and not isinstance(opened, str):
        return opened, None
    raise InvalidOption(
        f"content: expected bytes, a file, pieces of bytes or a function, found {type(opened).__name__}"
    )


def _answered(response: "requests.Response") -> tuple[Iterable[bytes], int | None]:
    """Return the body of an answer in pieces.

    Raises:
        requests.HTTPError: The answer is an error, and no file.
    """
    import requests

    if response.status_code >= 400:
        raise requests.HTTPError(f"the content: expected a file, found HTTP {response.status_code}", response=response)
    return response.iter_content(PIECE_BYTES), length_of(response)


def length_of(response: "requests.Response") -> int | None:
    """Return the length of an answer's decoded body, None if its headers do not say."""
    length = response.headers.get("Content-Length", "").strip()
    is_packed = response.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")
    return int(length) if length.isascii() and length.isdigit() and not is_packed else None


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _remaining(file: Any) -> int | None:
    """Return the bytes from the position of a file to its end, None for a file that does not say."""
    size = getattr(file, "size_bytes", None)
    if isinstance(size, int):
        return size
    try:
        start = file.tell()
        end = file.seek(0, 2)
        file.seek(start)
    except (AttributeError, OSError, ValueError):
        return None
    return end - start if isinstance(end, int) and end >= start else None


def _regrouped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of some pieces in pieces of `PIECE_BYTES`; the last one is shorter.

    Raises:
        InvalidOption: A piece is text or something else.
    """
    held = bytearray()
    for piece in pieces:
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise InvalidOption(f"content: expected pieces of bytes, found one of {type(piece).__name__}")
        rest = memoryview(piece)
        while len(held) + len(rest) >= PIECE_BYTES:
            cut = PIECE_BYTES - len(held)
            yield b"".join((held, rest[:cut]))
            held, rest = bytearray(), rest[cut:]
        held += rest
    if held:
        yield bytes(held)
