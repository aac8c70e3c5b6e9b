"""Frames: cut out of bytes, and written."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.frames import Breach, Frame, FrameReader

FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=40))


def written(frame: Frame) -> bytes:
    return frames.head(frame.kind, frame.flags, frame.stream_id, len(frame.payload)) + frame.payload


@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_frames_are_the_same_however_the_bytes_are_divided(sent: list[Frame], cuts: list[int]) -> None:
    """A frame may come in any number of pieces, and many in one."""
    content = b"".join(map(written, sent))
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    reader = FrameReader()
    received = [each for begin, end in pairwise(places) for each in reader.feed(content[begin:end])]
    assert received == sent


def test_a_frame_that_is_too_long_is_a_breach() -> None:
    """Its payload is not waited for."""
    with pytest.raises(Breach) as caught:
        FrameReader().feed(frames.head(frames.DATA, 0, 1, frames.FRAME_BYTES + 1))
    assert caught.value.code == frames.FRAME_SIZE_ERROR


def test_a_long_header_block_goes_on_in_other_frames() -> None:
    """CONTINUATION, without anything in between; only the last one ends the headers."""
    block = bytes(range(256)) * 100
    first, second = FrameReader().feed(
        frames.header_frames(5, block, flags=frames.END_STREAM, frame_bytes=frames.FRAME_BYTES)
    )
    assert (first.kind, first.flags, first.stream_id) == (frames.HEADERS, frames.END_STREAM, 5)
    assert (second.kind, second.flags, second.stream_id) == (frames.CONTINUATION, frames.END_HEADERS, 5)
    assert first.payload + second.payload == block


@pytest.mark.parametrize(
    ("frame", "payload"),
    [
        (Frame(frames.DATA, 0, 1, b"abc"), b"abc"),
        (Frame(frames.DATA, frames.PADDED, 1, b"\x02abc\0\0"), b"abc"),
        (Frame(frames.DATA, frames.PADDED, 1, b"\x01\0"), b""),
        (Frame(frames.HEADERS, frames.PADDED | frames.HAS_PRIORITY, 1, b"\x01\0\0\0\0\0abc\0"), b"abc"),
    ],
)
def test_padding_and_priority_are_removed(frame: Frame, payload: bytes) -> None:
    assert frames.unpadded(frame) == payload


@pytest.mark.parametrize("payload", [b"", b"\x02a", b"\xff"])
def test_more_padding_than_payload_is_a_breach(payload: bytes) -> None:
    with pytest.raises(Breach):
        frames.unpadded(Frame(frames.DATA, frames.PADDED, 1, payload))
