"""The streams of one connection."""

import pytest

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.frames import Breach, Frame
from tests.unit.container.proxy.http2.peer import OK, Peer

WINDOW = 65_535


def test_a_connection_begins_with_the_preface_and_empty_settings() -> None:
    """Proxy 4.1: all defaults; the settings of the peer are acknowledged."""
    peer = Peer()
    assert peer.preface == frames.PREFACE + frames.head(frames.SETTINGS, 0, 0, 0)
    peer.send_settings((frames.MAX_CONCURRENT_STREAMS, 7), (99, 1))
    assert peer.received() == [Frame(frames.SETTINGS, frames.ACK, 0, b"")]
    assert peer.events == ["ready", "ready"]
    assert peer.http.max_streams == 7


def test_a_poll_is_one_frame_and_its_answer_may_come_in_pieces() -> None:
    peer = Peer()
    peer.get("/message?prefetch=1")
    (frame,) = peer.received()
    assert (frame.kind, frame.flags, frame.stream_id) == (frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1)
    assert peer.headers_in(frame)[":path"] == "/message?prefetch=1"
    peer.send_headers(1, [*OK, ("message-metadata", "{}")])
    for piece in (b"a", b"", b"bc"):
        peer.send_data(1, piece)
    assert peer.answers == []
    peer.send_data(1, b"", is_end=True)
    (answer,) = peer.answers
    assert (answer.status, answer.body, answer.metadata, answer.is_cut) == (200, b"abc", b"{}", False)
    assert peer.http.exchanges == []


def test_a_post_ends_with_its_body_and_an_empty_one_with_an_empty_frame() -> None:
    """Proxy 9.1."""
    peer = Peer()
    peer.post(b"abc")
    peer.post()
    kinds = [(each.kind, each.flags, each.stream_id, each.payload) for each in peer.received() if each.kind == 0]
    assert kinds == [(frames.DATA, frames.END_STREAM, 1, b"abc"), (frames.DATA, frames.END_STREAM, 3, b"")]


def test_a_long_body_is_sent_as_the_windows_allow() -> None:
    """Proxy 4.1: a window of 500; each update is used up, and the last frame ends the stream."""
    peer = Peer((frames.INITIAL_WINDOW_SIZE, 500))
    body = bytes(range(256)) * 5
    peer.post(body)
    assert peer.bodies() == {1: body[:500]}
    peer.send_window(1, 300)
    assert peer.bodies() == {1: body[500:800]}
    peer.send_settings((frames.INITIAL_WINDOW_SIZE, 900))
    assert peer.bodies() == {1: body[800:1200]}
    peer.send_settings((frames.INITIAL_WINDOW_SIZE, 100))
    peer.send_window(1, 800)
    assert peer.bodies() == {}
    peer.send_window(1, 80)
    (last,) = (each for each in peer.received() if each.kind == frames.DATA)
    assert (last.payload, last.flags) == (body[1200:], frames.END_STREAM)


def test_many_bodies_share_the_window_of_the_connection() -> None:
    """None starves while another is long; frames are as long as the peer allows."""
    peer = Peer()
    peer.post(b"a" * 100_000)
    peer.post(b"b" * 100_000)
    first = peer.bodies()
    assert sum(map(len, first.values())) == WINDOW
    peer.send_window(1, 100_000)
    peer.send_window(3, 100_000)
    assert peer.bodies() == {}
    peer.send_window(0, 200_000)
    second = peer.bodies()
    assert {stream: len(first[stream]) + len(second[stream]) for stream in (1, 3)} == {1: 100_000, 3: 100_000}


def test_longer_frames_are_used_where_the_peer_allows_them() -> None:
    peer = Peer((frames.MAX_FRAME_SIZE, 50_000))
    peer.post(b"a" * 40_000)
    assert frames.head(frames.DATA, frames.END_STREAM, 1, 40_000) in peer.sent()


