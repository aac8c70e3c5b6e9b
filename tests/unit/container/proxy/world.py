"""A container's part of the proxy's protocol with a clock of its own, and the proxy's side of each connection."""

import json
import socket
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hpack
import pytest

from shipmate.container.proxy import connections
from shipmate.container.proxy.connections import Connections
from shipmate.container.proxy.delivery import ProxyDelivery
from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.frames import Frame, FrameReader
from shipmate.container.proxy.inbox import Inbox
from shipmate.container.proxy.loop import Loop
from shipmate.container.proxy.post import Post
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.sender import Sender
from shipmate.container.proxy.wire import Wire
from shipmate.errors import EmitUnconfirmed, ShipmateError
from shipmate.settings import FlowSettings, ProxySettings, Secret

FLOW = FlowSettings("flow", "exec", "step", "container", "workspace", "user", "component", "function")


class Request:
    """A request as the proxy reads it."""

    def __init__(self, server: "Server", stream_id: int, headers: dict[str, str]) -> None:
        self.server = server
        self.stream_id = stream_id
        self.headers = headers
        self.body = b""
        self.is_reset = False

    @property
    def text(self) -> str:
        """What is asked for, in short: ``poll``, ``data in-1``, ``success in-1``, ``claim``."""
        parts = urlsplit(self.headers[":path"])
        query = {name: each[0] for name, each in parse_qs(parts.query).items()}
        if self.headers[":method"] == "GET":
            return "poll"
        if parts.path == "/resume-processing":
            return "claim " + " ".join(each["messageId"] for each in json.loads(self.body))
        return f"{query.get('type') or query['status']} {query.get('incomingMessageId', '-')}"

    def answer(self, status: int, body: bytes = b"", **metadata: Any) -> None:
        """Answer; with metadata it is a message."""
        headers = [(":status", str(status))]
        if metadata:
            headers.append(("message-metadata", json.dumps(metadata)))
        self.server.send_headers(self.stream_id, headers, is_end=False)
        while len(body) > frames.FRAME_BYTES:
            self.server.send(frames.DATA, 0, self.stream_id, body[: frames.FRAME_BYTES])
            body = body[frames.FRAME_BYTES :]
        self.server.send(frames.DATA, frames.END_STREAM, self.stream_id, body)

    def message(self, message_id: str, body: bytes = b"body") -> None:
        """Answer a poll with a message."""
        self.answer(200, body, messageId=message_id)

    def reset(self, code: int) -> None:
        self.server.send(frames.RST_STREAM, 0, self.stream_id, code.to_bytes(4, "big"))


