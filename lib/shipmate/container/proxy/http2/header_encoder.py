"""Encodes the headers of requests. Pure; no I/O.

All values are literals without Huffman codes, since bytes cost less than time here; only the token, which is long and
the same in all requests, is put into the peer's table once.

Source: RFC 7541.
"""

from typing import Final

# Indexes in the static table. Source: RFC 7541 appendix A.
_AUTHORITY: Final = 1
_GET, _POST = b"\x82", b"\x83"
_PATH: Final = 4
_HTTP, _HTTPS = b"\x86", b"\x87"
_AUTHORIZATION: Final = 23
_CONTENT_LENGTH: Final = 28
_FIRST_DYNAMIC: Final = 62

_PLAIN, _NEVER_INDEXED, _INDEXED, _INDEX, _RESIZE = (0x00, 4), (0x10, 4), (0x40, 6), (0x80, 7), (0x20, 5)
"""The first bits of each representation, and how many bits the number after them has in the first byte."""
_ENTRY_BYTES: Final = 32
"""Counted for each entry of a table, besides its name and value."""
_TABLE_BYTES: Final = 4096
"""The size of the peer's table unless its settings name another."""


class HeaderEncoder:
    """Encodes the headers of the requests on one connection."""

    def __init__(self, *, scheme: str, authority: str, authorization: str) -> None:
        """Keep the headers that all requests have."""
        self._scheme = _HTTPS if scheme == "https" else _HTTP
        self._authority = _literal(_AUTHORITY, authority.encode())
        self._token = authorization.encode()
        self._table_bytes = _TABLE_BYTES
        self._is_resized = False
        """True if the table's size has changed since the last request."""
        self._authorization = b""
        """The index of the token in the peer's table, empty if it is not there."""

    def resize(self, table_bytes: int) -> None:
        """Take the size of the peer's table from its settings; this encoder never uses more than the default."""
        size = min(table_bytes, _TABLE_BYTES)
        self._is_resized = self._is_resized or size != self._table_bytes
        self._table_bytes = size

    def encode(
        self, method: str, path: str, *, content_length: int | None = None, metadata: bytes | None = None
    ) -> bytes:
        """Return the header block of a request.

        Args:
            method: ``GET`` or ``POST``.
            path: The path and query, in ASCII.
            content_length: The value of the header ``content-length``, None to leave it out.
            metadata: The value of the header ``message-metadata``, None to leave it out.
        """
        block = b"".join(
            (
                self._resized(),
                _GET if method == "GET" else _POST,
                _literal(_PATH, path.encode("ascii")),
                self._authority,
                self._scheme,
                self._authorization or self._indexed(),
            )
        )
        if content_length is not None:
            block += _literal(_CONTENT_LENGTH, b"%d" % content_length)
        return block if metadata is None else block + _METADATA + _integer(len(metadata), _TEXT) + metadata

    def _resized(self) -> bytes:
        """Return the change of the table's size since the last request, by way of 0, which empties the table."""
        if not self._is_resized:
            return b""
        self._is_resized = False
        self._authorization = b""
        return b"".join(_integer(size, _RESIZE) for size in dict.fromkeys((0, self._table_bytes)))

    def _indexed(self) -> bytes:
        """Return the token as a literal, which enters the peer's table if that is large enough."""
        if len(b"authorization") + len(self._token) + _ENTRY_BYTES > self._table_bytes:
            return _literal(_AUTHORIZATION, self._token, _NEVER_INDEXED)
        self._authorization = _integer(_FIRST_DYNAMIC, _INDEX)
        return _literal(_AUTHORIZATION, self._token, _INDEXED)


def _integer(value: int, representation: tuple[int, int]) -> bytes:
    """Return a number after the first bits of a representation. Source: RFC 7541 §5.1.

    >>> _integer(1337, (0x00, 5)).hex()
    '1f9a0a'
    """
    first, bits = representation
    limit = (1 << bits) - 1
    if value < limit:
        return bytes((first | value,))
    encoded = [first | limit]
    value -= limit
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


_TEXT: Final = (0x00, 7)
"""The length of a text without Huffman codes."""


def _literal(name: int, value: bytes, representation: tuple[int, int] = _PLAIN) -> bytes:
    return _integer(name, representation) + _integer(len(value), _TEXT) + value


_METADATA: Final = b"\x00" + _integer(len(b"message-metadata"), _TEXT) + b"message-metadata"
