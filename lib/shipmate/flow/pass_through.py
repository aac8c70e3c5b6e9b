"""A TCP pass-through between containers and the broker, which counts the AMQP frames that go through.

So the coordinator knows what a container has received, settled and published, whatever its language. And a container
loses its broker when the coordinator dies.

Bytes are passed on at once, and counted later, many at a time: to wake up for each piece costs several times as much as
to count it.
"""

import contextlib
import logging
import os
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Final

from shipmate.flow.counting import FrameCounter, Tally
from shipmate.wake_pipe import WakePipe

_log: Final = logging.getLogger("shipmate.flow")
_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
"""Larger pieces are slower: the allocator returns and gets them page by page."""
_HELD_BYTES: Final = 1_048_576
"""A side that does not read keeps the other one from sending when so many bytes wait for it."""
_UNCOUNTED_BYTES: Final = 1_048_576
"""So many bytes are counted without a question."""
_CONNECT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class _Side:
    """One of the two sockets of a connection."""

    __slots__ = ("feed", "held", "held_bytes", "is_tls", "other", "paused", "socket", "uncounted", "watched")

    def __init__(self, sock: socket.socket, feed: Callable[[bytes], None], uncounted: "_Uncounted") -> None:
        self.socket = sock
        self.feed = feed
        self.uncounted = uncounted
        """What both sides have received, in order: an acknowledgement is counted after its delivery."""
        self.other: _Side
        self.held: deque[memoryview] = deque()
        """The bytes that the socket has not accepted yet."""
        self.held_bytes = 0
        self.paused = False
        """Whether reading waits until the other side has accepted what it holds."""
        self.is_tls = isinstance(sock, ssl.SSLSocket)
        self.watched = 0


_Uncounted = list[tuple[Callable[[bytes], None], bytes]]


