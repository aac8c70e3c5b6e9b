"""Sends the bodies of requests as the windows of the peer allow. Pure; no I/O.

Source: RFC 9113 §5.2, §6.1, §6.9.
"""

from typing import Final

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.exchange import Exchange

_WINDOW: Final = 65_535

Out = list[bytes | memoryview]


class Bodies:
    """The bodies of one connection that are not sent wholly."""

    def __init__(self) -> None:
        """Begin with the default window."""
        self.window = _WINDOW
        """How many bytes may be sent on all streams together."""
        self.frame_bytes = frames.FRAME_BYTES
        """The longest frame that the peer takes."""
        self._waiting: dict[int, Exchange] = {}
        """In the order in which they were added."""

    def add(self, exchange: Exchange, out: Out) -> None:
        """Send a body at once if it is short enough for that, or keep it for `send`."""
        body = exchange.body
        size = len(body)
        if not size:
            out.append(frames.head(frames.DATA, frames.END_STREAM, exchange.stream_id, 0))
        elif size <= min(self.window, exchange.window, frames.FRAME_BYTES) and not self._waiting:
            self._send(exchange, size, out)
        else:
            self._waiting[exchange.stream_id] = exchange

    def remove(self, exchange: Exchange) -> None:
        """Send no more of a body."""
        self._waiting.pop(exchange.stream_id, None)

    def send(self, out: Out, most_bytes: int) -> list[Exchange]:
        """Send what the windows allow, one frame of each body in turn; return the exchanges that are sent wholly."""
        sent: list[Exchange] = []
        is_progress = bool(self._waiting)
        while is_progress:
            is_progress = False
            for exchange in list(self._waiting.values()):
                left = len(exchange.body) - exchange.sent_bytes
                count = min(left, self.window, exchange.window, self.frame_bytes, most_bytes)
                if count <= 0:
                    continue
                is_progress = True
                most_bytes -= count
                self._send(exchange, count, out)
                if exchange.is_sent:
                    del self._waiting[exchange.stream_id]
                    sent.append(exchange)
        return sent

    def _send(self, exchange: Exchange, count: int, out: Out) -> None:
        begin, end = exchange.sent_bytes, exchange.sent_bytes + count
        exchange.sent_bytes = end
        exchange.window -= count
        self.window -= count
        out.append(frames.head(frames.DATA, frames.END_STREAM if exchange.is_sent else 0, exchange.stream_id, count))
        out.append(exchange.body[begin:end])
