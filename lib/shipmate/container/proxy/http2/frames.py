"""The frames of HTTP/2: cut out of the received bytes, and written. Pure; no I/O.

Source: RFC 9113 §4, §6, §7.
"""

from struct import Struct
from typing import Final, NamedTuple

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
FLOW_CONTROL_ERROR: Final = 3
STREAM_CLOSED: Final = 5
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

_ERRORS: Final = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip

HEADER_TABLE_SIZE: Final = 1
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES: Final = 16_384
"""The longest payload of a frame unless the receiver allows more; this client does not."""

HEAD_BYTES: Final = 9
_HEAD: Final = Struct(">HBBBL")
_NUMBER: Final = Struct(">L")
_PAIR: Final = Struct(">LL")
_SETTING: Final = Struct(">HL")
_31_BITS: Final = 0x7FFF_FFFF


class Breach(Exception):
    """The peer has broken the protocol: the connection cannot go on."""

    def __init__(self, code: int, text: str) -> None:
        """Create the error.

        Args:
            code: The error code for the peer.
            text: What was found.
        """
        super().__init__(text)
        self.code = code


class Frame(NamedTuple):
    """A received frame; the payload of one with padding still has it."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes


class FrameReader:
    """Cuts frames out of the received bytes, however they are divided."""

    def __init__(self) -> None:
        """Start at the beginning of a frame."""
        self._rest = b""

    def feed(self, received: bytes) -> list[Frame]:
        """Return the frames that are complete with these bytes, and keep the rest.

        Raises:
            Breach: A frame is longer than allowed.
        """
        if self._rest:
            received = self._rest + received
        frames = []
        position, last = 0, len(received) - HEAD_BYTES
        while position <= last:
            high, low, kind, flags, stream_id = _HEAD.unpack_from(received, position)
            if (length := high << 8 | low) > FRAME_BYTES:
                raise Breach(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            begin = position + HEAD_BYTES
            if begin + length > len(received):
                break
            position = begin + length
            frames.append(Frame(kind, flags, stream_id & _31_BITS, received[begin:position]))
        self._rest = received[position:]
        return frames


def head(kind: int, flags: int, stream_id: int, length: int) -> bytes:
    """Return the head of a frame with a payload of ``length`` bytes."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def settings_ack() -> bytes:
    """Return the acknowledgement of settings."""
    return head(SETTINGS, ACK, 0, 0)


def ping(payload: bytes, *, is_ack: bool = False) -> bytes:
    """Return a PING with 8 opaque bytes, or the answer to one."""
    return head(PING, ACK if is_ack else 0, 0, len(payload)) + payload


def goaway(code: int) -> bytes:
    """Return the end of a connection on which the peer has opened no streams."""
    return head(GOAWAY, 0, 0, _PAIR.size) + _PAIR.pack(0, code)


def reset(stream_id: int, code: int) -> bytes:
    """Return the end of a stream."""
    return head(RST_STREAM, 0, stream_id, _NUMBER.size) + _NUMBER.pack(code)


def window_update(stream_id: int, increment: int) -> bytes:
    """Return the permission to send more bytes, on a stream or with 0 on the whole connection."""
    return head(WINDOW_UPDATE, 0, stream_id, _NUMBER.size) + _NUMBER.pack(increment)


def header_frames(stream_id: int, block: bytes, *, flags: int, frame_bytes: int) -> bytes:
    """Return the frames of a header block: HEADERS, and CONTINUATION if it is longer than a frame."""
    if len(block) <= frame_bytes:
        return head(HEADERS, flags | END_HEADERS, stream_id, len(block)) + block
    pieces = [block[start : start + frame_bytes] for start in range(0, len(block), frame_bytes)]
    parts = [head(HEADERS, flags, stream_id, len(pieces[0])), pieces[0]]
    for piece in pieces[1:]:
        is_last = piece is pieces[-1]
        parts += [head(CONTINUATION, END_HEADERS if is_last else 0, stream_id, len(piece)), piece]
    return b"".join(parts)


def unpadded(frame: Frame) -> bytes:
    """Return the payload of DATA, HEADERS or PUSH_PROMISE without padding and priority.

    Raises:
        Breach: The padding is longer than the payload.
    """
    payload, start, end = frame.payload, 0, len(frame.payload)
    if frame.flags & PADDED:
        if not payload:
            raise Breach(FRAME_SIZE_ERROR, "a padded frame without its length of padding")
        start, end = 1, end - payload[0]
    if frame.kind == HEADERS and frame.flags & HAS_PRIORITY:
        start += 5
    if start > end:
        raise Breach(PROTOCOL_ERROR, "more padding than payload")
    return payload[start:end]


def number_in(frame: Frame, *, mask: int = _31_BITS) -> int:
    """Return the number that is the payload of RST_STREAM or WINDOW_UPDATE.

    Raises:
        Breach: The payload has another length.
    """
    _check_length(frame, _NUMBER.size)
    return int(_NUMBER.unpack(frame.payload)[0]) & mask


def error_code_in(frame: Frame) -> int:
    """Return the error code in RST_STREAM.

    Raises:
        Breach: The payload has another length.
    """
    return number_in(frame, mask=0xFFFF_FFFF)


def settings_in(frame: Frame) -> list[tuple[int, int]]:
    """Return the identifiers and values in SETTINGS.

    Raises:
        Breach: The payload is not a list of settings.
    """
    if len(frame.payload) % _SETTING.size:
        raise Breach(FRAME_SIZE_ERROR, f"settings of {len(frame.payload)} bytes")
    return list(_SETTING.iter_unpack(frame.payload))


def goaway_in(frame: Frame) -> tuple[int, int]:
    """Return the last stream that the peer answers, and the error code, in GOAWAY.

    Raises:
        Breach: The payload is too short.
    """
    if len(frame.payload) < _PAIR.size:
        raise Breach(FRAME_SIZE_ERROR, f"GOAWAY of {len(frame.payload)} bytes")
    last, code = _PAIR.unpack_from(frame.payload)
    return last & _31_BITS, code


def check_ping(frame: Frame) -> None:
    """Check the length of a PING.

    Raises:
        Breach: It has not 8 bytes.
    """
    _check_length(frame, 8)


def _check_length(frame: Frame, length: int) -> None:
    if len(frame.payload) != length:
        raise Breach(FRAME_SIZE_ERROR, f"{len(frame.payload)} bytes in a frame of type {frame.kind}")


def error_name(code: int) -> str:
    """Return the name of an error code.

    >>> error_name(8), error_name(99)
    ('CANCEL', 'error code 99')
    """
    return _ERRORS[code] if code < len(_ERRORS) else f"error code {code}"
