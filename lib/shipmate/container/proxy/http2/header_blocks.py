"""Puts the frames of header blocks together, and decodes the blocks. Pure; no I/O.

Source: RFC 9113 §4.3, §6.2, §6.6, §6.10.
"""

from typing import Final, NamedTuple

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.frames import Breach, Frame
from shipmate.container.proxy.http2.header_decoder import Header, HeaderDecoder, WrongHeaders

_BLOCK_BYTES: Final = 262_144
"""The longest header block of an answer, encoded and decoded: sixteen times what servers accept by default."""
_BLOCK_FRAMES: Final = 64
_31_BITS: Final = 0x7FFF_FFFF


class HeaderBlock(NamedTuple):
    """A block that is complete."""

    start: Frame
    """HEADERS or PUSH_PROMISE."""
    headers: list[Header]
    promised: int
    """The stream of a pushed answer, 0 for HEADERS."""


class HeaderBlocks:
    """The blocks of one connection, in the order in which they come; all must be decoded, for the table of headers."""

    def __init__(self) -> None:
        """Begin with an empty table."""
        self._decoder = HeaderDecoder(_BLOCK_BYTES)
        self._start: Frame | None = None
        self._pieces: list[bytes] = []

    def check(self, frame: Frame) -> None:
        """Check that a frame may come now.

        Raises:
            Breach: A block is not complete, or CONTINUATION continues none.
        """
        start = self._start
        if start is None:
            if frame.kind == frames.CONTINUATION:
                raise Breach(frames.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        elif frame.kind != frames.CONTINUATION or frame.stream_id != start.stream_id:
            raise Breach(frames.PROTOCOL_ERROR, "another frame inside of a header block")

    def add(self, frame: Frame) -> HeaderBlock | None:
        """Take a frame of a block, and return the block if it is the last one.

        Raises:
            Breach: The block is malformed or too long.
        """
        start = self._start
        if start is None:
            start, self._pieces = frame, [frames.unpadded(frame)]
        else:
            self._pieces.append(frame.payload)
        pieces = self._pieces
        if len(pieces) > _BLOCK_FRAMES or sum(map(len, pieces)) > _BLOCK_BYTES:
            raise Breach(frames.ENHANCE_YOUR_CALM, f"a header block of more than {_BLOCK_BYTES} bytes")
        if not frame.flags & frames.END_HEADERS:
            self._start = start
            return None
        self._start, self._pieces = None, []
        block, promised = pieces[0] if len(pieces) == 1 else b"".join(pieces), 0
        if start.kind == frames.PUSH_PROMISE:
            if len(block) < 4:
                raise Breach(frames.FRAME_SIZE_ERROR, "a short PUSH_PROMISE")
            block, promised = block[4:], int.from_bytes(block[:4], "big") & _31_BITS
        try:
            return HeaderBlock(start, self._decoder.decode(block), promised)
        except WrongHeaders as error:
            raise Breach(frames.COMPRESSION_ERROR, str(error)) from None
