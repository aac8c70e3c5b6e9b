"""A sailor proxy that is cheaper than the runtimes that are measured.

One thread in its own process. The emulator's proxy, which checks and keeps all requests, costs several times as much.
Requests are parsed as bytes, and only as far as the answer depends on them: header blocks are read as the runtime of
this repository writes them, without Huffman codes. The process writes two ports to standard output, that for containers
and that for the benchmark, and ends when its standard input is closed.

The benchmark sends lines of JSON: ``["publish", count, base64]``, ``["depth", kind]``, ``["withdraw"]``, ``["take"]``,
``["purge"]``, ``["watch", true]``. Each is answered by a line of JSON. While it watches, each output is a line
``["arrived", base64]``, and is not counted.

Source: proxy §4 to §10.
"""

import base64
import json
import selectors
import socket
import sys
from collections import deque
from typing import Any, Final

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.frames import Frame, FrameReader

_RECEIVED_BYTES: Final = 65_536
_WINDOW: Final = 1_048_576
_CONNECTION_WINDOW: Final = 65_535
_CONNECTION_STREAM: Final = 0
_OK: Final = b"\x88"
"""``:status 200`` in the static table. Source: RFC 7541 appendix A."""
_PATH: Final = b"\x04"
_METADATA: Final = b"\x00\x10message-metadata\x7f"
"""The name as a literal, and the first byte of a length of 127 or more."""
_LONGEST_SHORT: Final = 127


