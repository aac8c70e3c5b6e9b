"""The client library's connection, fitted to many small messages: frames leave together, headers are encoded once."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from struct import Struct
from typing import Any, Final

from pika import BasicProperties, SelectConnection, data, spec
from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter
from pika.exceptions import InvalidFieldTypeException
from pika.frame import Header

_RECEIVED_BYTES: Final = 65_536
_SENT_BYTES: Final = 65_536
_LENGTH: Final = Struct(">I")
_FRAME: Final = Struct(">BHL")
_CONTENT_HEADER: Final = Struct(">HHQ")
# The flags for content-type, content-encoding, headers and delivery-mode. Source: AMQP 0-9-1, class basic.
_FLAGS: Final = b"\xf0\x00"
_CONTENT: Final = b"\x10application/json\x04utf8"


class Services(SelectorIOServicesAdapter):
    """The client library's I/O, where a connection that ends as soon as it is made is a failure like others."""

    def create_streaming_connection(
        self, protocol_factory: Any, sock: socket.socket, on_done: Callable[[Any], None], *args: Any, **kwargs: Any
    ) -> Any:
        """Begin to use a socket, and tell ``on_done`` what came of that."""
        try:
            return super().create_streaming_connection(protocol_factory, sock, on_done, *args, **kwargs)
        except ValueError as error:  # no peer any more; raised from here, it would end the I/O thread
            return self.call_later(0, partial(on_done, error))


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

    def _read_frame(self) -> Any:
        try:
            return super()._read_frame()
        except (ValueError, OverflowError, OSError, InvalidFieldTypeException):
            # A time that no calendar has, or the like. Raised from here, it would end the I/O thread, and the one of
            # the next process: the message would come again and again.
            header = _without_properties(self._frame_buffer)
            if header is None:
                raise
            return header

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._held is None:
            super()._adapter_emit_data(data)
        else:
            self._held.append(data)


class UnreadableProperties(BasicProperties):
    """Stands for properties that cannot be read."""


def _without_properties(buffer: bytes) -> tuple[int, Header] | None:
    """Return the size of a frame that has properties, and the frame without them; None for frames of other kinds."""
    kind, channel, size = _FRAME.unpack_from(buffer)
    if kind != spec.FRAME_HEADER:
        return None
    _, _, body_size = _CONTENT_HEADER.unpack_from(buffer, spec.FRAME_HEADER_SIZE)
    header = Header(channel, body_size, UnreadableProperties())  # type: ignore[no-untyped-call]
    return spec.FRAME_HEADER_SIZE + size + spec.FRAME_END_SIZE, header


def _pieces(frames: list[bytes]) -> Iterator[bytes]:
    """Yield small frames joined, and large ones as they are: what a socket does not take at once is copied."""
    joined: list[bytes] = []
    size = 0
    for frame in frames:
        if joined and size + len(frame) > _SENT_BYTES:
            yield b"".join(joined)
            joined, size = [], 0
        joined.append(frame)
        size += len(frame)
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
    return _text_entry(name, value) if type(value) is str else _encoded(name, value)


@lru_cache(maxsize=256)
def _text_entry(name: str, value: str) -> bytes:
    return _encoded(name, value)


def _encoded(name: str, value: Any) -> bytes:
    pieces: list[bytes] = []
    data.encode_short_string(pieces, name)
    data.encode_value(pieces, value)
    return b"".join(pieces)
