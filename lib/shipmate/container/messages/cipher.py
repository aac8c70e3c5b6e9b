"""Encryption of messages: AES-256-CBC with the flow's password and initialization vector.

Source: contract §4.1.
"""

import binascii
import hashlib
from typing import Final

import pybase64
from cryptography.hazmat.primitives.ciphers import Cipher as _Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from shipmate.errors import BadSetting

RAW_SINCE_PROTOCOL: Final = 2
"""The first protocol whose bodies are not in base64."""
_BLOCK_BYTES: Final = 16
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64: Final = bytes(code for code in range(256) if not ((chr(code).isalnum() and code < 128) or code in b"+/-_"))
_UNDECODABLE: Final = "The message cannot be decoded: its headers, its encryption or its JSON is wrong"
_PADDINGS: Final = (b"", *(bytes([count]) * count for count in range(1, _BLOCK_BYTES + 1)))


class Undecodable(ValueError):
    """A message cannot be decoded.

    The text is the same for every reason: a sender who learns whether the padding or the JSON is wrong can decrypt
    messages without the password. Source: CWE-203.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason, which only the log may have."""
        super().__init__(_UNDECODABLE)
        self.reason = reason


class Cipher:
    """Encrypts and decrypts bodies; safe to share between threads."""

    __slots__ = ("_cipher",)

    def __init__(self, password: str, iv: str) -> None:
        """Derive the key.

        Args:
            password: Any text except an empty one, which would mean no encryption.
            iv: The initialization vector, a text of 16 bytes in UTF-8.

        Raises:
            BadSetting: The password is empty, or the vector does not have 16 bytes.
        """
        vector = iv.encode("utf-8", "surrogateescape")
        if not password or len(vector) != _BLOCK_BYTES:
            raise BadSetting(f"expected a password and a vector of {_BLOCK_BYTES} bytes, found {len(vector)} bytes")
        key = hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()
        self._cipher = _Cipher(AES(key), CBC(vector))

    def encrypt(self, plain: bytes) -> bytes:
        """Return the cipher text of any bytes."""
        encryptor = self._cipher.encryptor()
        padding = _PADDINGS[_BLOCK_BYTES - len(plain) % _BLOCK_BYTES]
        return encryptor.update(plain + padding)  # whole blocks, so that there is nothing to finalize

    def decrypt(self, encrypted: bytes) -> bytes:
        """Return the plain bytes of a cipher text.

        Raises:
            Undecodable: It was not encrypted with this password and vector.
        """
        if not encrypted or len(encrypted) % _BLOCK_BYTES:
            raise Undecodable("not a whole number of blocks")
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(encrypted)
        count = padded[-1]
        if not 0 < count <= _BLOCK_BYTES or not padded.endswith(_PADDINGS[count]):
            raise Undecodable("not encrypted with this password and vector")
        return padded[:-count]

    def encode(self, plain: bytes, protocol: int) -> bytes:
        """Return the body of a message: the cipher text in base64 for protocol 1, and as it is for later ones."""
        encrypted = self.encrypt(plain)
        if protocol >= RAW_SINCE_PROTOCOL:
            return encrypted
        return pybase64.b64encode(encrypted)

    def decode(self, body: bytes, protocol: float) -> bytes:
        """Return the plain bytes of a body; its base64 may have line breaks, no padding, or the alphabet for URLs.

        Raises:
            Undecodable: The body was not encoded with this protocol, password and vector.
        """
        if protocol >= RAW_SINCE_PROTOCOL:
            return self.decrypt(body)
        try:
            return self.decrypt(pybase64.b64decode(body, validate=True))
        except (binascii.Error, ValueError):
            pass
        return self.decrypt(_lenient_base64(body))


def _lenient_base64(body: bytes) -> bytes:
    """Decode base64 as Node does: skip other characters, and end at the padding."""
    text = body.partition(b"=")[0].translate(_URL_SAFE, _NOT_BASE64)
    whole = len(text) - (len(text) % 4 == 1)  # the six bits of a last single character make no byte
    return binascii.a2b_base64(text[:whole] + b"==")