def path_of(block: bytes) -> bytes:
    """Return the path in the header block of a request.

    >>> path_of(bytes([0x83, 0x04, 2]) + b"/m...")
    b'/m'

    Raises:
        ValueError: The block is not written as the runtime of this repository writes it.
    """
    if block[1:2] != _PATH:
        raise ValueError("expected a path without Huffman codes after the method")
    length, start = block[2], 3
    if length >= _LONGEST_SHORT:
        shift = 0
        while True:
            byte = block[start]
            start += 1
            length += (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
    return block[start : start + length]


def message_block(message_id: str) -> bytes:
    """Return the header block of an answer with a message; its metadata have 127 to 254 bytes."""
    metadata = json.dumps(
        {
            "messageId": message_id,
            "threadId": "00000000-0000-4000-8000-000000000000",
            "parentMessageId": "before",
            "stepId": "previous",
            "protocolVersion": 1,
        }
    ).encode()
    return _OK + _METADATA + bytes([len(metadata) - _LONGEST_SHORT]) + metadata


class Books:
    """The messages of the step: those that wait, those in work, and the outputs."""

    def __init__(self) -> None:
        """Start without messages."""
        self.waiting: deque[bytes] = deque()
        self.in_work: set[bytes] = set()
        self.errors: list[bytes] = []
        self.outputs = 0
        self.last = b""
        self._published = 0

    def next(self) -> tuple[str, bytes] | None:
        """Hand out a message as its id and its body, None if there is none."""
        if not self.waiting:
            return None
        self._published += 1
        message_id = f"in-{self._published}"
        self.in_work.add(message_id.encode())
        return message_id, self.waiting.popleft()

    def depth(self, kind: str) -> int:
        """Return the number of messages: ``input`` counts those in work as well."""
        counts = {"data": self.outputs, "error": len(self.errors), "input": len(self.waiting) + len(self.in_work)}
        return counts[kind]

    def purge(self) -> None:
        """Forget all messages."""
        self.waiting.clear()
        self.in_work.clear()
        self.errors.clear()
        self.outputs, self.last = 0, b""


class Container:
    """One connection of a container."""

    def __init__(self, sock: socket.socket, server: "Server") -> None:
        """Send the settings: windows that do not stop a body of usual size."""
        self.sock = sock
        self.out = bytearray(
            frames.head(frames.SETTINGS, 0, 0, 6)
            + frames.INITIAL_WINDOW_SIZE.to_bytes(2, "big")
            + _WINDOW.to_bytes(4, "big")
            + frames.window_update(_CONNECTION_STREAM, _WINDOW - _CONNECTION_WINDOW)
        )
        self._server = server
        self._reader = FrameReader()
        self._has_preface = False
        self._received = b""
        self._window = self._stream_window = _CONNECTION_WINDOW
        self._taken = 0
        self._requests: dict[int, bytes] = {}
        self._bodies: dict[int, list[bytes]] = {}
        self._blocked: dict[int, memoryview] = {}
        self._windows: dict[int, int] = {}

    def receive(self, received: bytes) -> None:
        """Take bytes of the container."""
        if not self._has_preface:
            self._received += received
            if len(self._received) < len(frames.PREFACE):
                return
            received, self._has_preface = self._received[len(frames.PREFACE) :], True
        for frame in self._reader.feed(received):
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        kind, stream = frame.kind, frame.stream_id
        if kind == frames.HEADERS:
            self._requests[stream] = path_of(frame.payload)
            if frame.flags & frames.END_STREAM:
                self._answer(stream)
        elif kind == frames.DATA:
            self._take_data(frame)
        elif kind == frames.WINDOW_UPDATE:
            self._open_window(stream, frames.number_in(frame))
        elif kind == frames.SETTINGS and not frame.flags & frames.ACK:
            for name, value in frames.settings_in(frame):
                if name == frames.INITIAL_WINDOW_SIZE:
                    self._stream_window = value
            self.out += frames.head(frames.SETTINGS, frames.ACK, 0, 0)
        elif kind == frames.PING and not frame.flags & frames.ACK:
            self.out += frames.head(frames.PING, frames.ACK, 0, 8) + frame.payload
        elif kind == frames.RST_STREAM:
            self._server.polls = deque(each for each in self._server.polls if each != (self, stream))
            self._blocked.pop(stream, None)

    def _take_data(self, frame: Frame) -> None:
        self._taken += len(frame.payload)
        if self._taken >= _WINDOW // 2:
            self.out += frames.window_update(_CONNECTION_STREAM, self._taken)
            self._taken = 0
        stream = frame.stream_id
        if frame.payload:
            self._bodies.setdefault(stream, []).append(frame.payload)
            if not frame.flags & frames.END_STREAM:
                self.out += frames.window_update(stream, len(frame.payload))
        if frame.flags & frames.END_STREAM:
            self._answer(stream)

    def _answer(self, stream: int) -> None:
        path, body = self._requests.pop(stream), b"".join(self._bodies.pop(stream, ()))
        if path.startswith(b"/message?prefetch="):
            self._server.polls.append((self, stream))
            return
        self._server.note(path, body)
        self.out += frames.head(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, 1) + _OK

    def deliver(self, stream: int, message_id: str, body: bytes) -> None:
        """Answer a poll with a message, as far as the windows allow."""
        block = message_block(message_id)
        self.out += frames.head(frames.HEADERS, frames.END_HEADERS, stream, len(block)) + block
        self._windows[stream] = self._stream_window
        self._blocked[stream] = memoryview(body)
        self._send(stream)

    def _open_window(self, stream: int, size: int) -> None:
        if stream:
            if stream in self._blocked:
                self._windows[stream] += size
                self._send(stream)
            return
        self._window += size
        for each in list(self._blocked):
            self._send(each)

    def _send(self, stream: int) -> None:
        body, window = self._blocked[stream], self._windows[stream]
        while body and (count := min(len(body), window, self._window, frames.FRAME_BYTES)) > 0:
            flags = frames.END_STREAM if count == len(body) else 0
            self.out += frames.head(frames.DATA, flags, stream, count) + body[:count]
            body, window = body[count:], window - count
            self._window -= count
        if body:
            self._blocked[stream], self._windows[stream] = body, window
        else:
            del self._blocked[stream], self._windows[stream]


class Server:
    """One thread that serves the containers and the benchmark."""

    def __init__(self) -> None:
        """Listen on two free ports."""
        self.books = Books()
        self.polls: deque[tuple[Container, int]] = deque()
        """The polls that wait, as their connections and streams."""
        self._watcher: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self._containers: dict[socket.socket, Container] = {}
        self._lines: dict[socket.socket, bytes] = {}

    def serve(self) -> None:
        """Print the ports, and serve until standard input is closed."""
        for each in (*self._listeners, sys.stdin):
            self._selector.register(each, selectors.EVENT_READ)
        print(*(each.getsockname()[1] for each in self._listeners), flush=True)
        while True:
            for key, events in self._selector.select():
                if key.fileobj is sys.stdin:
                    return
                sock: Any = key.fileobj
                if sock in self._listeners:
                    self._accept(sock)
                elif events & selectors.EVENT_READ:
                    self._receive(sock)
            self._deliver()
            for container in list(self._containers.values()):
                self._send(container)

    def note(self, path: bytes, body: bytes) -> None:
        """Note an event or the end of a message."""
        if path.startswith(b"/finish-processing?incomingMessageId="):
            self.books.in_work.discard(path.partition(b"=")[2].partition(b"&")[0])
        elif b"&type=data" in path:
            self.books.last = body
            if self._watcher is None:
                self.books.outputs += 1
            else:
                self._say(self._watcher, ["arrived", base64.b64encode(body).decode()])
        elif b"type=error" in path:
            self.books.errors.append(body)

    def _deliver(self) -> None:
        while self.polls and (message := self.books.next()) is not None:
            container, stream = self.polls.popleft()
            container.deliver(stream, *message)

    def _accept(self, listener: socket.socket) -> None:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ)
        if listener is self._listeners[0]:
            sock.setblocking(False)
            self._containers[sock] = Container(sock, self)
        else:
            self._lines[sock] = b""

    def _receive(self, sock: socket.socket) -> None:
        try:
            received = sock.recv(_RECEIVED_BYTES)
        except OSError:
            received = b""
        if not received:
            self._close(sock)
        elif sock in self._containers:
            self._containers[sock].receive(received)
        else:
            *lines, self._lines[sock] = (self._lines[sock] + received).split(b"\n")
            for line in lines:
                self._say(sock, self._done(sock, *json.loads(line)))

    def _send(self, container: Container) -> None:
        if container.out:
            try:
                sent = container.sock.send(container.out)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._close(container.sock)
                return
            del container.out[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if container.out else 0)
        if self._selector.get_key(container.sock).events != events:
            self._selector.modify(container.sock, events)

    def _close(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        if (container := self._containers.pop(sock, None)) is not None:
            self.polls = deque(each for each in self.polls if each[0] is not container)
        self._lines.pop(sock, None)
        if self._watcher is sock:
            self._watcher = None
        sock.close()

    def _done(self, sock: socket.socket, command: str, *arguments: Any) -> Any:
        """Do a command of the benchmark, and return the answer."""
        books = self.books
        if command == "publish":
            count, body = arguments
            books.waiting.extend([base64.b64decode(body)] * count)
        elif command == "depth":
            return books.depth(arguments[0])
        elif command == "withdraw":
            count = len(books.waiting)
            books.waiting.clear()
            return count
        elif command == "take":
            return [base64.b64encode(each).decode() for each in (books.last, *books.errors)]
        elif command == "purge":
            books.purge()
        elif command == "watch":
            self._watcher = sock if arguments[0] else None
        else:
            raise ValueError(command)
        return None

    def _say(self, sock: socket.socket, value: Any) -> None:
        sock.sendall(json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    Server().serve()
