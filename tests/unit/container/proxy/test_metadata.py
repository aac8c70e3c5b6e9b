"""The header with the metadata of messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.proxy.metadata import UnreadableMetadata, decode_metadata, encode_metadata

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_metadata_is_printable_ascii_and_reads_back(metadata: dict[str, object]) -> None:
    """PDEF-15: no byte that a header cannot have, whatever the text."""
    header = encode_metadata(metadata)
    assert all(0x20 <= byte < 0x7F for byte in header)
    assert decode_metadata(header) == json.loads(header) == metadata


def test_metadata_is_utf_8_or_latin_1() -> None:
    """Proxy 6.1: Node writes Latin-1."""
    assert decode_metadata('{"a":"ä€"}'.encode()) == {"a": "ä€"}
    assert decode_metadata('{"a":"äÿ"}'.encode("latin-1")) == {"a": "äÿ"}


def test_lone_surrogates_and_long_integers_survive() -> None:
    metadata = {"a": "\ud800", "b": 2**70}
    assert decode_metadata(encode_metadata(metadata)) == metadata


@pytest.mark.parametrize("header", [None, b"", b"no JSON", b"[1]", b"null", b"\xff\xfe", b'"text"', b"{"])
def test_what_is_no_object_cannot_be_read(header: bytes | None) -> None:
    """Proxy 5.5."""
    with pytest.raises(UnreadableMetadata):
        decode_metadata(header)