class PassThrough:
    """Listens for containers, and connects each of their connections to the broker; one thread for all of them."""

    def __init__(self, broker: BrokerAddress) -> None:
        """Prepare; `serve` works."""
        self._broker = broker
        self._selector = selectors.DefaultSelector()
        self._listeners: list[socket.socket] = []
        self._todo: deque[Callable[[], None]] = deque()
        self._pipe = WakePipe()
        os.set_blocking(self._pipe.reader, False)
        self.watch(self._pipe.reader, self._do)
        self._counters: dict[_Side, FrameCounter] = {}
        self._uncounted_bytes = 0
        self._is_over = False

    def serve(self) -> None:
        """Work until `close`."""
        while True:
            for key, events in self._selector.select():
                subject = key.data
                if isinstance(subject, _Side):
                    self._serve(subject, events)
                else:
                    subject()
                if self._is_over:
                    return

    def open(self, tally: Tally) -> int:
        """Listen for a container, and return the port."""
        listener = socket.create_server((_HOST, 0))
        listener.setblocking(False)
        self._listeners.append(listener)
        self.submit(lambda: self.watch(listener, lambda: self._accept(listener, tally)))
        port: int = listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Close all connections, and let `serve` return."""
        self.submit(self._end)

    def count(self) -> None:
        """Bring the tallies up to date; on the thread of `serve`."""
        self._uncounted_bytes = 0
        for side in self._counters:
            _count(side)

    def submit(self, action: Callable[[], None]) -> None:
        """Do something on the thread of `serve`; on any thread."""
        self._todo.append(action)
        self._pipe.wake()

    def watch(self, source: socket.socket | IO[bytes] | int, act: Callable[[], None]) -> None:
        """Call ``act`` whenever there is something to read; on the thread of `serve`, or before."""
        self._selector.register(source, selectors.EVENT_READ, act)

    def _do(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._pipe.reader, 4096)
        while self._todo:
            self._todo.popleft()()

    def _end(self) -> None:
        self._is_over = True
        for side in [each for each, _ in self._counters.items()]:
            self._drop(side)
        for listener in self._listeners:
            listener.close()
        self._selector.close()
        self._pipe.close()

    def _accept(self, listener: socket.socket, tally: Tally) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        # A broker that does not answer must not stop the other containers.
        threading.Thread(target=self._connect, args=(client, tally), name="shipmate-connect", daemon=True).start()

    def _connect(self, client: socket.socket, tally: Tally) -> None:
        broker = self._broker
        try:
            upstream = socket.create_connection((broker.host, broker.port), timeout=_CONNECT_SECONDS)
            if broker.tls is not None:
                upstream = broker.tls.wrap_socket(upstream, server_hostname=broker.host)
        except OSError as error:
            _log.debug("a container cannot reach the broker: %s", type(error).__name__)
            client.close()
            return
        self.submit(lambda: self._join(client, upstream, tally))

    def _join(self, client: socket.socket, upstream: socket.socket, tally: Tally) -> None:
        if self._is_over:
            client.close()
            upstream.close()
            return
        counter = FrameCounter(tally)
        uncounted: _Uncounted = []
        near = _Side(client, counter.from_client.feed, uncounted)
        far = _Side(upstream, counter.from_broker.feed, uncounted)
        near.other, far.other = far, near
        for side in (near, far):
            side.socket.setblocking(False)
            side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            side.watched = selectors.EVENT_READ
            self._selector.register(side.socket, side.watched, side)
        self._counters[near] = counter
        if far.is_tls:
            self._serve(far, selectors.EVENT_READ)  # bytes may have come with the handshake

    def _serve(self, side: _Side, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._send_held(side)
            if events & selectors.EVENT_READ and not side.paused:
                self._receive(side)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._drop(side)

    def _receive(self, side: _Side) -> None:
        while True:
            data = side.socket.recv(_CHUNK_BYTES)
            if not data:
                self._drop(side)
                return
            side.uncounted.append((side.feed, data))
            self._uncounted_bytes += len(data)
            self._send(side.other, data)
            if self._uncounted_bytes > _UNCOUNTED_BYTES:
                self.count()
            if side.paused or not side.is_tls:  # TLS may hold bytes of which the selector knows nothing
                return

    def _send(self, side: _Side, data: bytes) -> None:
        sent = 0
        if not side.held:
            try:
                sent = side.socket.send(data)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            if sent == len(data):
                return
        view = memoryview(data)[sent:]
        side.held.append(view)
        side.held_bytes += len(view)
        if side.held_bytes > _HELD_BYTES:
            side.other.paused = True
        self._watch(side)
        self._watch(side.other)

    def _send_held(self, side: _Side) -> None:
        while side.held:
            view = side.held[0]
            sent = side.socket.send(view)
            side.held_bytes -= sent
            if sent == len(view):
                side.held.popleft()
            else:
                side.held[0] = view[sent:]
        self._watch(side)
        if side.other.paused:
            side.other.paused = False
            self._watch(side.other)
            if side.other.is_tls:
                self._receive(side.other)

    def _watch(self, side: _Side) -> None:
        wanted = (0 if side.paused else selectors.EVENT_READ) | (selectors.EVENT_WRITE if side.held else 0)
        if wanted == side.watched:
            return
        if not wanted:
            self._selector.unregister(side.socket)
        elif not side.watched:
            self._selector.register(side.socket, wanted, side)
        else:
            self._selector.modify(side.socket, wanted, side)
        side.watched = wanted

    def _drop(self, side: _Side) -> None:
        """Close both sockets of a connection."""
        counter = self._counters.pop(side, None) or self._counters.pop(side.other, None)
        if counter is None:
            return
        for each in (side, side.other):
            if each.watched:
                self._selector.unregister(each.socket)
                each.watched = 0
            with contextlib.suppress(OSError):
                if each is not side and not each.is_tls and each.held:
                    each.socket.setblocking(True)
                    each.socket.settimeout(0.1)
                    for view in each.held:  # the last words, such as the reason of a refusal
                        each.socket.sendall(view)
            each.socket.close()
        _count(side)
        counter.end()


def _count(side: _Side) -> None:
    """Count what both sides of a connection have received."""
    for feed, data in side.uncounted:
        feed(data)
    side.uncounted.clear()
