"""Decodes the headers of answers; the static table and the Huffman codes are those of the package hpack. Pure; no I/O.

Source: RFC 7541.
"""

from collections import deque
from typing import Final

from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE
from hpack.table import HeaderTable

Header = tuple[bytes, bytes]

_STATIC: Final[tuple[Header, ...]] = tuple(HeaderTable.STATIC_TABLE)
_TABLE_BYTES: Final = 4096
"""The size of the table, which this client leaves at its default."""
_ENTRY_BYTES: Final = 32
"""Counted for each entry of a table, besides its name and value."""
_MOST_SHIFT: Final = 28
"""Longer numbers exceed every limit here."""
_MOST_STEPS: Final = 32_768
_OK: Final = b"\x88"


class WrongHeaders(ValueError):
    """A header block does not follow the RFC, or is too long; the table of the connection is not usable any more."""


class HeaderDecoder:
    """Decodes the header blocks of one connection, in the order in which they come."""

    def __init__(self, most_bytes: int) -> None:
        """Start with an empty table; ``most_bytes`` limits the decoded headers of one block."""
        self._most_bytes = most_bytes
        self._table: deque[Header] = deque()
        """The newest entry first."""
        self._table_bytes = 0
        self._limit_bytes = _TABLE_BYTES
        self._codes = _Huffman()

    def decode(self, block: bytes) -> list[Header]:
        """Return the headers in a block.

        Raises:
            WrongHeaders: The block is malformed, or too long.
        """
        if block == _OK:  # most answers
            return [_STATIC[7]]
        headers: list[Header] = []
        position, size = 0, 0
        try:
            while position < len(block):
                first = block[position]
                if first & 0x80:
                    index, position = _number(block, position, 7)
                    header = self._entry(index)
                elif first & 0xE0 == 0x20:
                    if headers:
                        raise WrongHeaders("a size of the table after a header")
                    limit, position = _number(block, position, 5)
                    self._resize(limit)
                    continue
                else:
                    index, position = _number(block, position, 6 if first & 0x40 else 4)
                    if index:
                        name = self._entry(index)[0]
                    else:
                        name, position = self._text(block, position)
                    value, position = self._text(block, position)
                    header = name, value
                    if first & 0x40:
                        self._add(header)
                headers.append(header)
                size += len(header[0]) + len(header[1]) + _ENTRY_BYTES
                if size > self._most_bytes:
                    raise WrongHeaders(f"more than {self._most_bytes} bytes of headers")
        except IndexError:
            raise WrongHeaders("a block that ends in the middle of a header") from None
        return headers

    def _entry(self, index: int) -> Header:
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        if not index or index > len(_STATIC) + len(self._table):
            raise WrongHeaders(f"the index {index}, which no table has")
        return self._table[index - len(_STATIC) - 1]

    def _add(self, header: Header) -> None:
        self._table.appendleft(header)
        self._table_bytes += len(header[0]) + len(header[1]) + _ENTRY_BYTES
        self._evict()

    def _resize(self, limit_bytes: int) -> None:
        if limit_bytes > _TABLE_BYTES:
            raise WrongHeaders(f"a table of {limit_bytes} bytes")
        self._limit_bytes = limit_bytes
        self._evict()

    def _evict(self) -> None:
        while self._table_bytes > self._limit_bytes:
            name, value = self._table.pop()
            self._table_bytes -= len(name) + len(value) + _ENTRY_BYTES

    def _text(self, block: bytes, position: int) -> tuple[bytes, int]:
        is_packed = block[position] & 0x80
        length, position = _number(block, position, 7)
        end = position + length
        if end > len(block):
            raise IndexError
        text = block[position:end]
        return self._codes.decode(text) if is_packed else text, end


def _number(block: bytes, position: int, bits: int) -> tuple[int, int]:
    """Return the number in the last bits of a byte and perhaps in those after it, and the position behind it.

    >>> _number(bytes.fromhex("1f9a0a"), 0, 5)
    (1337, 3)
    """
    limit = (1 << bits) - 1
    value = block[position] & limit
    position += 1
    if value < limit:
        return value, position
    shift = 0
    while True:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > _MOST_SHIFT:
            raise WrongHeaders("a number without an end")


class _Huffman:
    """Decodes Huffman codes byte by byte, which takes half the time of hpack's steps of four bits."""

    def __init__(self) -> None:
        self._steps: dict[int, tuple[int, bytes, int]] = {}
        """By state and byte: the next state, the decoded bytes, and whether the text may end there."""

    def decode(self, encoded: bytes) -> bytes:
        state, is_complete = 0, 1
        decoded: list[bytes] = []
        known = self._steps.get
        for byte in encoded:
            state, piece, is_complete = known(state | byte) or self._step(state, byte)
            decoded.append(piece)
        if not is_complete:
            raise WrongHeaders("a text that ends in the middle of a Huffman code")
        return b"".join(decoded)

    def _step(self, state: int, byte: int) -> tuple[int, bytes, int]:
        node, flags = state >> 8, 0
        piece = bytearray()
        for half in (byte >> 4, byte & 0xF):
            node, flags, symbol = HUFFMAN_TABLE[node * 16 + half]
            if flags & HUFFMAN_FAIL:
                raise WrongHeaders("an unknown Huffman code")
            if flags & HUFFMAN_EMIT_SYMBOL:
                piece.append(symbol)
        step = node << 8, bytes(piece), flags & HUFFMAN_COMPLETE
        if len(self._steps) < _MOST_STEPS:
            self._steps[state | byte] = step
        return step
