"""One connection to the proxy: a socket, its HTTP/2, and PINGs that find out when the proxy is gone.

Source: proxy §4.
"""

from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.connection import Http2Connection
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder
from shipmate.container.proxy.loop import READABLE, Loop, Timer
from shipmate.container.proxy.wire import Piece, Wire

_MOST_UNSENT_BYTES: Final = 4_194_304
"""A proxy that lets so many bytes wait does not read any more."""
_LAST_WORDS_SECONDS: Final = 0.3
"""How long a connection that ends waits for the proxy to end it as well."""


class LinkUser(Protocol):
    """Receives the events of a link."""

    def link_ready(self, link: "Link") -> None:
        """React to new settings of the proxy; the first ones open the link for requests."""

    def link_alive(self, link: "Link") -> None:
        """React to the answer to a PING."""

    def link_going(self, link: "Link", cause: str) -> None:
        """React to the end of the link for new requests."""

    def link_lost(self, link: "Link", cause: str) -> None:
        """React to the end of the connection, after the end of all its exchanges."""


class Link:
    """A connection from its first byte to its last."""

    def __init__(self, loop: Loop, wire: Wire, encoder: HeaderEncoder, *, ping_ms: int, user: LinkUser) -> None:
        """Begin to use a connected socket.

        Args:
            loop: Waits for it.
            wire: The socket.
            encoder: Encodes the headers of requests.
            ping_ms: The interval of PINGs.
            user: Receives the events of the link.
        """
        self._loop = loop
        self._wire = wire
        self._ping_seconds = ping_ms / 1000
        self._user = user
        self.http = Http2Connection(
            encoder,
            on_ready=lambda: user.link_ready(self),
            on_pong=self._on_pong,
            on_goaway=lambda code: user.link_going(self, f"GOAWAY {frames.error_name(code)}"),
        )
        self._unsent: list[Piece] = []
        self._unsent_bytes = 0
        self._is_writing = False
        self.is_over = False
        self._on_end: Callable[[], None] | None = None
        """Called at the end of a connection that this side closes."""
        self._pings = count()
        self._ping: bytes | None = None
        """The PING that is not answered yet."""
        self._probes: dict[bytes, Callable[[], None]] = {}
        loop.watch(wire.fileno(), self._on_events, is_writing=False)
        self._timer: Timer = loop.call_later(self._ping_seconds, self._ping_again)

    def flush(self) -> None:
        """Send all frames that wait, as far as the socket takes them; called after each turn of the loop."""
        if self.is_over:
            return
        try:
            self._send()
        except OSError as error:
            self.lose(describe(error))

    def probe(self, then: Callable[[], None]) -> None:
        """Call a function when the proxy has answered a PING that is sent now: it has read all that was sent before."""
        payload = self._payload()
        self._probes[payload] = then
        self.http.ping(payload)

    def lose(self, cause: str) -> None:
        """Give the connection up."""
        if self._on_end is not None:
            self._end()
        elif not self.is_over:
            self._drop()
            self.http.fail(f"the connection was lost: {cause}")
            self._user.link_lost(self, cause)

    def close(self, then: Callable[[], None]) -> None:
        """Send GOAWAY, close when the proxy has closed its side or the time for that is over, then call a function."""
        if self.is_over:
            then()
            return
        self._on_end = then
        self.http.close()
        self.flush()
        self._wire.end()
        self._timer.cancel()
        self._timer = self._loop.call_later(_LAST_WORDS_SECONDS, self._end)

    def _end(self) -> None:
        if not self.is_over:
            self._drop()
            if self._on_end is not None:
                self._on_end()

    def _on_events(self, events: int) -> None:
        if not events & READABLE:
            return
        try:
            received = self._wire.read()
            if received:
                self.http.receive(received)
            elif received is not None:
                self.lose("the proxy has closed it")
        except frames.Breach as breach:
            self.http.close(breach.code)
            self.flush()
            self.lose(f"the proxy has broken the protocol: {breach}")
        except OSError as error:
            self.lose(describe(error))

    def _send(self) -> None:
        unsent = self._unsent
        unsent += self.http.to_send(self._unsent_bytes)
        while unsent:
            sent = self._wire.write(unsent)
            done = 0
            while done < len(unsent) and sent >= len(unsent[done]):
                sent -= len(unsent[done])
                done += 1
            del unsent[:done]
            if sent:
                unsent[0] = memoryview(unsent[0])[sent:]
            if not done and not sent:
                break
            if not unsent:
                unsent += self.http.to_send(0)
        self._unsent_bytes = sum(map(len, unsent))
        if self._unsent_bytes > _MOST_UNSENT_BYTES:
            raise OSError("the proxy does not read")
        if bool(unsent) != self._is_writing:
            self._is_writing = bool(unsent)
            self._loop.watch(self._wire.fileno(), self._on_events, is_writing=self._is_writing)

    def _ping_again(self) -> None:
        """Send the next PING; give the connection up if the previous one is not answered."""
        if self._ping is not None:
            self.lose(f"no answer to a PING within {self._ping_seconds:g} s")
            return
        self._ping = self._payload()
        self.http.ping(self._ping)
        self._timer = self._loop.call_later(self._ping_seconds, self._ping_again)

    def _on_pong(self, payload: bytes) -> None:
        if payload == self._ping:
            self._ping = None
            self._user.link_alive(self)
        elif (then := self._probes.pop(payload, None)) is not None:
            then()

    def _payload(self) -> bytes:
        return next(self._pings).to_bytes(8, "big")

    def _drop(self) -> None:
        self.is_over = True
        self._timer.cancel()
        self._loop.unwatch(self._wire.fileno())
        self._wire.close()


def describe(error: BaseException) -> str:
    """Return type and text of an error, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
