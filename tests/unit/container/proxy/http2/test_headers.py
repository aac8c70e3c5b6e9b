"""Headers: those of requests as another implementation reads them, those of answers as another one writes them."""

from contextlib import suppress

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.proxy.http2.header_decoder import HeaderDecoder, WrongHeaders
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder

NAMES = st.sampled_from([b":status", b"message-metadata", b"content-length", b"date", b"x"])
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=6)
TOKEN = "Bearer " + "t" * 700


def encoder(authorization: str = TOKEN) -> HeaderEncoder:
    return HeaderEncoder(scheme="http", authority="proxy:5001", authorization=authorization)


@given(st.lists(st.tuples(HEADERS, st.booleans(), st.sampled_from([None, 0, 100, 4096])), max_size=6))
def test_what_another_encoder_writes_is_read(blocks: list[tuple[list[tuple[bytes, bytes]], bool, int | None]]) -> None:
    """With and without Huffman codes, with entries of the table that come and go."""
    peer, decoder = hpack.Encoder(), HeaderDecoder(65_536)
    for headers, is_packed, table_bytes in blocks:
        if table_bytes is not None:
            peer.header_table_size = table_bytes
        assert decoder.decode(peer.encode(headers, huffman=is_packed)) == headers


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(block: bytes) -> None:
    """Nothing else is raised, as the peer may send anything."""
    with suppress(WrongHeaders):
        HeaderDecoder(1000).decode(block)


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",
        b"\xff\x80\x80\x80\x80\x80\x80\x01",
        b"\xbe",
        b"\x3f\xe2\x1f",
        b"\x88\x20",
        b"\x00\x01a\x05abcd",
        b"\x00\x01a",
        b"\x00\x01a\x81\x00",
        b"\x00\x01a\x84\xff\xff\xff\xff",
    ],
    ids=["index 0", "endless number", "no such entry", "table of 4097", "late resize", "short value", "no value",
         "half a code", "end of string"],
)  # fmt: skip
def test_malformed_blocks_are_refused(block: bytes) -> None:
    with pytest.raises(WrongHeaders):
        HeaderDecoder(65_536).decode(block)


def test_a_small_block_cannot_become_large() -> None:
    """One byte for each repetition of a long header."""
    block = b"\x40\x01a\x7f\x81\x1e" + b"x" * 3968 + b"\xbe" * 100
    with pytest.raises(WrongHeaders, match="more than"):
        HeaderDecoder(65_536).decode(block)


def test_requests_have_the_headers_of_the_contract_in_its_order() -> None:
    """Proxy 18.2, 18.3; the values are the same when the token is only an index."""
    mine, peer = encoder(), hpack.Decoder()
    for _ in range(2):
        assert peer.decode(mine.encode("POST", "/message?type=data", content_length=64, metadata=b"{}")) == [
            (":method", "POST"),
            (":path", "/message?type=data"),
            (":authority", "proxy:5001"),
            (":scheme", "http"),
            ("authorization", TOKEN),
            ("content-length", "64"),
            ("message-metadata", "{}"),
        ]
    assert [name for name, _ in peer.decode(mine.encode("GET", "/message?prefetch=1"))] == [
        ":method", ":path", ":authority", ":scheme", "authorization",
    ]  # fmt: skip


def test_the_token_is_sent_once() -> None:
    mine = encoder()
    first, second = (len(mine.encode("GET", "/message?prefetch=1")) for _ in range(2))
    assert first - second > len(TOKEN) - 10


@given(st.lists(st.lists(st.sampled_from([0, 100, 4095, 4096, 65_536]), max_size=3), max_size=6))
def test_the_table_of_the_peer_may_have_any_size(settings: list[list[int]]) -> None:
    """Each change is announced in the next block, by way of the smallest size."""
    mine, peer = encoder(), hpack.Decoder()
    for sizes in settings:
        for size in sizes:
            mine.resize(size)
            peer.max_allowed_table_size = size
        assert dict(peer.decode(mine.encode("GET", "/a")))["authorization"] == TOKEN


def test_a_token_that_is_larger_than_the_table_is_sent_each_time() -> None:
    token = "Bearer " + "t" * 5000
    mine, peer = encoder(token), hpack.Decoder()
    for _ in range(2):
        assert dict(peer.decode(mine.encode("GET", "/a")))["authorization"] == token
