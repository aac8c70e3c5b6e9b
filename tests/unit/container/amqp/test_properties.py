"""Properties of messages: the same bytes as pika's, except for what pika cannot do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from shipmate.container.amqp.properties import (
    NewProperties,
    ReceivedProperties,
    RepeatedProperties,
    UnreadableProperties,
    decode_properties,
)

SHORT_TEXT = st.text(max_size=60)
OCTET = st.integers(0, 255)
ALL = st.fixed_dictionaries(
    {},
    optional={
        "content_type": SHORT_TEXT,
        "content_encoding": SHORT_TEXT,
        "headers": st.dictionaries(SHORT_TEXT, st.none() | st.booleans() | st.integers(0, 2**40) | st.text()),
        "delivery_mode": OCTET,
        "priority": OCTET,
        "correlation_id": SHORT_TEXT,
        "reply_to": SHORT_TEXT,
        "expiration": SHORT_TEXT,
        "message_id": SHORT_TEXT,
        "timestamp": st.integers(0, 2**63),
        "type": SHORT_TEXT,
        "user_id": SHORT_TEXT,
        "app_id": SHORT_TEXT,
        "cluster_id": SHORT_TEXT,
    },
)


def encoded(properties: BasicProperties) -> bytes:
    """Return properties as they are sent."""
    return b"".join(properties.encode())  # type: ignore[no-untyped-call]


@given(ALL)
def test_properties_are_read_as_pika_reads_them(values: dict[str, Any]) -> None:
    """All fourteen, in any combination."""
    properties = BasicProperties(**values)
    assert vars(decode_properties(b"xy" + encoded(properties) + b"more", 2)) == vars(properties)


@given(ALL)
def test_a_message_that_goes_back_has_the_properties_with_which_it_came(values: dict[str, Any]) -> None:
    """Contract 6.3: a rebound keeps the original AMQP properties, except for these three."""
    origin = decode_properties(encoded(BasicProperties(**values)), 0)
    changed: dict[str, Any] = {"headers": {"reboundIteration": 1}, "delivery_mode": 2, "expiration": "15000"}
    repeated = RepeatedProperties(origin, changed["headers"], delivery_mode=2, expiration="15000")
    assert encoded(repeated) == encoded(BasicProperties(**{**values, **changed}))


def test_a_message_that_goes_back_keeps_its_fractions() -> None:
    """Contract 6.3: with its original headers, which pika alone could not send."""
    repeated = RepeatedProperties(BasicProperties(), {"a": [1.5]}, delivery_mode=1, expiration="1")
    assert decode_properties(encoded(repeated), 0).headers == {"a": [1.5]}


@pytest.mark.parametrize(
    "headers",
    [
        {"messageId": "größe", "start": 1795459368121, "protocolVersion": 1},
        {"flag": True, "none": None, "list": [1, "a", {"b": 2}], "table": {"x": -1}},
        {"empty": "", "long" * 60: "x" * 300},
    ],
)
def test_headers_are_encoded_as_pika_does(headers: dict[str, Any]) -> None:
    """They are encoded piece by piece, and remembered, only because that is faster."""
    ours = encoded(NewProperties(headers, 1))
    theirs = BasicProperties(content_type="application/json", content_encoding="utf8", headers=headers, delivery_mode=1)
    assert ours == encoded(theirs)
    assert encoded(NewProperties(headers, 1)) == ours


def test_flags_of_unknown_properties_are_skipped() -> None:
    """The last bit says that more flags follow, as pika understands it."""
    flags = b"\x10\x01" + b"\x00\x03" + b"\x00\x02"
    properties = decode_properties(flags + b"\x02more", 0)
    assert isinstance(properties, ReceivedProperties)
    assert properties.delivery_mode == 2


@pytest.mark.parametrize("encoded", [b"", b"\x00\x01", b"\x20\x00\x00\x00\x00\x09\x01aZ", b"\x10\x00", b"\x00\x40\x00"])
def test_broken_properties_are_unreadable_properties(encoded: bytes) -> None:
    """An exception would end the I/O thread, and the next process that gets the message."""
    assert isinstance(decode_properties(encoded, 0), UnreadableProperties)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x20\x00", b"\x20\x00\x00\x00\x00\x40\x01a", b"\xff\xfc"]))
def test_no_bytes_of_a_sender_raise(more: bytes, beginning: bytes) -> None:
    """They are read, or are unreadable properties."""
    assert isinstance(decode_properties(beginning + more, 0), ReceivedProperties | UnreadableProperties)