def test_a_body_that_waits_for_a_window_does_not_hold_up_others() -> None:
    peer = Peer((frames.INITIAL_WINDOW_SIZE, 0))
    peer.post(b"abc")
    peer.post()
    peer.get()
    assert [(each.kind, each.stream_id) for each in peer.received()] == [(1, 1), (1, 3), (0, 3), (1, 5)]


def test_windows_are_given_back_as_bodies_come() -> None:
    """Proxy 4.1: half a window at a time, on the stream and on the connection; also for streams that have ended."""
    peer = Peer()
    peer.get()
    peer.received()
    peer.send_headers(1)
    for _ in range(4):
        peer.send_data(1, b"x" * 10_000)
    updates = [(each.kind, each.stream_id, int.from_bytes(each.payload, "big")) for each in peer.received()]
    assert updates == [(frames.WINDOW_UPDATE, 0, 40_000), (frames.WINDOW_UPDATE, 1, 40_000)]
    peer.http.reset(peer.http.exchanges[0], frames.CANCEL)
    peer.received()
    for _ in range(4):
        peer.send_data(1, b"x" * 10_000)
    assert [(each.kind, each.stream_id) for each in peer.received()] == [(frames.WINDOW_UPDATE, 0)]


def test_only_as_many_streams_are_opened_as_the_peer_allows() -> None:
    """A stream that was reset does not count."""
    peer = Peer((frames.MAX_CONCURRENT_STREAMS, 2))
    first = peer.get()
    peer.get()
    assert not peer.http.has_room
    peer.http.reset(first, frames.NO_ERROR, reads_on=True)
    assert peer.http.has_room
    peer.get()
    peer.send_reset(3, frames.CANCEL)
    assert peer.http.has_room


@pytest.mark.parametrize(("code", "is_calm"), [(frames.NO_ERROR, True), (frames.CANCEL, False), (99, False)])
def test_a_reset_is_no_answer(code: int, is_calm: bool) -> None:
    """PDEF-11: not even one without an error, nor after the headers of a success."""
    peer = Peer()
    peer.post()
    peer.send_headers(1)
    peer.send_reset(1, code)
    (answer,) = peer.answers
    assert (answer.status, answer.is_calm, answer.is_lost) == (0, is_calm, False)


def test_an_answer_that_was_on_the_way_is_taken_after_a_reset() -> None:
    """Proxy 17, Q15."""
    peer = Peer()
    exchange = peer.get()
    peer.received()
    peer.http.reset(exchange, frames.NO_ERROR, reads_on=True)
    assert peer.received() == [Frame(frames.RST_STREAM, 0, 1, bytes(4))]
    peer.send_headers(1)
    peer.send_data(1, b"abc", is_end=True)
    assert [each.body for each in peer.answers] == [b"abc"]


def test_a_refusal_before_the_whole_request_ends_it() -> None:
    """RFC 9113 8.1: the rest of the body is not sent."""
    peer = Peer((frames.INITIAL_WINDOW_SIZE, 2))
    peer.post(b"abcdef")
    peer.received()
    peer.send_headers(1, [(":status", "413")])
    peer.send_data(1, b"too long", is_end=True)
    assert [(each.status, each.body) for each in peer.answers] == [(413, b"too long")]
    assert peer.received() == [Frame(frames.RST_STREAM, 0, 1, (8).to_bytes(4, "big"))]


def test_a_success_before_the_whole_request_counts_when_all_is_sent() -> None:
    """Or when the peer does not want the rest."""
    peer = Peer((frames.INITIAL_WINDOW_SIZE, 2))
    peer.post(b"abcdef")
    peer.post(b"abcdef")
    peer.received()
    peer.send_headers(1, is_end=True)
    peer.send_headers(3, is_end=True)
    assert peer.answers == []
    peer.send_window(1, 4)
    assert peer.bodies() == {1: b"cdef"}
    assert [each.status for each in peer.answers] == [200]
    peer.send_reset(3, frames.NO_ERROR)
    assert [each.status for each in peer.answers] == [200, 200]


