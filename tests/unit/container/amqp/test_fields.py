"""Values of headers, written and read."""

from datetime import UTC, datetime
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import data
from pika.exceptions import UnsupportedAMQPFieldException

from shipmate.container.amqp import fields


def there_and_back(table: dict[str, Any]) -> Any:
    """Return a table that was encoded and decoded."""
    return fields.decode_table(fields.encode_table(table), 0)[0]


@pytest.mark.parametrize(
    "value",
    [1.5, -0.25, 1e300, 7, 2**40, -5, True, None, "text", b"bytes", [1.5, "a", [2.5]], {"a": {"b": 0.5}}],
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Contract 5.1: forwarded headers are unchanged; pika alone makes 1 of 1.5, and refuses to send it."""
    back = there_and_back({"x-eio-meta-a": value})
    assert back == {"x-eio-meta-a": value}
    assert type(back["x-eio-meta-a"]) is type(value)


NAMES = st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.floats(allow_nan=False) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_a_table_comes_back_as_it_was(table: dict[str, Any]) -> None:
    """In the same order, and without the bytes behind it."""
    encoded = fields.encode_table(table)
    back, end = fields.decode_table(b"xy" + encoded + b"more", 2)
    assert (back, end) == (table, 2 + len(encoded))
    assert list(back) == list(table)


WITHOUT_FRACTIONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, WITHOUT_FRACTIONS, max_size=6))
def test_a_table_without_fractions_is_encoded_as_pika_does(table: dict[str, Any]) -> None:
    """Byte for byte; for longer integers, versions of pika differ in the type that they write."""
    pieces: list[bytes] = []
    data.encode_table(pieces, table)
    assert fields.encode_table(table) == b"".join(pieces)
    assert fields.decode_table(b"".join(pieces), 0) == data.decode_table(b"".join(pieces), 0)


def test_pika_itself_stays_as_it_is() -> None:
    """A component that uses pika for its own purposes gets what pika documents."""
    with pytest.raises(UnsupportedAMQPFieldException):
        data.encode_value([], 1.5)
    assert data.decode_value(b"d" + pack(">d", 1.5), 0) == (1, 9)
    assert isinstance(data.decode_value(b"T" + pack(">Q", 1), 0)[0], datetime)


def test_a_name_that_is_not_utf_8_stays_bytes() -> None:
    """As in pika."""
    assert fields.decode_table(b"\x00\x00\x00\x08\x01\xffS\x00\x00\x00\x01a", 0) == ({b"\xff": "a"}, 12)


def test_a_text_that_is_not_utf_8_stays_bytes() -> None:
    """As in pika."""
    assert fields.decode_value(b"S\x00\x00\x00\x01\xffmore", 0) == (b"\xff", 6)
    assert fields.decode_table(b"\x00\x00\x00\x08\x01aS\x00\x00\x00\x01\xff", 0) == ({"a": b"\xff"}, 12)


def test_a_32_bit_fraction_is_read() -> None:
    """Some clients send them."""
    assert fields.decode_value(b"f\x3f\xc0\x00\x00", 0) == (1.5, 5)


@pytest.mark.parametrize("seconds", [0, 1_700_000_000, 1_700_000_000_000])
def test_a_time_stays_a_time_even_in_milliseconds(seconds: int) -> None:
    """Read as seconds, they mean a year beyond any datetime; that must not end a container."""
    back = there_and_back({"at": fields.Timestamp(seconds)})["at"]
    assert back == seconds
    assert isinstance(back, fields.Timestamp)


def test_a_datetime_can_be_sent() -> None:
    """As in pika."""
    assert there_and_back({"at": datetime(2026, 1, 2, tzinfo=UTC)}) == {"at": 1_767_312_000}
