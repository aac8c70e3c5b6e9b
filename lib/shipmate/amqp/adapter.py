"""The client library's connection, fitted to many small messages: frames leave together, headers are encoded once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from pika import BasicProperties, SelectConnection, data, frame
from pika.spec import Basic

from shipmate.amqp import fields

fields.use()  # for the process: the library's readers and writers of tables are functions, not methods
_RECEIVED_BYTES: Final = 65_536
_SENT_BYTES: Final = 65_536
_LENGTH: Final = Struct(">I")
# Type and channel stand before the length of a frame's payload, and one byte after it. Source: AMQP 0-9-1 §4.2.3.
_LENGTH_AT: Final = 3
_AROUND_BYTES: Final = 8
# The flags for content-type, content-encoding, headers and delivery-mode. Source: AMQP 0-9-1, class basic.
_FLAGS: Final = b"\xf0\x00"
_CONTENT: Final = b"\x10application/json\x04utf8"


class BatchingConnection(SelectConnection):
    """A connection that writes what is sent within a batch at once: three frames a message are three system calls."""

    _held: list[bytes] | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Hold frames back until the end."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for piece in _pieces(held or []):
                if self._transport is not None:
                    super()._adapter_emit_data(piece)

    def _proto_connection_made(self, transport: Any) -> None:
        # Read much at once, and once for each event: 4 kB pieces are a hundred system calls for a large message.
        transport._MAX_RECV_BYTES = _RECEIVED_BYTES
        transport._MAX_CONSUME_BYTES = 1
        super()._proto_connection_made(transport)

    def _on_data_available(self, data_in: bytes) -> None:
        """Cut one frame after the other out of what has come: cutting each off its end copies the rest every time."""
        if not self.is_open:
            super()._on_data_available(data_in)
            return
        received = self._frame_buffer = self._frame_buffer + data_in
        position = 0
        while len(received) - position >= _AROUND_BYTES:
            end = position + _AROUND_BYTES + _LENGTH.unpack_from(received, position + _LENGTH_AT)[0]
            if end > len(received):
                break
            _, value = frame.decode_frame(received[position:end])
            self.bytes_received += end - position
            position = end
            if value is not None:
                self._process_frame(value)
            if self._frame_buffer is not received:  # the connection has ended
                return
        self._frame_buffer = received[position:]

    def _has_pending_callbacks(self, value: Any) -> int | None:
        """Look for no one who waits for a delivery by name: it goes to its channel."""
        return None if type(value.method) is Basic.Deliver else super()._has_pending_callbacks(value)

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._held is None:
            super()._adapter_emit_data(data)
        else:
            self._held.append(data)


def _pieces(frames: list[bytes]) -> Iterator[bytes]:
    """Yield small frames joined, and large ones as they are: what a socket does not take at once is copied."""
    joined: list[bytes] = []
    size = 0
    for piece in frames:
        if joined and size + len(piece) > _SENT_BYTES:
            yield b"".join(joined)
            joined, size = [], 0
        joined.append(piece)
        size += len(piece)
    if joined:
        yield joined[0] if len(joined) == 1 else b"".join(joined)


class Properties(BasicProperties):
    """The properties of a new message."""

    def __init__(self, headers: Mapping[str, Any], delivery_mode: int) -> None:
        """Note what differs from message to message."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.content_type, self.content_encoding = "application/json", "utf8"
        self.headers = headers
        self.delivery_mode = delivery_mode

    def encode(self) -> list[bytes]:
        """Return the parts of what is sent; most headers of a step never change."""
        table = b"".join([_entry(name, value) for name, value in self.headers.items()])
        return [_FLAGS, _CONTENT, _LENGTH.pack(len(table)), table, bytes((self.delivery_mode,))]


class RepeatedProperties(BasicProperties):
    """The properties of a message that goes back as it came, but for some."""

    def __init__(self, origin: Any, headers: Mapping[str, Any], *, delivery_mode: int, expiration: str) -> None:
        """Copy ``origin``, and replace the others."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.__dict__.update(vars(origin))
        self.headers = headers
        self.delivery_mode = delivery_mode
        self.expiration = expiration


def _entry(name: str, value: Any) -> bytes:
    return _text_entry(name, value) if type(value) is str else _name(name) + _encoded(value)


@lru_cache(maxsize=256)
def _text_entry(name: str, value: str) -> bytes:
    text = value.encode()
    return _name(name) + b"S" + _LENGTH.pack(len(text)) + text


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    pieces: list[bytes] = []
    data.encode_short_string(pieces, name)
    return b"".join(pieces)


def _encoded(value: Any) -> bytes:
    pieces: list[bytes] = []
    data.encode_value(pieces, value)
    return b"".join(pieces)
