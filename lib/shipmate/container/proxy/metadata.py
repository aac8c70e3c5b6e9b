"""The header ``message-metadata``: JSON in place of the AMQP headers. Pure; no I/O.

Source: proxy §6.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from shipmate.jsonvalue import InvalidJson, encode, from_json

# The control character DEL is allowed in JSON, and not in headers.
_NOT_PRINTABLE: Final = re.compile("[^\x00-\x7e]")


class UnreadableMetadata(ValueError):
    """The metadata of a message is missing or no JSON object; the text quotes nothing of it."""


def decode_metadata(value: bytes | None) -> dict[str, Any]:
    """Return the metadata in a header, which is UTF-8 if that is valid, otherwise Latin-1.

    Raises:
        UnreadableMetadata: There is no such header, or it is not an object in JSON.

    >>> decode_metadata(b'{"a":"\\xc3\\xa4"}') == decode_metadata(b'{"a":"\\xe4"}') == {"a": "ä"}
    True
    """
    if value is None:
        raise UnreadableMetadata("no header message-metadata")
    try:
        metadata = from_json(value)
    except InvalidJson:
        try:
            metadata = from_json(value.decode("latin-1"))
        except InvalidJson as error:
            raise UnreadableMetadata(f"expected JSON in message-metadata, found {error}") from None
    if not isinstance(metadata, dict):
        raise UnreadableMetadata("expected an object in message-metadata, found other JSON")
    return metadata


def encode_metadata(metadata: Mapping[str, Any]) -> bytes:
    """Return the header for metadata: JSON in printable ASCII.

    >>> encode_metadata({"reboundReason": "1 € 😀"})
    b'{"reboundReason":"1 \\\\u20ac \\\\ud83d\\\\ude00"}'
    """
    encoded = encode(metadata)
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return _NOT_PRINTABLE.sub(_escaped, encoded.decode("utf-8")).encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
