"""One request with its answer."""

from collections.abc import Callable
from typing import Final, NamedTuple

_STATUS: Final = b":status"
_LENGTH: Final = b"content-length"
_METADATA: Final = b"message-metadata"


class Answer(NamedTuple):
    """The end of an exchange: an answer, or the reason why there is none."""

    status: int
    """The HTTP status; 0 if the exchange has failed."""
    body: bytes = b""
    metadata: bytes | None = None
    """The header ``message-metadata``, as its bytes; None if there is none."""
    cause: str = ""
    """Why the exchange has failed."""
    is_lost: bool = False
    """True if it has failed together with its connection, or because the peer takes no more requests there."""
    is_calm: bool = False
    """True if the peer has reset the stream without an error."""
    is_cut: bool = False
    """True if the body was longer than `Exchange.most_bytes`; the rest was dropped."""


OnAnswer = Callable[[Answer], None]


class Exchange:
    """A request that was sent, wholly or in part, and what has come of its answer."""

    __slots__ = (
        "_content_length", "_is_cut", "_metadata", "_pieces", "body", "is_answered", "is_begun", "is_get", "is_reset",
        "most_bytes", "on_answer", "received_bytes", "sent_bytes", "status", "stream_id", "to_acknowledge", "window",
    )  # fmt: skip

    def __init__(self, stream_id: int, body: memoryview, window: int, most_bytes: int, on_answer: OnAnswer) -> None:
        """Begin.

        Args:
            stream_id: The number of its stream.
            body: The body of the request, empty if there is none.
            window: How many bytes of it may be sent.
            most_bytes: How many bytes of the answer's body are kept; more are read and dropped.
            on_answer: Called once, when the answer has ended or will never come.
        """
        self.stream_id = stream_id
        self.is_get = False
        self.body = body
        self.window = window
        self.most_bytes = most_bytes
        self.on_answer = on_answer
        self.sent_bytes = 0
        self.status = 0
        self.is_begun = False
        """True if something of the answer has come."""
        self.is_answered = False
        """True if the answer has ended."""
        self.is_reset = False
        """True if this side has reset the stream, and reads what was on the way."""
        self.received_bytes = 0
        self.to_acknowledge = 0
        self._pieces: list[bytes] = []
        self._is_cut = False
        self._metadata: bytes | None = None
        self._content_length: int | None = None

    @property
    def is_sent(self) -> bool:
        """True if the whole request was sent."""
        return self.sent_bytes >= len(self.body)

    def take_headers(self, headers: list[tuple[bytes, bytes]], *, is_end: bool) -> str | None:
        """Take the headers of the answer, or those after its body; return what is wrong with them."""
        self.is_begun = True
        if self.status:
            return None if is_end else "headers in the middle of the body"
        status = 0
        for name, value in headers:
            if name == _STATUS:
                status = int(value) if len(value) == 3 and value.isdigit() else 0
            elif name == _METADATA and self._metadata is None:
                self._metadata = value
            elif name == _LENGTH:
                self._content_length = int(value) if value.isdigit() and len(value) < 20 else -1
        if status < 100:
            return "no status"
        if status >= 200:
            self.status = status
            return None
        self._metadata = self._content_length = None  # the final headers come next
        return "an informational answer only" if is_end else None

    def take_data(self, data: bytes) -> str | None:
        """Take a piece of the body; return what is wrong with it."""
        if not self.status:
            return "a body before the headers"
        room = self.most_bytes - self.received_bytes
        self.received_bytes += len(data)
        if room < len(data):
            self._is_cut = True
            data = data[: max(0, room)]
        if data:
            self._pieces.append(data)
        return None

    def end(self) -> str | None:
        """Note the end of the answer; return what is wrong with it."""
        if not self.status:
            return "no status"
        if self._content_length is not None and self._content_length != self.received_bytes:
            return "a body of another length than its content-length"
        self.is_answered = True
        return None

    def answer(self) -> Answer:
        """Return the answer that has ended."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Answer(self.status, body, self._metadata, is_cut=self._is_cut)
