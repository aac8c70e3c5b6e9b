"""pika's connection, adapted to many small messages: it writes and reads many frames with one system call.

Everything is a subclass, used by our connections only: a component that uses pika itself gets pika as it is. The
subclasses override private members, so `check_pika_version` limits the versions.

Source: docs/decisions/0005-patches-of-pika.md has the measurements, and what to delete to do without.
"""

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from struct import Struct
from typing import Any, Final

import pika
from pika import BasicProperties, SelectConnection, frame, spec
from pika.adapters.select_connection import IOLoop
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport
from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter

from shipmate.container.amqp.properties import decode_properties
from shipmate.errors import OperatorError

_RECEIVED_BYTES: Final = 65_536
_SENT_BYTES: Final = 65_536
# The limit of Linux and macOS for one call.
_MOST_BUFFERS: Final = 1024
_LENGTH: Final = Struct(">I")
# A frame: type and channel (3 bytes), length of the payload (4), payload, end (1). Source: AMQP 0-9-1 §4.2.3.
_LENGTH_AT: Final = 3
_AROUND_BYTES: Final = 8
_FRAME: Final = Struct(">BHL")
_FRAME_END: Final = bytes((spec.FRAME_END,))
_CONTENT_HEADER: Final = Struct(">HHQ")
_PROPERTIES_AT: Final = spec.FRAME_HEADER_SIZE + _CONTENT_HEADER.size
# The versions of pika that this module is written for; pyproject.toml says the same.
_FIRST_PIKA: Final = (1, 3, 2)
_NEXT_PIKA: Final = (1, 5)


def check_pika_version() -> None:
    """Refuse a version of pika in which the private members that are overridden here may differ.

    Raises:
        OperatorError: The installed version is outside of the supported range.
    """
    version = pika.__version__
    if not _FIRST_PIKA <= tuple(map(int, re.findall(r"\d+", version)[:3])) < _NEXT_PIKA:
        first, following = (".".join(map(str, numbers)) for numbers in (_FIRST_PIKA, _NEXT_PIKA))
        raise OperatorError(f"expected pika>={first},<{following}, found pika {version}: install a supported version")


class PikaIOServices(SelectorIOServicesAdapter):
    """pika's I/O, except that a connection that ends at once is reported as a failure, and not raised."""

    def create_streaming_connection(
        self, protocol_factory: Any, sock: socket.socket, on_done: Callable[[Any], None], *args: Any, **kwargs: Any
    ) -> Any:
        """Begin to use a socket, and call ``on_done`` with the connection or an exception."""
        try:
            return super().create_streaming_connection(protocol_factory, sock, on_done, *args, **kwargs)
        except ValueError as error:  # the peer has gone; an exception here would end the I/O thread
            return self.call_later(0, partial(on_done, error))


class TurnLoop(IOLoop):
    """pika's I/O loop, which runs turn by turn, on one thread at a time."""

    _may_wait = True

    def turn(self, *, may_wait: bool) -> None:
        """Do the I/O that is possible and run the timers that are due; if there are none, wait if ``may_wait``."""
        self._may_wait = may_wait
        self.poll()
        self.process_timeouts()

    def wake(self) -> None:
        """End the wait of `turn`; can be called on any thread."""
        self._poller.wake_threadsafe()

    def _get_remaining_interval(self) -> float | None:
        return super()._get_remaining_interval() if self._may_wait else 0


class BatchingConnection(SelectConnection):
    """A connection that sends all frames of a batch with one system call; pika needs three calls for each message."""

    _held: list[bytes] | None = None
    on_ack: Callable[[Any], None] | None = None
    """Called with each confirm, without pika's search for callbacks."""

    def hold(self) -> None:
        """Begin a batch: keep frames until `release`."""
        self._held = []

    def release(self) -> None:
        """Send the frames of the batch."""
        held, self._held = self._held, None
        if held:
            self._emit(held)

    def _proto_connection_made(self, transport: Any) -> None:
        # Read 64 kB at once, and once for each event. pika reads 4 kB: a hundred system calls for a large message.
        transport._MAX_RECV_BYTES = _RECEIVED_BYTES
        transport._MAX_CONSUME_BYTES = 1
        super()._proto_connection_made(transport)

    def _on_data_available(self, data_in: bytes) -> None:
        """Process all frames in the received bytes, then copy the rest once; pika copies the rest after each frame."""
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
            if self._frame_buffer is not received:  # this frame has ended the connection
                return
        self._frame_buffer = received[position:]

    def _process_frame(self, frame_value: Any) -> None:
        """Pass deliveries to their channel and confirms to `on_ack`, without pika's search for other callbacks."""
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
        """Send a message without copying its body; its first frame is cached, since most messages have the same."""
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
        """Send frames, or add them to the batch.

        Raises:
            ValueError: The headers do not fit into a frame; the broker would close the connection over them.
        """
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
        """Write frames to the socket at once; pika first waits until it is writable, which takes four system calls."""
        transport: Any = self._transport
        if transport is None:
            return
        if self.is_open and type(transport) is _AsyncPlaintextTransport and not transport.get_write_buffer_size():
            frames = _send_now(transport, frames)
        for piece in _joined(frames):
            self._adapter_emit_data(piece)


def _send_now(transport: Any, frames: list[bytes]) -> list[bytes]:
    """Send frames, and return the rest that the socket has not accepted."""
    while frames and transport._state == transport._STATE_ACTIVE:
        try:
            sent = transport._sock.sendmsg(frames[:_MOST_BUFFERS])
        except OSError:  # it is full or lost; pika handles both
            return frames
        count = 0
        while count < len(frames) and sent >= len(frames[count]):
            sent -= len(frames[count])
            count += 1
        if sent:
            return [frames[count][sent:], *frames[count + 1 :]]
        frames = frames[count:]
    return frames


def _decoded(received: bytes, start: int, end: int) -> Any:
    """Return the frame between two offsets; header and body frames are decoded here, faster than by pika."""
    kind, channel, _ = _FRAME.unpack_from(received, start)
    is_whole = received[end - 1] == spec.FRAME_END
    if kind == spec.FRAME_BODY and is_whole:
        return frame.Body(channel, received[start + spec.FRAME_HEADER_SIZE : end - 1])
    content = received[start:end]
    if kind == spec.FRAME_HEADER and is_whole:
        _, _, body_size = _CONTENT_HEADER.unpack_from(content, spec.FRAME_HEADER_SIZE)
        return frame.Header(channel, body_size, decode_properties(content, _PROPERTIES_AT))
    return frame.decode_frame(content)[1]


@lru_cache(maxsize=256)
def _publish_frame(channel_number: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    method = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)  # type: ignore[no-untyped-call]
    return frame.Method(channel_number, method).marshal()


def _joined(frames: list[bytes]) -> Iterator[bytes]:
    """Yield small frames joined, up to 64 kB, and large ones as they are, since joining copies them."""
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
