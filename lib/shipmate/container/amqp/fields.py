"""Tables of headers: the client library reads or writes fractions, times and long numbers with a loss, or not at all.

Most of the time that a small message takes to be received goes into its table, so this is also quicker.

Source: AMQP 0-9-1 §4.2.5, with RabbitMQ's errata.
"""

from functools import lru_cache
from struct import Struct
from typing import Any, Final

from pika import data

_FLOAT: Final = Struct(">f")
_DOUBLE: Final = Struct(">d")
_LENGTH: Final = Struct(">I")
_LONG: Final = Struct(">q")
_SECONDS: Final = Struct(">Q")
_SHORT: Final = Struct(">h")
_INT: Final = Struct(">i")
_INTS: Final = range(-(2**31), 2**31)
_TEXT: Final = ord("S")

_decode_others: Final = data.decode_value
_encode_others: Final = data.encode_value


class Timestamp(int):
    """The seconds of a time as AMQP has it; some senders put milliseconds there, which no datetime can hold."""


def use() -> None:
    """Have the client library read and write all headers in this way, whichever table they are in."""
    data.decode_table = decode_table
    data.decode_value = decode_value
    data.encode_value = encode_value


def decode_table(encoded: bytes, offset: int) -> tuple[dict[str | bytes, Any], int]:
    """Return a table, and where what follows it begins."""
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


@lru_cache(maxsize=1024)
def _name(encoded: bytes) -> str | bytes:
    return _text(encoded)


def _text(encoded: bytes) -> str | bytes:
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return encoded


def decode_value(encoded: bytes, offset: int) -> tuple[Any, int]:
    """Return a value, and where the next one begins; the library alone cuts fractions off, and writes 5 as 5L."""
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
    if kind == b"s":  # a short number to RabbitMQ, which the library takes for a short text
        return _SHORT.unpack_from(encoded, offset + 1)[0], offset + 3
    if kind == b"T":
        return Timestamp(_SECONDS.unpack_from(encoded, offset + 1)[0]), offset + 9
    return _decode_others(encoded, offset)


def encode_value(pieces: list[bytes], value: Any) -> int:
    """Append a value, and return how long it is; the library alone refuses fractions."""
    if type(value) is int:
        encoded = b"I" + _INT.pack(value) if value in _INTS else b"l" + _LONG.pack(value)
    elif isinstance(value, float):
        encoded = b"d" + _DOUBLE.pack(value)
    elif isinstance(value, Timestamp):
        encoded = b"T" + _SECONDS.pack(value)
    else:
        return _encode_others(pieces, value)
    pieces.append(encoded)
    return len(encoded)
