"""Tables of headers as AMQP encodes them. pika alone truncates fractions, cannot send them, and rejects large times.

Most of the time that a small message takes to be received goes into its table, so these functions are also faster.

Source: AMQP 0-9-1 §4.2.5, with RabbitMQ's errata.
"""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from pika.data import decode_value as decode_other_value
from pika.data import encode_short_string
from pika.data import encode_value as encode_other_value

_FLOAT: Final = Struct(">f")
_DOUBLE: Final = Struct(">d")
_LENGTH: Final = Struct(">I")
_LONG: Final = Struct(">q")
_SECONDS: Final = Struct(">Q")
_SHORT: Final = Struct(">h")
_INT: Final = Struct(">i")
_INTS: Final = range(-(2**31), 2**31)
_TEXT: Final = ord("S")


class Timestamp(int):
    """A time in seconds since 1970. Some senders put milliseconds there, which no datetime can hold."""


def decode_table(encoded: bytes, offset: int) -> tuple[dict[str | bytes, Any], int]:
    """Return the table at an offset, and the offset behind it."""
    length_at = _LENGTH.unpack_from
    end = offset + 4 + length_at(encoded, offset)[0]
    offset += 4
    table: dict[str | bytes, Any] = {}
    while offset < end:
        start = offset + 1
        offset = start + encoded[offset]
        name = _name(encoded[start:offset])
        if encoded[offset] != _TEXT:
            table[name], offset = decode_value(encoded, offset)
            continue
        start = offset + 5
        offset = start + length_at(encoded, offset + 1)[0]
        text = encoded[start:offset]
        try:
            table[name] = text.decode()
        except UnicodeDecodeError:
            table[name] = text
    return table, offset


def decode_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    """Return the value at an offset, its type included, and the offset behind it."""
    kind = encoded[offset : offset + 1]
    if kind == b"S":
        start = offset + 5
        end = start + _LENGTH.unpack_from(encoded, offset + 1)[0]
        return _text(encoded[start:end]), end
    if kind == b"d":
        return _DOUBLE.unpack_from(encoded, offset + 1)[0], offset + 9
    if kind == b"f":
        return _FLOAT.unpack_from(encoded, offset + 1)[0], offset + 5
    if kind in (b"l", b"L"):
        return _LONG.unpack_from(encoded, offset + 1)[0], offset + 9
    if kind == b"s":  # a 16-bit integer, which some versions of pika read as a short text
        return _SHORT.unpack_from(encoded, offset + 1)[0], offset + 3
    if kind == b"T":
        return Timestamp(_SECONDS.unpack_from(encoded, offset + 1)[0]), offset + 9
    if kind == b"F":
        return decode_table(encoded, offset + 1)
    if kind == b"A":
        return _decode_list(encoded, offset + 1)
    return decode_other_value(encoded, offset)


def decode_short_text(encoded: bytes, offset: int) -> tuple[str | bytes, int]:
    """Return the AMQP short string at an offset, and the offset after it."""
    start = offset + 1
    end = start + encoded[offset]
    return _text(encoded[start:end]), end


def encode_table(table: Mapping[Any, Any]) -> bytes:
    """Return a table as it is sent; entries with a text are remembered, since most of them never change."""
    entries = b"".join(
        [
            _text_entry(name, value) if type(value) is str else _encoded_name(name) + encode_value(value)
            for name, value in table.items()
        ]
    )
    return _LENGTH.pack(len(entries)) + entries


def encode_value(value: Any) -> bytes:
    """Return a value as it is sent, its type included."""
    if type(value) is int:
        return b"I" + _INT.pack(value) if value in _INTS else b"l" + _LONG.pack(value)
    if isinstance(value, float):
        return b"d" + _DOUBLE.pack(value)
    if isinstance(value, Timestamp):
        return b"T" + _SECONDS.pack(value)
    if isinstance(value, dict):
        return b"F" + encode_table(value)
    if isinstance(value, list):
        values = b"".join(map(encode_value, value))
        return b"A" + _LENGTH.pack(len(values)) + values
    pieces: list[bytes] = []
    encode_other_value(pieces, value)
    return b"".join(pieces)


def encode_short_text(text: str | bytes) -> bytes:
    """Return a text of at most 255 bytes as it is sent."""
    pieces: list[bytes] = []
    encode_short_string(pieces, text)  # type: ignore[arg-type]
    return b"".join(pieces)


_encoded_name: Final = lru_cache(maxsize=256)(encode_short_text)


def _decode_list(encoded: bytes, offset: int) -> tuple[list[Any], int]:
    end = offset + 4 + _LENGTH.unpack_from(encoded, offset)[0]
    offset += 4
    values: list[Any] = []
    while offset < end:
        value, offset = decode_value(encoded, offset)
        values.append(value)
    return values, offset


@lru_cache(maxsize=1024)
def _name(encoded: bytes) -> str | bytes:
    return _text(encoded)


def _text(encoded: bytes) -> str | bytes:
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return encoded


@lru_cache(maxsize=256)
def _text_entry(name: str | bytes, value: str) -> bytes:
    text = value.encode()
    return _encoded_name(name) + b"S" + _LENGTH.pack(len(text)) + text
