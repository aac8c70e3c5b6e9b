"""One HTTP/2 connection of the sailor proxy: streams, flow control, and failures on demand."""

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Protocol

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from shipmate.emulator.sailor_proxy.fault import Moment, ProxyFault
from shipmate.emulator.sailor_proxy.request import ProxyRequest

_FRAME_HEADER_BYTES: Final = 9
_PING, _ACK = 6, 1
_READ_BYTES: Final = 65_536


@dataclass(slots=True)
class WireRules:
    """The proxy's choices about the wire; they count for connections that are opened later.

    Args:
        window_bytes: The window that a client gets for each stream.
        max_streams: The number of streams that a client may have open at once.
        frame_bytes: The largest frame that the proxy accepts.
        answers_pings: Whether PING is answered.
    """

    window_bytes: int = 65_535
    max_streams: int = 100
    frame_bytes: int = 16_384
    answers_pings: bool = True

    def settings(self) -> dict[SettingCodes | int, int]:
        """Return the SETTINGS."""
        return {
            SettingCodes.INITIAL_WINDOW_SIZE: self.window_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: self.max_streams,
            SettingCodes.MAX_FRAME_SIZE: self.frame_bytes,
        }


class Desk(Protocol):
    """Decides what requests mean; the connection carries the answers."""

    rules: WireRules

    def opened(self, stream: "Stream") -> None:
        """Note a request whose headers have come."""

    def carry_out(self, stream: "Stream") -> None:
        """Carry out a complete request, and answer it now or later."""

    def answered(self, stream: "Stream") -> None:
        """Note the status of an answer, before it is sent."""

    def ended(self, stream: "Stream") -> None:
        """Note a stream that ended before its answer was sent as a whole."""

    def closed(self, connection: "Connection") -> None:
        """Note a connection that is closed."""

    def broken(self, problem: str) -> None:
        """Note a breach of the contract by a client."""

    def fault(self, request: ProxyRequest, moment: Moment) -> ProxyFault | None:
        """Return the failure that a test wants for a request at this moment."""

    def is_scripted(self, request: ProxyRequest, *moments: Moment) -> bool:
        """Tell whether a test wants a failure for a request at one of these moments."""

    def hold(self, resume: Callable[[], None]) -> None:
        """Keep a call until the test releases it."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Make a call after some time."""


@dataclass(slots=True, eq=False)
class Stream:
    """A request and its answer."""

    connection: "Connection" = field(repr=False)
    request: ProxyRequest
    received: bytearray = field(default_factory=bytearray, repr=False)
    is_complete: bool = False
    """Whether the request has come as a whole."""
    is_held: bool = True
    """Whether a failure, or the arrival of the headers, still waits to be dealt with."""
    is_over: bool = False
    """Whether nothing can be answered any more."""
    shape: ProxyFault | None = None
    """Changes the answer."""
    unsent: bytearray = field(default_factory=bytearray, repr=False)
    is_last: bool = False
    """Whether nothing follows on what is unsent."""

    @property
    def stream_id(self) -> int:
        """The number of the stream."""
        return self.request.stream_id

    @property
    def client(self) -> str:
        """The client's id by its token."""
        return self.request.client or ""

    def at(self, moment: Moment, then: Callable[[], None]) -> None:
        """Go on with ``then``, or with the failure that a test wants at this moment."""
        if self.is_over:
            return
        fault = self.connection.desk.fault(self.request, moment)
        if fault is None:
            then()
            return
        self.connection.pump(self)
        if fault.hold:
            self.connection.desk.hold(lambda: self._fail(fault, then))
        else:
            self._fail(fault, then)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str | bytes] | None = None) -> None:
        """Send the answer, in the shape that a test wants."""
        if self.is_over:
            return
        shape = self.shape or ProxyFault()
        self.request.status = status
        self.connection.desk.answered(self)
        body = body if shape.body is None else shape.body
        is_cut_short = self.connection.desk.is_scripted(self.request, "answer", "middle")
        is_all = not body and not shape.trailing and not is_cut_short
        self.connection.send_headers(self, status, {**(headers or {}), **shape.headers}, ends=is_all)
        self.at("answer", lambda: self._send(body, shape))

    def _send(self, body: bytes, shape: ProxyFault) -> None:
        half = len(body) // 2
        self._send_pieces(body[:half], shape, then=lambda: self._send_end(body[half:], shape))

    def _send_end(self, rest: bytes, shape: ProxyFault) -> None:
        self.at("middle", lambda: self._send_pieces(rest, shape, then=self._close))

    def _send_pieces(self, data: bytes, shape: ProxyFault, *, then: Callable[[], None]) -> None:
        if self.is_over:
            return
        size = shape.piece_bytes
        if size is None or not data:
            self.unsent += data
            then()
            self.connection.pump(self)
            return
        self.unsent += data[:size]
        self.connection.pump(self)
        rest = data[size:]
        self.connection.desk.later(shape.pause_seconds, lambda: self._send_pieces(rest, shape, then=then))

    def _close(self) -> None:
        self.is_last = True
        self.connection.pump(self)

    def go_on(self) -> None:
        """Deal with the request if it has come as a whole and nothing holds it."""
        self.is_held = False
        if self.is_complete and not self.is_over:
            self.connection.desk.carry_out(self)

    def _fail(self, fault: ProxyFault, then: Callable[[], None]) -> None:
        if self.is_over:
            return
        if fault.goaway is not None:
            self.connection.go_away(fault.goaway, fault.last_stream_id)
        if self.stream_id not in self.connection.streams:
            return  # a stream after the last one of the GOAWAY
        if fault.cut:
            self.connection.cut()
        elif fault.reset is not None:
            self.connection.reset(self, fault.reset)
        else:
            if fault.moment not in ("answer", "middle"):
                self.shape = fault
            if fault.status is None:
                then()
            else:
                self.answer(fault.status)


