"""The properties of messages: pika's own, with tables of headers that lose nothing."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from pika import BasicProperties
from pika.exceptions import InvalidFieldTypeException

from shipmate.container.amqp.fields import decode_short_text, decode_table, encode_short_text, encode_table

_FLAGS: Final = Struct(">H")
_MORE_FLAGS: Final = 1
_SECONDS: Final = Struct(">Q")
# The flags for content-type, content-encoding, headers and delivery-mode, and the first two of these.
_NEW_FLAGS: Final = b"\xf0\x00"
_NEW_CONTENT: Final = b"\x10application/json\x04utf8"

_Decode = Callable[[bytes, int], tuple[Any, int]]
_Encode = Callable[[Any], bytes]


def _decode_octet(encoded: bytes, offset: int) -> tuple[int, int]:
    return encoded[offset], offset + 1


def _encode_octet(value: int) -> bytes:
    return bytes((value,))


def _decode_seconds(encoded: bytes, offset: int) -> tuple[int, int]:
    return _SECONDS.unpack_from(encoded, offset)[0], offset + 8


_TEXT: Final = decode_short_text, encode_short_text
_TABLE: Final = decode_table, encode_table
_OCTET: Final = _decode_octet, _encode_octet
_TIME: Final = _decode_seconds, _SECONDS.pack
# In the order in which they are sent. Source: AMQP 0-9-1, class basic.
_CODECS: Final[Mapping[str, tuple[_Decode, _Encode]]] = {
    "content_type": _TEXT,
    "content_encoding": _TEXT,
    "headers": _TABLE,
    "delivery_mode": _OCTET,
    "priority": _OCTET,
    "correlation_id": _TEXT,
    "reply_to": _TEXT,
    "expiration": _TEXT,
    "message_id": _TEXT,
    "timestamp": _TIME,
    "type": _TEXT,
    "user_id": _TEXT,
    "app_id": _TEXT,
    "cluster_id": _TEXT,
}
# The highest bit of the flags is that of the first property.
_PROPERTIES: Final = tuple((1 << 15 - place, name, *codec) for place, (name, codec) in enumerate(_CODECS.items()))


class ReceivedProperties(BasicProperties):
    """The properties of a message that came."""

    def decode(self, encoded: bytes, offset: int = 0) -> "ReceivedProperties":
        """Read the properties at an offset."""
        (flags,) = _FLAGS.unpack_from(encoded, offset)
        offset += 2
        more = flags
        while more & _MORE_FLAGS:  # of properties that AMQP does not define
            (more,) = _FLAGS.unpack_from(encoded, offset)
            offset += 2
        for name, decode in _present(flags):
            value, offset = decode(encoded, offset)
            setattr(self, name, value)
        return self


class UnreadableProperties(BasicProperties):
    """Stands for properties that cannot be read."""


class NewProperties(BasicProperties):
    """The properties of a new message."""

    def __init__(self, headers: Mapping[str, Any], delivery_mode: int) -> None:
        """Take the properties that differ from message to message."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.content_type, self.content_encoding = "application/json", "utf8"
        self.headers = headers
        self.delivery_mode = delivery_mode

    def encode(self) -> list[bytes]:
        """Return the parts of what is sent."""
        return [_NEW_FLAGS, _NEW_CONTENT, encode_table(self.headers), _encode_octet(self.delivery_mode)]


class RepeatedProperties(BasicProperties):
    """The properties of a message that is published again as it came, except for some."""

    def __init__(self, origin: Any, headers: Mapping[str, Any], *, delivery_mode: int, expiration: str) -> None:
        """Copy ``origin``, and replace the others."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.__dict__.update(vars(origin))
        self.headers = headers
        self.delivery_mode = delivery_mode
        self.expiration = expiration

    def encode(self) -> list[bytes]:
        """Return the parts of what is sent."""
        flags = 0
        pieces = [b""]
        for flag, name, _, encode in _PROPERTIES:
            if (value := getattr(self, name)) is not None:
                flags |= flag
                pieces.append(encode(value))
        pieces[0] = _FLAGS.pack(flags)
        return pieces


def decode_properties(encoded: bytes, offset: int) -> BasicProperties:
    """Return the properties at an offset, `UnreadableProperties` if nobody can read them."""
    properties = ReceivedProperties()  # type: ignore[no-untyped-call]
    try:
        properties.decode(encoded, offset)
    except (ValueError, OverflowError, OSError, LookupError, RecursionError, StructError, InvalidFieldTypeException):
        # An exception here would end the I/O thread and the process, then the next process that gets the message.
        return UnreadableProperties()  # type: ignore[no-untyped-call]
    return properties


@lru_cache(maxsize=64)
def _present(flags: int) -> tuple[tuple[str, _Decode], ...]:
    return tuple((name, decode) for flag, name, decode, _ in _PROPERTIES if flags & flag)
