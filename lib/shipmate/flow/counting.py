"""Counts the AMQP frames of a connection: what a container has received, settled and published.

Source: AMQP 0-9-1 §2.3.5 (frames), §1.8 (class basic).
"""

from collections import Counter, deque
from collections.abc import Callable
from struct import Struct
from typing import Final

_FRAME: Final = Struct(">BHI")
_METHOD: Final = Struct(">I")
_TAG: Final = Struct(">Q")
_METHOD_FRAME: Final = 1
_FRAME_TYPES: Final = frozenset({1, 2, 3, 4, 8})
_HEADER_BYTES: Final = 7
_AROUND_BYTES: Final = 8
_GREETING_BYTES: Final = 8
"""A client begins with ``AMQP`` and its version."""
# Class and method in one number.
_CONNECTION_CLOSE: Final = 10 << 16 | 50
_CONNECTION_CLOSE_OK: Final = 10 << 16 | 51
_CHANNEL_CLOSE: Final = 20 << 16 | 40
_CHANNEL_CLOSE_OK: Final = 20 << 16 | 41
_CONSUME: Final = 60 << 16 | 20
_CONSUME_OK: Final = 60 << 16 | 21
_CANCEL: Final = 60 << 16 | 30
_PUBLISH: Final = 60 << 16 | 40
_RETURN: Final = 60 << 16 | 50
_DELIVER: Final = 60 << 16 | 60
_GET_OK: Final = 60 << 16 | 71
_ACK: Final = 60 << 16 | 80
_REJECT: Final = 60 << 16 | 90
_NACK: Final = 60 << 16 | 120
_CONFIRM_SELECT: Final = 85 << 16 | 10
_NO_ACK: Final = 0b0010
"""The bit of ``basic.consume`` that says that deliveries need no acknowledgement."""


class Tally:
    """The counts of one container, over all its connections."""

    def __init__(self) -> None:
        """Start at zero."""
        self.connections = 0
        """The connections that are open now."""
        self.consumers = 0
        """The consumers of these connections."""
        self.delivered = 0
        self.redelivered = 0
        """The deliveries that the broker marked as redelivered; they are among ``delivered``."""
        self.unsettled = 0
        """The deliveries that are neither acknowledged nor rejected, and whose channel is open."""
        self.acknowledged = 0
        self.rejected = 0
        self.requeued = 0
        self.published: Counter[str] = Counter()
        """The number of publications by routing key."""
        self.unconfirmed = 0
        self.refused = 0
        """The publications that the broker did not take."""
        self.lost = 0
        """The connections that ended without a handshake, or with unsettled or unconfirmed messages."""

    @property
    def settled(self) -> int:
        """The deliveries that do not come again."""
        return self.acknowledged + self.rejected


class FrameReader:
    """Finds the method frames in a stream of bytes that arrives in pieces of any size."""

    __slots__ = ("_is_blind", "_on_method", "_rest", "_skipped")

    def __init__(self, on_method: Callable[[int, int, bytes, int], None], *, skipped: int = 0) -> None:
        """Start at the beginning of the stream.

        Args:
            on_method: Called with the channel, class and method as one number, some bytes, and the offset of the
                method's arguments in them.
            skipped: The number of bytes before the first frame.
        """
        self._on_method = on_method
        self._rest = b""
        """The beginning of a frame whose end has not arrived."""
        self._skipped = skipped
        """The bytes that are still to come of a frame that is not looked at."""
        self._is_blind = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._is_blind:
            return
        if self._rest:
            data = self._rest + data
        position, size = self._skipped, len(data)
        on_method = self._on_method
        while position + _HEADER_BYTES <= size:
            kind, channel, length = _FRAME.unpack_from(data, position)
            end = position + length + _AROUND_BYTES
            if kind == _METHOD_FRAME:
                if end > size:
                    break
                method_at = position + _HEADER_BYTES
                on_method(channel, _METHOD.unpack_from(data, method_at)[0], data, method_at + 4)
            elif kind not in _FRAME_TYPES:  # no AMQP 0-9-1: the peers will find out themselves
                self._is_blind, self._rest = True, b""
                return
            position = end
        if position >= size:
            self._skipped, self._rest = position - size, b""
        else:
            self._skipped, self._rest = 0, data[position:]


class _Channel:
    """What is open on one channel."""

    __slots__ = ("confirms", "consumers", "silent", "unconfirmed", "unsettled")

    def __init__(self) -> None:
        self.unsettled: dict[int, None] = {}
        """Delivery tags, in order."""
        self.consumers = 0
        self.silent: set[bytes] = set()
        """The tags of consumers without acknowledgements."""
        self.confirms = False
        self.unconfirmed: deque[int] = deque()
        """The numbers of publications without a confirm."""


