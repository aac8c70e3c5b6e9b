"""The client library's connection, fitted to many small messages: frames leave together, headers are encoded once."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from pika import BasicProperties, SelectConnection, data, frame, spec
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport
from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter
from pika.exceptions import InvalidFieldTypeException

from shipmate.container.amqp import fields

fields.use()  # for the process: the library's readers and writers of tables are functions, not methods
_RECEIVED_BYTES: Final = 65_536
_SENT_BYTES: Final = 65_536
# As many as Linux and macOS take in one call.
_MOST_BUFFERS: Final = 1024
_LENGTH: Final = Struct(">I")
# Type and channel stand before the length of a frame's payload, and one byte after it. Source: AMQP 0-9-1 §4.2.3.
_LENGTH_AT: Final = 3
_AROUND_BYTES: Final = 8
_FRAME: Final = Struct(">BHL")
_FRAME_END: Final = bytes((spec.FRAME_END,))
_CONTENT_HEADER: Final = Struct(">HHQ")
# The flags for content-type, content-encoding, headers and delivery-mode. Source: AMQP 0-9-1, class basic.
_FLAGS: Final = b"\xf0\x00"
_CONTENT: Final = b"\x10application/json\x04utf8"


class PikaIOServices(SelectorIOServicesAdapter):
    """The client library's I/O, where a connection that ends as soon as it is made is a failure like others."""

    def create_streaming_connection(
        self, protocol_factory: Any, sock: socket.socket, on_done: Callable[[Any], None], *args: Any, **kwargs: Any
    ) -> Any:
        """Begin to use a socket, and tell ``on_done`` what came of that."""
        try:
            return super().create_streaming_connection(protocol_factory, sock, on_done, *args, **kwargs)
        except ValueError as error:  # no peer any more; raised from here, it would end the I/O thread
            return self.call_later(0, partial(on_done, error))


class TurnLoop(IOLoop):
    """The client library's loop, run turn by turn, by one thread at a time."""

    _may_wait = True

    def turn(self, *, may_wait: bool) -> None:
        """Do the I/O that there is to do and call what is due; wait for that if it is allowed."""
        self._may_wait = may_wait
        self.poll()
        self.process_timeouts()

    def wake(self) -> None:
        """End such a wait; from any thread."""
        self._poller.wake_threadsafe()

    def _get_remaining_interval(self) -> float | None:
        return super()._get_remaining_interval() if self._may_wait else 0


class BatchingConnection(SelectConnection):
    """A connection that writes what is sent within a batch at once: three frames a message are three system calls."""

    _held: list[bytes] | None = None
    on_ack: Callable[[Any], None] | None = None
    """Who is told of the confirms, at once: the library would look for all who could be waiting for them."""

    def hold(self) -> None:
        """Hold frames back until `release`."""
        self._held = []

    def release(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, None
        if held:
            self._emit(held)

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
            value = _decoded(received, position, end)
            self.bytes_received += end - position
            position = end
            if value is not None:
                self._process_frame(value)
            if self._frame_buffer is not received:  # the connection has ended
                return
        self._frame_buffer = received[position:]

    def _process_frame(self, frame_value: Any) -> None:
        """Give deliveries to their channel, and confirms to who waits for them; the library looks for others first."""
        kind = type(frame_value)
        method = type(frame_value.method) if kind is frame.Method else None
        if kind is frame.Body or kind is frame.Header or method is spec.Basic.Deliver:
            self.frames_received += 1
            self._deliver_frame_to_channel(frame_value)
        elif method is spec.Basic.Ack and self.on_ack is not None:
            self.frames_received += 1
            self.on_ack(frame_value)
        else:
            super()._process_frame(frame_value)

    def _send_message(self, channel_number: int, method_frame: Any, content: tuple[BasicProperties, bytes]) -> None:
        """Send a message: its first frame is mostly the one of the message before, and its body need not be copied."""
        properties, body = content
        first = _publish_frame(
            channel_number, method_frame.exchange, method_frame.routing_key, bool(method_frame.mandatory)
        )
        frames = [first, frame.Header(channel_number, len(body), properties).marshal()]
        for start in range(0, len(body), self._body_max_length):
            piece = body[start : start + self._body_max_length]
            frames += [_FRAME.pack(spec.FRAME_BODY, channel_number, len(piece)), piece, _FRAME_END]
        self._output_marshaled_frames(frames)

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        """Refuse headers that no frame can hold: the broker would end the connection, and all that is under way."""
        longest = max(map(len, marshaled_frames))
        if self.is_open and longest > self._body_max_length + _AROUND_BYTES:
            raise ValueError("the headers are longer than a frame")
        self.bytes_sent += sum(map(len, marshaled_frames))
        self.frames_sent += len(marshaled_frames)
        if self._held is None:
            self._emit([*marshaled_frames])
        else:
            self._held += marshaled_frames

    def _emit(self, frames: list[bytes]) -> None:
        """Give frames to the socket at once, as many as it takes: to ask when it will is four system calls a time."""
        transport: Any = self._transport
        if transport is None:
            return
        if self.is_open and type(transport) is _AsyncPlaintextTransport and not transport.get_write_buffer_size():
            frames = _left(transport, frames)
        for piece in _pieces(frames):
            self._adapter_emit_data(piece)


def _left(transport: Any, frames: list[bytes]) -> list[bytes]:
    """Send frames, and return what the socket has not taken."""
    while frames and transport._state == transport._STATE_ACTIVE:
        try:
            sent = transport._sock.sendmsg(frames[:_MOST_BUFFERS])
        except OSError:  # it is full, or lost: the client library finds out
            return frames
        count = 0
        while count < len(frames) and sent >= len(frames[count]):
            sent -= len(frames[count])
            count += 1
        if sent:
            return [frames[count][sent:], *frames[count + 1 :]]
        frames = frames[count:]
    return frames


class UnreadableProperties(BasicProperties):
    """Stands for properties that cannot be read."""


def _decoded(received: bytes, start: int, end: int) -> Any:
    """Return the frame that some bytes are; those of a message without the library's detours."""
    kind, channel, _ = _FRAME.unpack_from(received, start)
    is_whole = received[end - 1] == spec.FRAME_END
    if kind == spec.FRAME_BODY and is_whole:
        return frame.Body(channel, received[start + spec.FRAME_HEADER_SIZE : end - 1])
    content = received[start:end]
    if kind == spec.FRAME_HEADER and is_whole:
        _, _, body_size = _CONTENT_HEADER.unpack_from(content, spec.FRAME_HEADER_SIZE)
        return frame.Header(channel, body_size, _properties(content))
    return frame.decode_frame(content)[1]


def _properties(content: bytes) -> BasicProperties:
    properties = BasicProperties()  # type: ignore[no-untyped-call]
    try:
        properties.decode(content, spec.FRAME_HEADER_SIZE + _CONTENT_HEADER.size)  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError, OSError, LookupError, RecursionError, StructError, InvalidFieldTypeException):
        # Raised from here, it would end the I/O thread, and the one of the next process: the message would come again
        # and again.
        return UnreadableProperties()  # type: ignore[no-untyped-call]
    return properties


@lru_cache(maxsize=256)
def _publish_frame(channel_number: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    method = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)  # type: ignore[no-untyped-call]
    return frame.Method(channel_number, method).marshal()


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
        table = b"".join(
            [
                _text_entry(name, value) if type(value) is str else _name(name) + _encoded(value)
                for name, value in self.headers.items()
            ]
        )
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