class Connection:
    """One connection; all calls need the lock of the proxy."""

    def __init__(self, sock: socket.socket, number: int, desk: Desk, on_change: Callable[["Connection"], Any]) -> None:
        """Send the SETTINGS."""
        self.sock, self.number, self.desk = sock, number, desk
        self.rules = desk.rules
        self.streams: dict[int, Stream] = {}
        self.is_open = True
        self.has_left = False
        """Whether the client has said GOAWAY."""
        self.requests = 0
        self.claim: Literal["none", "asked", "accepted"] = "none"
        self.has_worked = False
        """Whether the client has sent anything but claims."""
        self.pongs = 0
        self.last_stream_id: int | None = None
        """The last stream that is served after a GOAWAY of the proxy."""
        self.unwritten = bytearray()
        self._on_change = on_change
        self._is_closing = False
        self._newest = 0
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.initiate_connection()
        self._h2.update_settings(self.rules.settings())  # they count when the client has confirmed them
        self._flush()

    def read(self) -> None:
        """Read from the socket and deal with what came."""
        try:
            data = self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self.desk.broken(f"breach of HTTP/2: {type(error).__name__}: {error}")
            self.cut()
            return
        for event in events:
            if self.is_open:
                self._on_event(event)
        self._flush()

    def write(self) -> None:
        """Write to the socket what fits into it."""
        try:
            while self.unwritten:
                del self.unwritten[: self.sock.send(self.unwritten)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if not self.unwritten and self._is_closing:
            self.close()
        self._on_change(self)

    def send_headers(self, stream: Stream, status: int, headers: Mapping[str, str | bytes], *, ends: bool) -> None:
        """Send the headers of an answer."""
        encoded = [
            (name.encode(), each if isinstance(each, bytes) else each.encode()) for name, each in headers.items()
        ]
        fields = [(b":status", str(status).encode()), *encoded]
        self._say(stream, lambda: self._h2.send_headers(stream.stream_id, fields, end_stream=ends), ends=ends)
        self._flush()

    def pump(self, stream: Stream) -> None:
        """Send as much of a body as the client's windows allow."""
        has_trailer = stream.shape is not None and stream.shape.trailing
        while stream.unsent and not stream.is_over and (size := self._room(stream)) > 0:
            piece = bytes(stream.unsent[:size])
            del stream.unsent[:size]
            is_end = stream.is_last and not stream.unsent and not has_trailer
            self._say(stream, partial(self._h2.send_data, stream.stream_id, piece, is_end), ends=is_end)
        if stream.is_last and not stream.unsent and not stream.is_over:
            self._say(stream, lambda: self._h2.end_stream(stream.stream_id), ends=True)
        self._flush()

    def reset(self, stream: Stream, code: int) -> None:
        """Reset a stream."""
        self._say(stream, lambda: self._h2.reset_stream(stream.stream_id, code))
        self._lose(stream)
        self._flush()

    def go_away(self, code: int, last_stream_id: int | None) -> None:
        """Say GOAWAY, and go on with the streams up to the last one."""
        self.last_stream_id = self._newest if last_stream_id is None else last_stream_id
        # Not by h2, which sends nothing more on any stream then.
        self._flush()
        self.unwritten += GoAwayFrame(0, last_stream_id=self.last_stream_id, error_code=code).serialize()
        for stream in [each for each in self.streams.values() if each.stream_id > self.last_stream_id]:
            self._lose(stream)
        self.write()

    def ping(self) -> None:
        """Send a PING."""
        self._h2.ping(b"emulator")
        self._flush()

    def change_settings(self, settings: Mapping[SettingCodes | int, int]) -> None:
        """Send SETTINGS."""
        self._h2.update_settings(dict(settings))
        self._flush()

    def cut(self) -> None:
        """Close the connection after what is already said."""
        self._flush()
        self._is_closing = True
        self.write()
        self.close()

    def close(self) -> None:
        """Close the connection at once; may be called again."""
        if not self.is_open:
            return
        self.is_open = False
        self._on_change(self)
        self.sock.close()
        for stream in list(self.streams.values()):
            stream.is_over = True
        self.streams.clear()
        self.desk.closed(self)

    def _on_event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._begin(event.stream_id, event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream := self.streams.get(event.stream_id):
                self._take(stream, event.data)
        elif isinstance(event, h2.events.StreamEnded):
            if stream := self.streams.get(event.stream_id):
                stream.is_complete = True
                stream.request.body = bytes(stream.received)
                if not stream.is_held:
                    stream.go_on()
        elif isinstance(event, h2.events.StreamReset):
            if stream := self.streams.get(event.stream_id):
                self._lose(stream)
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            for stream in list(self.streams.values()):
                self.pump(stream)
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.has_left = True

    def _begin(self, stream_id: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._newest = stream_id
        if self.last_stream_id is not None and stream_id > self.last_stream_id:
            return  # it came after GOAWAY
        fields = {name.decode(): _text(value) for name, value in headers}
        self.requests += 1
        request = ProxyRequest(
            self.requests, self.number, stream_id, fields.get(":method", ""), fields.get(":path", ""), fields
        )
        stream = self.streams[stream_id] = Stream(self, request)
        self.desk.opened(stream)
        stream.at("headers", stream.go_on)

    def _take(self, stream: Stream, data: bytes) -> None:
        is_first = bool(data) and not stream.received
        stream.received += data
        if is_first and not stream.is_held:
            stream.is_held = True
            stream.at("body", stream.go_on)

    def _room(self, stream: Stream) -> int:
        """Return the number of bytes that the client's windows and frames allow now."""
        try:
            return min(self._h2.local_flow_control_window(stream.stream_id), self._h2.max_outbound_frame_size)
        except ProtocolError:
            self._lose(stream)
            return 0

    def _say(self, stream: Stream, frame: Callable[[], None], *, ends: bool = False) -> None:
        """Send a frame, unless the client has reset the stream, or has left, and the event of it is still to come."""
        try:
            frame()
        except ProtocolError:
            self._lose(stream)
        else:
            if ends:
                self._end(stream)

    def _end(self, stream: Stream) -> None:
        stream.is_over = True
        self.streams.pop(stream.stream_id, None)

    def _lose(self, stream: Stream) -> None:
        if not stream.is_over:
            self._end(stream)
            self.desk.ended(stream)

    def _flush(self) -> None:
        """Take what h2 wants to say, and write it."""
        data = self._h2.data_to_send()
        self.unwritten += data if self.rules.answers_pings else _without_pongs(data)
        if self.is_open:
            self.write()


def _without_pongs(data: bytes) -> bytes:
    """Return frames without the answers to PING."""
    kept, position = bytearray(), 0
    while position < len(data):
        end = position + _FRAME_HEADER_BYTES + int.from_bytes(data[position : position + 3])
        if not (data[position + 3] == _PING and data[position + 4] & _ACK):
            kept += data[position:end]
        position = end
    return bytes(kept)


def _text(value: bytes) -> str:
    """Return a header as Node reads it: UTF-8 if it is valid, else Latin-1. Source: proxy §6.1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