class FrameCounter:
    """Counts the frames of one connection; it is closed with `end`."""

    def __init__(self, tally: Tally) -> None:
        """Add to a tally."""
        self._tally = tally
        self._channels: dict[int, _Channel] = {}
        self._published: dict[int, int] = {}
        """The number of publications, by channel."""
        self._is_closing = False
        tally.connections += 1
        self.from_client = FrameReader(self._client, skipped=_GREETING_BYTES)
        self.from_broker = FrameReader(self._broker)

    def end(self) -> None:
        """Note that the connection is closed: its unsettled messages go back to their queues."""
        tally = self._tally
        tally.connections -= 1
        is_lost = not self._is_closing
        for number in list(self._channels):
            is_lost |= self._close(number)
        tally.lost += is_lost

    def _channel(self, number: int) -> _Channel:
        channel = self._channels.get(number)
        if channel is None:
            channel = self._channels[number] = _Channel()
        return channel

    def _client(self, number: int, method: int, data: bytes, at: int) -> None:
        tally = self._tally
        if method == _PUBLISH:
            at += 2  # reserved
            at += 1 + data[at]  # the exchange
            key = data[at + 1 : at + 1 + data[at]].decode("utf-8", "replace")
            tally.published[key] += 1
            channel = self._channel(number)
            if channel.confirms:
                self._published[number] += 1
                channel.unconfirmed.append(self._published[number])
                tally.unconfirmed += 1
        elif method == _ACK:
            tally.acknowledged += self._settle(number, _TAG.unpack_from(data, at)[0], data[at + 8] & 1)
        elif method == _REJECT:
            self._refuse(self._settle(number, _TAG.unpack_from(data, at)[0], 0), is_requeued=data[at + 8] & 1)
        elif method == _NACK:
            bits = data[at + 8]
            self._refuse(self._settle(number, _TAG.unpack_from(data, at)[0], bits & 1), is_requeued=bits & 2)
        elif method == _CONSUME:
            self._consume(number, data, at)
        elif method == _CONFIRM_SELECT:
            self._channel(number).confirms = True
            self._published.setdefault(number, 0)
        elif method == _CANCEL:
            if (channel := self._channel(number)).consumers:
                channel.consumers -= 1
                tally.consumers -= 1
        elif method in (_CHANNEL_CLOSE, _CHANNEL_CLOSE_OK):
            tally.lost += self._close(number)
        elif method in (_CONNECTION_CLOSE, _CONNECTION_CLOSE_OK):
            self._is_closing = True

    def _broker(self, number: int, method: int, data: bytes, at: int) -> None:
        tally = self._tally
        if method == _DELIVER:
            tag_end = at + 1 + data[at]
            channel = self._channel(number)
            tally.delivered += 1
            if data[tag_end + 8]:
                tally.redelivered += 1
            if channel.silent and data[at + 1 : tag_end] in channel.silent:
                tally.acknowledged += 1
                return
            channel.unsettled[_TAG.unpack_from(data, tag_end)[0]] = None
            tally.unsettled += 1
        elif method == _ACK:
            self._confirm(number, _TAG.unpack_from(data, at)[0], data[at + 8] & 1)
        elif method == _NACK:
            tally.refused += self._confirm(number, _TAG.unpack_from(data, at)[0], data[at + 8] & 1)
        elif method == _RETURN:
            tally.refused += 1
        elif method == _GET_OK:
            self._channel(number).unsettled[_TAG.unpack_from(data, at)[0]] = None
            tally.delivered += 1
            tally.unsettled += 1
        elif method == _CONSUME_OK:
            self._channel(number).consumers += 1
            tally.consumers += 1
        elif method == _CANCEL:  # the queue was deleted
            self._client(number, method, data, at)
        elif method in (_CHANNEL_CLOSE, _CHANNEL_CLOSE_OK):
            tally.lost += self._close(number)

    def _consume(self, number: int, data: bytes, at: int) -> None:
        at += 2  # reserved
        at += 1 + data[at]  # the queue
        tag = data[at + 1 : at + 1 + data[at]]
        if data[at + 1 + len(tag)] & _NO_ACK and tag:
            self._channel(number).silent.add(tag)

    def _settle(self, number: int, tag: int, is_multiple: int) -> int:
        """Remove one delivery, or all up to a tag; return their number."""
        channel = self._channels.get(number)
        if channel is None:
            return 0
        unsettled = channel.unsettled
        if not is_multiple:
            count = 1 if tag in unsettled else 0
            unsettled.pop(tag, None)
        else:
            tags = [each for each in unsettled if each <= tag or tag == 0]
            count = len(tags)
            for each in tags:
                del unsettled[each]
        self._tally.unsettled -= count
        return count

    def _refuse(self, count: int, *, is_requeued: int) -> None:
        if is_requeued:
            self._tally.requeued += count
        else:
            self._tally.rejected += count

    def _confirm(self, number: int, tag: int, is_multiple: int) -> int:
        unconfirmed = self._channel(number).unconfirmed
        count = 0
        if is_multiple:
            while unconfirmed and (unconfirmed[0] <= tag or tag == 0):
                unconfirmed.popleft()
                count += 1
        elif unconfirmed and unconfirmed[0] == tag:  # the usual order
            unconfirmed.popleft()
            count = 1
        elif tag in unconfirmed:
            unconfirmed.remove(tag)
            count = 1
        self._tally.unconfirmed -= count
        return count

    def _close(self, number: int) -> bool:
        """Forget a channel; return whether messages were open on it."""
        channel = self._channels.pop(number, None)
        self._published.pop(number, None)
        if channel is None:
            return False
        tally = self._tally
        tally.unsettled -= len(channel.unsettled)
        tally.unconfirmed -= len(channel.unconfirmed)
        tally.consumers -= channel.consumers
        return bool(channel.unsettled or channel.unconfirmed)
