"""The encryption of messages: the platform's vectors, both encodings, and what is no message."""

import base64
import hashlib
from contextlib import suppress
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as AESCipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.messages.cipher import Cipher, Undecodable
from shipmate.errors import BadSetting

PASSWORD: Final = "testCryptoPassword"
VECTOR: Final = "iv=any16_symbols"
# Contract 4.2.
VECTORS: Final = [
    (PASSWORD, VECTOR, '{"body":{"hello":"world"}}', "axyl/YcFb4wgFzIyJ9McA9xyf/alvd9InmVcpgXq9OA="),
    (
        PASSWORD,
        VECTOR,
        '{"id":"1","attachments":{},"body":{"name":"größere 25% € 😀"},"headers":{},"passthrough":{}}',
        "qFljlHl8s5JxQcU1YaecLzzLSKV+aqqSLUrf094bzALdtK5KJLU0aSc58bhJ1YKIi7GsJqPJ6aiP+A+rE43LZz9mDUZdNZ3wd1h+lYUdiMC4P8"
        "egUEc7OYb3o46866XquX6VChgtaOdBy59doaZdMA==",
    ),
    ("päss wörd", "0123456789abcdef", "{}", "Dkmqku3wnXcwXnkkggruEw=="),
    (
        PASSWORD,
        VECTOR,
        '{"name":"Error","message":"Test error","stack":"Not Available"}',
        "+PAlXNRj+5HdYNSuw3cyrfXNSlnUHKH0AtyspQkvT0RFROPAhMgqrj8y1I0EW9zJr4BXac52O0NBLEvOYqPrnQ==",
    ),
    (
        PASSWORD,
        VECTOR,
        '"B2B_L größere Firmenkunden 25% Rabatt"',
        "qsIhDNYrTgxiyVLKw03EjSXx9EQvoB47M15hYfmUmkSjvH+xrg1qdbKWokLUYx77",
    ),
    (PASSWORD, VECTOR, '{"a":"12345678"}', "W2hnW6M/Jcm0xSZWcMp3ak2FxucOR8oG08HEjVDOM94="),
    ("p", "ääääääää", '{"a":1}', "/fTR+myw2/SgWIJHRX7czw=="),
]


@pytest.mark.parametrize(("password", "iv", "plain", "encoded"), VECTORS)
def test_the_vectors_hold_in_both_directions_and_encodings(password: str, iv: str, plain: str, encoded: str) -> None:
    """Contract 17.1."""
    cipher = Cipher(password, iv)
    raw = base64.b64decode(encoded)
    assert cipher.encode(plain.encode(), 1) == encoded.encode()
    assert cipher.encode(plain.encode(), 2) == raw
    assert cipher.decode(encoded.encode(), 1) == plain.encode()
    assert cipher.decode(raw, 2) == plain.encode()


@pytest.mark.parametrize(("password", "iv", "plain", "encoded"), VECTORS)
def test_base64_may_be_written_in_other_ways(password: str, iv: str, plain: str, encoded: str) -> None:
    """Contract 4.1: wrapped, unpadded, with something else in it, or in the alphabet for URLs, as Node reads it."""
    cipher = Cipher(password, iv)
    wrapped = "\r\n".join(encoded[start : start + 10] for start in range(0, len(encoded), 10))
    url_safe = encoded.replace("+", "-").replace("/", "_")
    cut = encoded if encoded.endswith("=") else f"{encoded}A"
    for other in (wrapped, encoded.rstrip("="), url_safe, f"\ufeff{encoded[:4]}!ä*{encoded[4:]}", cut):
        assert cipher.decode(other.encode(), 1) == plain.encode()


@pytest.mark.parametrize("size", [2031, 2032, 2033, 4063, 4064, 6000, 8200, 65_519, 65_536, 65_537, 100_000])
def test_bodies_of_any_size_are_encrypted_in_the_same_way(size: int) -> None:
    """However they are cut into pieces on the way."""
    plain = bytes(number % 251 for number in range(size))
    reference = AESCipher(AES(hashlib.sha256(b"password").digest()), CBC(b"0123456789abcdef")).encryptor()
    padding = 16 - size % 16
    expected = reference.update(plain + bytes([padding]) * padding) + reference.finalize()
    cipher = Cipher("password", "0123456789abcdef")
    assert cipher.encode(plain, 2) == expected
    assert cipher.encode(plain, 1) == base64.b64encode(expected)
    assert cipher.decode(expected, 2) == cipher.decode(base64.b64encode(expected), 1) == plain


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3]))
def test_what_is_encoded_can_be_decoded(plain: bytes, protocol: int) -> None:
    """Any bytes of any length come back."""
    cipher = Cipher(PASSWORD, VECTOR)
    assert cipher.decode(cipher.encode(plain, protocol), protocol) == plain


@given(st.binary(max_size=100), st.sampled_from([1, 2]))
def test_what_is_no_message_raises_one_kind_of_error(body: bytes, protocol: int) -> None:
    """Whatever the bytes are; by chance they may even be a message."""
    with suppress(Undecodable):
        Cipher(PASSWORD, VECTOR).decode(body, protocol)


@pytest.mark.parametrize("body", [b"", b"=", b"a", b"0123456789abcdef0", b"0123456789abcdef"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_what_was_not_encrypted_is_refused(body: bytes, protocol: int) -> None:
    """An empty body, half a block, and padding that is none."""
    with pytest.raises(Undecodable):
        Cipher(PASSWORD, VECTOR).decode(body, protocol)


@pytest.mark.parametrize(("password", "iv"), [("", VECTOR), (PASSWORD, "short"), (PASSWORD, "ä" * 16)])
def test_no_password_and_another_vector_are_refused(password: str, iv: str) -> None:
    """Contract 14: an empty password would mean no encryption; the vector has 16 bytes, not characters."""
    with pytest.raises(BadSetting):
        Cipher(password, iv)