@pytest.mark.parametrize(
    "headers",
    [[], [("x", "y")], [(":status", "2x0")], [(":status", "20")], [(":status", "99")], [(":status", "0200")]],
)
def test_headers_without_a_status_are_no_answer(headers: list[tuple[str, str]]) -> None:
    peer = Peer()
    peer.get()
    peer.received()
    peer.send_headers(1, headers, is_end=True)
    assert [each.status for each in peer.answers] == [0]
    assert [(each.kind, each.payload) for each in peer.received()] == [(frames.RST_STREAM, (1).to_bytes(4, "big"))]


def test_informational_answers_come_before_the_answer() -> None:
    peer = Peer()
    peer.get()
    peer.send_headers(1, [(":status", "103"), ("message-metadata", "no")])
    peer.send_headers(1, [(":status", "204")], is_end=True)
    assert [(each.status, each.metadata) for each in peer.answers] == [(204, None)]


def test_headers_after_the_body_end_it() -> None:
    peer = Peer()
    peer.get()
    peer.send_headers(1)
    peer.send_data(1, b"abc")
    peer.send_headers(1, [("checksum", "1")], is_end=True)
    assert [each.body for each in peer.answers] == [b"abc"]


@pytest.mark.parametrize("length", ["2", "4", "x", "-1"])
def test_a_body_of_another_length_than_it_says_is_no_answer(length: str) -> None:
    """A message that lacks its end must not be processed."""
    peer = Peer()
    peer.get()
    peer.send_headers(1, [*OK, ("content-length", length)])
    peer.send_data(1, b"abc", is_end=True)
    assert [each.status for each in peer.answers] == [0]


def test_a_body_before_the_headers_is_no_answer() -> None:
    peer = Peer()
    peer.get()
    peer.send_data(1, b"abc")
    assert [each.status for each in peer.answers] == [0]


def test_of_a_body_that_is_too_long_the_beginning_is_kept() -> None:
    peer = Peer()
    peer.get(most_bytes=4)
    peer.send_headers(1)
    for piece in (b"abc", b"def", b"ghi"):
        peer.send_data(1, piece)
    peer.send_data(1, b"", is_end=True)
    assert [(each.body, each.is_cut) for each in peer.answers] == [(b"abcd", True)]


def test_a_going_peer_answers_what_it_has_read_and_nothing_else() -> None:
    """Proxy 4.5, PDEF-24: requests after the named stream are repeated on the next connection."""
    peer = Peer()
    peer.get()
    peer.post()
    peer.send_goaway(last=1)
    assert peer.events[-1] == "goaway 0"
    assert not peer.http.has_room
    (refused,) = peer.answers
    assert (refused.status, refused.is_lost) == (0, True)
    peer.send_headers(1)
    peer.send_data(1, b"abc", is_end=True)
    assert peer.answers[-1].body == b"abc"


def test_pings_are_answered_and_answers_are_noticed() -> None:
    peer = Peer()
    peer.send(frames.PING, payload=b"12345678")
    assert peer.received() == [Frame(frames.PING, frames.ACK, 0, b"12345678")]
    peer.http.ping(b"abcdefgh")
    assert peer.received() == [Frame(frames.PING, 0, 0, b"abcdefgh")]
    peer.send(frames.PING, frames.ACK, payload=b"abcdefgh")
    assert peer.events[-1] == "pong abcdefgh"


def test_a_pushed_answer_is_refused_and_the_table_of_headers_stays_right() -> None:
    """Proxy 4.1: push is not disabled, by default."""
    peer = Peer()
    peer.get()
    peer.received()
    pushed = (2).to_bytes(4, "big") + peer.block([(":path", "/pushed"), ("x-long", "y" * 50)])
    peer.send(frames.PUSH_PROMISE, frames.END_HEADERS, 1, pushed)
    assert peer.received() == [Frame(frames.RST_STREAM, 0, 2, (frames.REFUSED_STREAM).to_bytes(4, "big"))]
    peer.send_headers(2, [("x-long", "y" * 50)], is_end=True)
    peer.send_headers(1, [*OK, ("message-metadata", "{}"), ("x-long", "y" * 50)], is_end=True)
    assert [each.metadata for each in peer.answers] == [b"{}"]