class Server:
    """The proxy's side of one connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.settimeout(0)
        self._reader = FrameReader()
        self._decoder, self._encoder = hpack.Decoder(), hpack.Encoder()
        self._preface = len(frames.PREFACE)
        self.requests: dict[int, Request] = {}
        self.answers_pings = True
        self.goodbye: int | None = None
        self.is_closed = False

    def read(self) -> list[Request]:
        """Read what has come; return the new requests that are whole."""
        whole = []
        while True:
            try:
                received = self._socket.recv(1_000_000)
            except BlockingIOError:
                return whole
            except OSError:
                received = b""
            if not received:
                self.is_closed = True
                return whole
            skipped, self._preface = self._preface, max(0, self._preface - len(received))
            for frame in self._reader.feed(received[skipped:]):
                if (request := self._take(frame)) is not None:
                    whole.append(request)

    def _take(self, frame: Frame) -> Request | None:
        if frame.kind == frames.HEADERS:
            headers = dict(self._decoder.decode(frame.payload))
            self.requests[frame.stream_id] = Request(self, frame.stream_id, headers)
        elif frame.kind == frames.DATA:
            self.requests[frame.stream_id].body += frame.payload
        elif frame.kind == frames.RST_STREAM:
            self.requests[frame.stream_id].is_reset = True
        elif frame.kind == frames.PING and not frame.flags and self.answers_pings:
            self.send(frames.PING, frames.ACK, 0, frame.payload)
        elif frame.kind == frames.GOAWAY:
            self.goodbye = int.from_bytes(frame.payload[4:8], "big")
        if frame.kind in (frames.HEADERS, frames.DATA) and frame.flags & frames.END_STREAM:
            return self.requests[frame.stream_id]
        return None

    def send(self, kind: int, flags: int = 0, stream_id: int = 0, payload: bytes = b"") -> None:
        self._socket.settimeout(1)
        self._socket.sendall(frames.head(kind, flags, stream_id, len(payload)) + payload)
        self._socket.settimeout(0)

    def send_settings(self, *settings: tuple[int, int]) -> None:
        self.send(
            frames.SETTINGS,
            payload=b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in settings),
        )

    def send_headers(self, stream_id: int, headers: list[tuple[str, str]], *, is_end: bool) -> None:
        flags = frames.END_HEADERS | (frames.END_STREAM if is_end else 0)
        self.send(frames.HEADERS, flags, stream_id, self._encoder.encode(headers))

    def send_goaway(self, last: int, code: int = 0) -> None:
        self.send(frames.GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))

    def cut(self) -> None:
        self._socket.close()
        self.is_closed = True


class World:
    """Runs turn by turn, as the transport does, without threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.now = 1000.0
        self._asked: list[Callable[[Wire | OSError], None]] = []
        monkeypatch.setattr(connections, "open_wire", lambda address, on_done: self._asked.append(on_done))
        self.loop = Loop(lambda: self.now)
        usual = {"reconnect_jitter": 0.0, **settings}
        delays = Delays(ProxySettings("http://proxy:5001", Secret("s"), **usual), uniform=lambda: 0.0)
        self.given_up: list[ShipmateError] = []
        self.processed: list[ProxyDelivery] = []
        self.settled: list[tuple[str | None, bool]] = []
        self.results: list[EmitUnconfirmed | None] = []
        self._todo: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.connections = Connections(
            self.loop,
            delays,
            "Bearer t",
            submit=lambda action, *args: self._todo.append((action, args)),
            on_first=lambda: None,
            on_given_up=self.given_up.append,
        )
        self.sender = Sender(self.connections, self.loop, delays)
        self.inbox = Inbox(
            self.connections,
            self.sender,
            self.loop,
            delays,
            flow=FLOW,
            process=self.processed.append,
            on_settled=lambda delivery, is_success: self.settled.append((delivery.incoming_id, is_success)),
        )
        self.connections.begin(self.inbox)
        self.inbox.begin(lambda: None)
        self.servers: list[Server] = []
        self._wires: list[Wire] = []

    @property
    def is_connecting(self) -> bool:
        """Whether there is an attempt to connect."""
        return bool(self._asked)

    def turn(self) -> list[str]:
        """Do all that can be done now; return what the proxy was asked, on all connections."""
        asked = []
        for _ in range(6):  # an answer may lead to the next request
            self._do()
            self.loop.turn(may_wait=False)
            self._do()
            asked += [each.text for server in self.servers if not server.is_closed for each in server.read()]
        return asked

    def _do(self) -> None:
        while self._todo:
            action, args = self._todo.popleft()
            action(*args)
        self.sender.flush()
        self.inbox.fill()
        self.connections.flush()

    def wait(self, seconds: float) -> list[str]:
        """Let time pass; return what the proxy was asked then."""
        self.now += seconds
        return self.turn()

    def accept(self, *settings: tuple[int, int]) -> Server:
        """Accept the attempt to connect."""
        mine, peer = socket.socketpair()
        self._wires.append(Wire(mine))
        self._asked.pop(0)(self._wires[-1])
        server = Server(peer)
        self.servers.append(server)
        server.send_settings(*settings)
        return server

    def refuse(self) -> None:
        """Refuse the attempt to connect."""
        self._asked.pop(0)(ConnectionRefusedError("no"))

    def emit(self, message_id: str, event: str = "data", body: bytes = b"x") -> None:
        """Send an event of a message in work."""
        path = f"/message?incomingMessageId={message_id}&type={event}"
        self.sender.submit(Post(path, self.results.append, metadata=b"{}", body=body))

    def finish(self, index: int = 0, *, is_success: bool = True) -> None:
        """Finish a message that was processed."""
        self.inbox.finish(self.processed[index], is_success)

    def close(self) -> None:
        """Close what a process that ends need not close."""
        for server in self.servers:
            server.cut()
        for wire in self._wires:
            wire.close()
        self.loop.close()


def last(server: Server, text: str) -> Request:
    """Return the newest request of a kind."""
    return [each for each in server.requests.values() if each.text == text][-1]


def open_polls(server: Server) -> list[Request]:
    """Return the polls of a connection that were neither answered by the test nor reset."""
    return [each for each in server.requests.values() if each.text == "poll" and not each.is_reset]
