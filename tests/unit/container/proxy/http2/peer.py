"""The server's side of a connection, frame by frame, for tests."""

import hpack

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.connection import Http2Connection
from shipmate.container.proxy.http2.exchange import Answer, Exchange
from shipmate.container.proxy.http2.frames import Frame, FrameReader
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder

OK = [(":status", "200")]


class Peer:
    """A connection of the client, and what its server receives."""

    def __init__(self, *settings: tuple[int, int]) -> None:
        self.events: list[str] = []
        self.answers: list[Answer] = []
        self.http = Http2Connection(
            HeaderEncoder(scheme="http", authority="proxy:5001", authorization="Bearer t"),
            on_ready=lambda: self.events.append("ready"),
            on_pong=lambda payload: self.events.append(f"pong {payload.decode()}"),
            on_goaway=lambda code: self.events.append(f"goaway {code}"),
        )
        self._reader = FrameReader()
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self.preface = self.sent()
        self.send_settings(*settings)
        self.received()

    # What the client does

    def get(self, path: str = "/message", most_bytes: int = 1_000_000) -> Exchange:
        return self.http.get(path, most_bytes=most_bytes, on_answer=self.answers.append)

    def post(self, body: bytes = b"", path: str = "/message") -> Exchange:
        return self.http.post(path, body, metadata=b"{}", most_bytes=1000, on_answer=self.answers.append)

    # What the server sees

    def sent(self) -> bytes:
        """Return the bytes that the client has sent since the last call."""
        return b"".join(bytes(piece) for piece in self.http.to_send(0))

    def received(self) -> list[Frame]:
        """Return the frames that the client has sent since the last call."""
        return self._reader.feed(self.sent())

    def bodies(self) -> dict[int, bytes]:
        """Return the bytes of bodies that have come since the last call, by stream."""
        bodies: dict[int, bytes] = {}
        for frame in self.received():
            if frame.kind == frames.DATA:
                bodies[frame.stream_id] = bodies.get(frame.stream_id, b"") + frame.payload
        return bodies

    def headers_in(self, frame: Frame) -> dict[str, str]:
        return dict(self._decoder.decode(frame.payload))

    # What the server sends

    def send(self, kind: int, flags: int = 0, stream_id: int = 0, payload: bytes = b"") -> None:
        self.http.receive(frames.head(kind, flags, stream_id, len(payload)) + payload)

    def send_settings(self, *settings: tuple[int, int]) -> None:
        payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in settings)
        self.send(frames.SETTINGS, payload=payload)

    def send_headers(self, stream_id: int, headers: list[tuple[str, str]] = OK, *, is_end: bool = False) -> None:
        flags = frames.END_HEADERS | (frames.END_STREAM if is_end else 0)
        self.send(frames.HEADERS, flags, stream_id, self._encoder.encode(headers))

    def send_data(self, stream_id: int, data: bytes, *, is_end: bool = False) -> None:
        self.send(frames.DATA, frames.END_STREAM if is_end else 0, stream_id, data)

    def send_reset(self, stream_id: int, code: int) -> None:
        self.send(frames.RST_STREAM, 0, stream_id, code.to_bytes(4, "big"))

    def send_goaway(self, last: int, code: int = 0) -> None:
        self.send(frames.GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))

    def send_window(self, stream_id: int, increment: int) -> None:
        self.send(frames.WINDOW_UPDATE, 0, stream_id, increment.to_bytes(4, "big"))

    def block(self, headers: list[tuple[str, str]]) -> bytes:
        return self._encoder.encode(headers)