def test_headers_may_go_on_in_other_frames() -> None:
    peer = Peer()
    peer.get()
    block = peer.block([*OK, ("message-metadata", '{"a":1}')])
    peer.send(frames.HEADERS, frames.END_STREAM, 1, block[:3])
    peer.send(frames.CONTINUATION, 0, 1, block[3:5])
    peer.send(frames.CONTINUATION, frames.END_HEADERS, 1, block[5:])
    assert [each.metadata for each in peer.answers] == [b'{"a":1}']


def test_a_lost_connection_ends_all_requests() -> None:
    peer = Peer()
    peer.get()
    peer.post()
    peer.http.fail("it is gone")
    assert [(each.status, each.is_lost, each.cause) for each in peer.answers] == [(0, True, "it is gone")] * 2
    assert not peer.http.has_room


def test_frames_of_an_unknown_type_and_late_frames_are_ignored() -> None:
    peer = Peer()
    peer.get()
    peer.send_headers(1, is_end=True)
    peer.received()
    peer.send(77, 255, 1, b"?")
    peer.send(frames.PRIORITY, 0, 1, bytes(5))
    peer.send_data(1, b"late")
    peer.send_headers(1, is_end=True)
    peer.send_reset(1, 0)
    peer.send_window(1, 5)
    assert peer.received() == []
    assert len(peer.answers) == 1


@pytest.mark.parametrize(
    ("kind", "flags", "stream_id", "payload"),
    [
        (frames.HEADERS, 4, 9, b"\x88"),
        (frames.HEADERS, 4, 2, b"\x88"),
        (frames.HEADERS, 4, 0, b"\x88"),
        (frames.HEADERS, 4, 1, b"\xff\xff"),
        (frames.DATA, 0, 0, b""),
        (frames.DATA, 0, 3, b""),
        (frames.RST_STREAM, 0, 1, b""),
        (frames.RST_STREAM, 0, 5, bytes(4)),
        (frames.WINDOW_UPDATE, 0, 0, bytes(4)),
        (frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        (frames.SETTINGS, 0, 0, b"x"),
        (frames.SETTINGS, 0, 1, b""),
        (frames.SETTINGS, 1, 0, bytes(6)),
        (frames.SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff"),
        (frames.SETTINGS, 0, 0, b"\0\x05\0\0\0\x01"),
        (frames.PING, 0, 0, b"1234567"),
        (frames.GOAWAY, 0, 0, b"1234567"),
        (frames.CONTINUATION, 4, 1, b"\x88"),
        (frames.PUSH_PROMISE, 4, 1, b"\0\0\0"),
        (frames.PUSH_PROMISE, 4, 1, b"\0\0\0\x03\x88"),
    ],
)
def test_a_breach_ends_the_connection(kind: int, flags: int, stream_id: int, payload: bytes) -> None:
    """PDEF-27: the client opens another connection, and does not wait for nothing."""
    peer = Peer()
    peer.get()
    with pytest.raises(Breach):
        peer.send(kind, flags, stream_id, payload)


def test_another_frame_inside_of_headers_is_a_breach() -> None:
    peer = Peer()
    peer.get()
    peer.send(frames.HEADERS, 0, 1, b"\x88")
    with pytest.raises(Breach):
        peer.send(frames.PING, payload=bytes(8))


@pytest.mark.parametrize("piece", [b"x" * 16_384, b""])
def test_headers_without_an_end_are_a_breach(piece: bytes) -> None:
    """Neither many bytes nor many empty frames are kept."""
    peer = Peer()
    peer.get()
    peer.send(frames.HEADERS, 0, 1, b"\x00")
    endless = (frames.head(frames.CONTINUATION, 0, 1, len(piece)) + piece) * 100
    with pytest.raises(Breach):
        peer.http.receive(endless)


def test_more_bytes_than_the_window_are_a_breach() -> None:
    peer = Peer()
    peer.get()
    peer.http._receive_window = 10
    with pytest.raises(Breach):
        peer.send_data(1, b"x" * 11)
