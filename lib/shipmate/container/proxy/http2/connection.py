"""One HTTP/2 connection of a client: requests in, frames out; frames in, answers out. Pure; no I/O.

Source: RFC 9113; proxy §4.
"""

from collections.abc import Callable
from typing import Final

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.bodies import Bodies
from shipmate.container.proxy.http2.exchange import Answer, Exchange, OnAnswer
from shipmate.container.proxy.http2.frames import Breach, Frame, FrameReader
from shipmate.container.proxy.http2.header_blocks import HeaderBlocks
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder

_WINDOW: Final = 65_535
_LARGEST_WINDOW: Final = 2**31 - 1
_HALF_WINDOW: Final = 32_768
"""Window updates are sent for so many bytes."""
_FULL_BYTES: Final = 262_144
"""Bodies wait while so many bytes wait for the socket."""
_LAST_STREAM: Final = 2**31 - 1
_NO_BODY: Final = memoryview(b"")


class Http2Connection:
    """The streams of one connection, all opened by this side."""

    def __init__(
        self,
        encoder: HeaderEncoder,
        *,
        on_ready: Callable[[], None],
        on_pong: Callable[[bytes], None],
        on_goaway: Callable[[int], None],
    ) -> None:
        """Begin with the preface and empty settings, so that all defaults hold.

        Args:
            encoder: Encodes the headers of the requests.
            on_ready: Called when the settings of the peer have come, and with each change of them.
            on_pong: Called with the bytes of a PING that the peer has answered.
            on_goaway: Called with the error code when the peer takes no more streams.
        """
        self._encoder = encoder
        self._blocks = HeaderBlocks()
        self._reader = FrameReader()
        self._on_ready = on_ready
        self._on_pong = on_pong
        self._on_goaway = on_goaway
        self.is_ready = False
        """True when the settings of the peer have come."""
        self.is_going = False
        """True if the peer takes no more streams."""
        self.max_streams: int | None = None
        """How many streams the peer allows at once, None for any number."""
        self._is_over = False
        self._exchanges: dict[int, Exchange] = {}
        self._open_count = 0
        """Streams that count for the peer's limit."""
        self._last_id = -1
        self._last_promised = 0
        self._bodies = Bodies()
        self._out: list[bytes | memoryview] = [frames.PREFACE + frames.head(frames.SETTINGS, 0, 0, 0)]
        self._stream_window = _WINDOW
        self._receive_window = _WINDOW
        self._to_acknowledge = 0

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges that have not ended."""
        return list(self._exchanges.values())

    @property
    def has_room(self) -> bool:
        """True if a request can be sent now."""
        return (
            self.is_ready
            and not self.is_going
            and not self._is_over
            and (self.max_streams is None or self._open_count < self.max_streams)
            and self._last_id < _LAST_STREAM - 2
        )

    @property
    def is_worn_out(self) -> bool:
        """True if no stream can be opened any more, since their numbers are used up."""
        return self._last_id >= _LAST_STREAM - 2

    def get(self, path: str, *, most_bytes: int, on_answer: OnAnswer) -> Exchange:
        """Send a GET request."""
        block = self._encoder.encode("GET", path)
        exchange = self._open(_NO_BODY, most_bytes, on_answer)
        exchange.is_get = True
        self._out.append(
            frames.header_frames(
                exchange.stream_id, block, flags=frames.END_STREAM, frame_bytes=self._bodies.frame_bytes
            )
        )
        return exchange

    def post(
        self, path: str, body: bytes, *, metadata: bytes | None = None, most_bytes: int, on_answer: OnAnswer
    ) -> Exchange:
        """Send a POST request; with metadata, it also says how long its body is."""
        length = None if metadata is None else len(body)
        block = self._encoder.encode("POST", path, content_length=length, metadata=metadata)
        exchange = self._open(memoryview(body), most_bytes, on_answer)
        stream_id = exchange.stream_id
        self._out.append(frames.header_frames(stream_id, block, flags=0, frame_bytes=self._bodies.frame_bytes))
        self._bodies.add(exchange, self._out)
        return exchange

    def reset(self, exchange: Exchange, code: int, *, reads_on: bool = False) -> None:
        """End a stream before its answer has come.

        Args:
            exchange: Its exchange.
            code: The error code for the peer.
            reads_on: Whether an answer that is on the way is still taken; otherwise ``on_answer`` is never called.
        """
        if exchange.stream_id not in self._exchanges or exchange.is_reset:
            return
        self._out.append(frames.reset(exchange.stream_id, code))
        self._bodies.remove(exchange)
        exchange.is_reset = True
        self._open_count -= 1
        if not reads_on:
            del self._exchanges[exchange.stream_id]

    def forget(self, exchange: Exchange) -> None:
        """Read no more of a stream that was reset."""
        self._exchanges.pop(exchange.stream_id, None)

    def ping(self, payload: bytes) -> None:
        """Send a PING with 8 bytes."""
        self._out.append(frames.ping(payload))

    def close(self, code: int = frames.NO_ERROR) -> None:
        """Say that the connection ends; what comes afterwards is ignored."""
        self._is_over = True
        self._out.append(frames.goaway(code))

    def fail(self, cause: str) -> None:
        """End all exchanges, since the connection is lost."""
        self._is_over = True
        exchanges, self._exchanges = self._exchanges, {}
        self._bodies = Bodies()
        for exchange in exchanges.values():
            exchange.on_answer(Answer(0, cause=cause, is_lost=True))

    def to_send(self, waiting_bytes: int) -> list[bytes | memoryview]:
        """Return what is to be sent; the caller keeps what the socket does not take.

        Args:
            waiting_bytes: What the caller has kept; while that is much, bodies wait.
        """
        if waiting_bytes < _FULL_BYTES:
            for exchange in self._bodies.send(self._out, _FULL_BYTES - waiting_bytes):
                if exchange.is_answered:
                    self._end(exchange, exchange.answer())
        out, self._out = self._out, []
        return out

    def receive(self, received: bytes) -> None:
        """Take bytes from the peer.

        Raises:
            Breach: The peer has broken the protocol; the connection must be given up.
        """
        for frame in self._reader.feed(received):
            if self._is_over:
                return
            self._take(frame)

    def _open(self, body: memoryview, most_bytes: int, on_answer: OnAnswer) -> Exchange:
        self._last_id += 2
        exchange = Exchange(self._last_id, body, self._stream_window, most_bytes, on_answer)
        self._exchanges[self._last_id] = exchange
        self._open_count += 1
        return exchange

    def _take(self, frame: Frame) -> None:
        self._blocks.check(frame)
        take = _TAKE.get(frame.kind)
        if take is not None:
            take(self, frame)

    def _take_data(self, frame: Frame) -> None:
        size = len(frame.payload)
        self._receive_window -= size
        if self._receive_window < 0:
            raise Breach(frames.FLOW_CONTROL_ERROR, "more bytes than the window of the connection")
        self._to_acknowledge += size
        if self._to_acknowledge >= _HALF_WINDOW:
            self._receive_window += self._to_acknowledge
            self._out.append(frames.window_update(0, self._to_acknowledge))
            self._to_acknowledge = 0
        data = frames.unpadded(frame)
        exchange = self._exchange(frame)
        if exchange is None or exchange.is_answered:
            return
        if problem := exchange.take_data(data):
            self._refuse(exchange, problem)
        elif frame.flags & frames.END_STREAM:
            self._answered(exchange)
        else:
            self._acknowledge(exchange, size)

    def _acknowledge(self, exchange: Exchange, size: int) -> None:
        exchange.to_acknowledge += size
        if exchange.to_acknowledge >= _HALF_WINDOW and not exchange.is_reset:
            self._out.append(frames.window_update(exchange.stream_id, exchange.to_acknowledge))
            exchange.to_acknowledge = 0

    def _take_block(self, frame: Frame) -> None:
        if (block := self._blocks.add(frame)) is None:
            return
        if block.start.kind == frames.PUSH_PROMISE:
            self._refuse_push(block.promised)
            return
        exchange = self._exchange(block.start)
        if exchange is None or exchange.is_answered:
            return
        is_end = bool(block.start.flags & frames.END_STREAM)
        if problem := exchange.take_headers(block.headers, is_end=is_end):
            self._refuse(exchange, problem)
        elif is_end:
            self._answered(exchange)

    def _refuse_push(self, promised: int) -> None:
        if promised % 2 or promised <= self._last_promised:
            raise Breach(frames.PROTOCOL_ERROR, "a promised stream with a wrong number")
        self._last_promised = promised
        self._out.append(frames.reset(promised, frames.REFUSED_STREAM))

    def _take_reset(self, frame: Frame) -> None:
        code = frames.error_code_in(frame)
        exchange = self._exchange(frame)
        if exchange is None:
            return
        if exchange.is_answered:  # it has answered before it has read the whole request, and does not want the rest
            self._end(exchange, exchange.answer())
            return
        cause = f"the proxy has reset the stream: {frames.error_name(code)}"
        self._end(exchange, Answer(0, cause=cause, is_calm=code == frames.NO_ERROR))

    def _take_settings(self, frame: Frame) -> None:
        if frame.stream_id:
            raise Breach(frames.PROTOCOL_ERROR, "SETTINGS on a stream")
        values = frames.settings_in(frame)
        if frame.flags & frames.ACK:
            if values:
                raise Breach(frames.FRAME_SIZE_ERROR, "an acknowledgement of settings with a payload")
            return
        for name, value in values:
            self._take_setting(name, value)
        self.is_ready = True
        self._out.append(frames.settings_ack())
        self._on_ready()

    def _take_setting(self, name: int, value: int) -> None:
        if name == frames.HEADER_TABLE_SIZE:
            self._encoder.resize(value)
        elif name == frames.MAX_CONCURRENT_STREAMS:
            self.max_streams = value
        elif name == frames.INITIAL_WINDOW_SIZE:
            if value > _LARGEST_WINDOW:
                raise Breach(frames.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
            change, self._stream_window = value - self._stream_window, value
            for exchange in self._exchanges.values():
                exchange.window += change
        elif name == frames.MAX_FRAME_SIZE:
            if not frames.FRAME_BYTES <= value < 1 << 24:
                raise Breach(frames.PROTOCOL_ERROR, f"frames of {value} bytes")
            self._bodies.frame_bytes = value

    def _take_ping(self, frame: Frame) -> None:
        frames.check_ping(frame)
        if frame.flags & frames.ACK:
            self._on_pong(frame.payload)
        else:
            self._out.append(frames.ping(frame.payload, is_ack=True))

    def _take_goaway(self, frame: Frame) -> None:
        last, code = frames.goaway_in(frame)
        self.is_going = True
        refused = [exchange for exchange in self._exchanges.values() if exchange.stream_id > last]
        self._on_goaway(code)
        for exchange in refused:
            self._end(exchange, Answer(0, cause="the proxy ends the connection", is_lost=True))

    def _take_window_update(self, frame: Frame) -> None:
        increment = frames.number_in(frame)
        if not frame.stream_id:
            self._bodies.window += increment
            if not increment or self._bodies.window > _LARGEST_WINDOW:
                raise Breach(frames.FLOW_CONTROL_ERROR, "a wrong window update")
            return
        exchange = self._exchange(frame)
        if exchange is None:
            return
        exchange.window += increment
        if not increment or exchange.window > _LARGEST_WINDOW:
            self._refuse(exchange, "a wrong window update")

    def _exchange(self, frame: Frame) -> Exchange | None:
        """Return the exchange of a stream, None if it has ended."""
        stream_id = frame.stream_id
        exchange = self._exchanges.get(stream_id)
        if exchange is None and (stream_id > self._last_id if stream_id % 2 else stream_id > self._last_promised):
            raise Breach(frames.PROTOCOL_ERROR, f"a frame on stream {stream_id}, which nobody has opened")
        if not stream_id:
            raise Breach(frames.PROTOCOL_ERROR, f"a frame of type {frame.kind} on no stream")
        return exchange

    def _answered(self, exchange: Exchange) -> None:
        if problem := exchange.end():
            self._refuse(exchange, problem)
        elif exchange.is_sent or exchange.is_reset:
            self._end(exchange, exchange.answer())
        elif not 200 <= exchange.status < 300:  # a success is believed when the whole request was sent
            self._out.append(frames.reset(exchange.stream_id, frames.CANCEL))
            self._end(exchange, exchange.answer())

    def _refuse(self, exchange: Exchange, problem: str) -> None:
        """End an exchange whose answer is malformed."""
        if not exchange.is_reset:
            self._out.append(frames.reset(exchange.stream_id, frames.PROTOCOL_ERROR))
        self._end(exchange, Answer(0, cause=f"a malformed answer: {problem}"))

    def _end(self, exchange: Exchange, answer: Answer) -> None:
        if self._exchanges.pop(exchange.stream_id, None) is None:
            return
        self._bodies.remove(exchange)
        if not exchange.is_reset:
            self._open_count -= 1
        exchange.on_answer(answer)


_TAKE: Final[dict[int, Callable[[Http2Connection, Frame], None]]] = {
    frames.DATA: Http2Connection._take_data,
    frames.HEADERS: Http2Connection._take_block,
    frames.RST_STREAM: Http2Connection._take_reset,
    frames.SETTINGS: Http2Connection._take_settings,
    frames.PUSH_PROMISE: Http2Connection._take_block,
    frames.PING: Http2Connection._take_ping,
    frames.GOAWAY: Http2Connection._take_goaway,
    frames.WINDOW_UPDATE: Http2Connection._take_window_update,
    frames.CONTINUATION: Http2Connection._take_block,
}
