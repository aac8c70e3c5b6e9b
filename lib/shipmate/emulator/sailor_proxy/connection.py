"""One HTTP/2 connection of the sailor proxy: streams and flow control."""

import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Literal

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from shipmate.emulator.sailor_proxy.request import ProxyRequest
from shipmate.emulator.sailor_proxy.stream import Desk, Stream

_FRAME_HEADER_BYTES: Final = 9
_PING, _ACK = 6, 1
_READ_BYTES: Final = 65_536


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
