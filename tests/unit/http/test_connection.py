"""One exchange over a connection: what counts as an answer, where it ends, and how long it may take."""

import itertools
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from shipmate.http.connection import (
    Answer,
    AnswerTooLarge,
    Bounds,
    BrokenBody,
    Connection,
    NoAnswer,
    WrongAnswer,
)
from tests.scripted import scripted_server, server_context

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
Read = tuple[Answer, bool]


def bounds(most_bytes: int | None = None, seconds: float = 10, read_seconds: float | None = None) -> Bounds:
    return Bounds(most_bytes, time.monotonic() + seconds, read_seconds)


class Pieces(socket.socket):
    """A socket that hands out an answer in pieces, and then its end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__(socket.AF_UNIX)
        self._pieces = [piece for piece in reversed(list(pieces)) if piece]
        self.sent = b""
        self.most_sent = 1_000_000

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop()
        if piece[size:]:
            self._pieces.append(piece[size:])
        return piece[:size]

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:  # type: ignore[override]
        self.sent += data[: self.most_sent]
        return min(len(data), self.most_sent)

    def setsockopt(self, *args: Any) -> None:
        """Ignore the limit of a wait, since nothing here waits: the system call costs more than to read a byte."""


def read(*pieces: bytes, method: str = "GET", most_bytes: int | None = None) -> Read:
    """Return the answer in some pieces, and whether its connection can be used again."""
    with Pieces(pieces) as sock:
        connection = Connection(sock)
        answer = connection.exchange(method, REQUEST, b"", bounds(most_bytes))
        return answer, connection.is_reusable


def byte_by_byte(answer: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in answer]


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """Return a connection and the socket of its server."""
    near, far = socket.socketpair()
    with near, far:
        yield Connection(near), far


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"Content-Length: 2\r\n\r\nab", b"ab"),
        (b"content-length:2\r\n\r\nab", b"ab"),
        (b"Content-Length: 0\r\n\r\n", b""),
        (b"Content-Length: 2, 2\r\n\r\nab", b"ab"),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (b"Content-Length: 002\r\n\r\nab", b"ab"),
        (b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"transfer-encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n1  ;c\r\nc\r\n0;d\r\nE: f\r\nG: h\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n02\nab\n000\n\n", b"ab"),
        (b"Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n", b"a" * 1000),
    ],
)
@pytest.mark.parametrize("split", [lambda answer: [answer], byte_by_byte])
def test_a_body_has_an_end(answer: bytes, body: bytes, split: Callable[[bytes], list[bytes]]) -> None:
    """By its length or by its last chunk; the connection can be used again."""
    read_answer, is_reusable = read(*split(OK + answer))
    assert read_answer.body == body
    assert is_reusable == (b"Transfer-Encoding: identity" not in answer)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"\r\nab", b"ab"),
        (OK + b"\r\n", b""),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nab", b"ab"),
        (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", b"ab"),
        (OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (OK + b"Content-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n", b"ab"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nx", b"ab"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", b"ab"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab", b""),
        (b"HTTP/1.1 304 Not Modified\r\n\r\nab", b""),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b""),
    ],
)
def test_a_connection_is_not_used_again_after_an_unclear_end(answer: bytes, body: bytes) -> None:
    """Its next bytes may belong to no request; two lengths may be read in two ways (RFC 9112 §6.3)."""
    read_answer, is_reusable = read(answer)
    assert (read_answer.body, is_reusable) == (body, False)


def test_an_old_server_may_keep_its_connection() -> None:
    answer, is_reusable = read(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab")
    assert (answer.version, answer.body, is_reusable) == (10, b"ab", True)


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body(status: int) -> None:
    answer, is_reusable = read(b"HTTP/1.1 %d x\r\nContent-Length: 5\r\n\r\n" % status)
    assert (answer.status, answer.body, is_reusable) == (status, b"", True)


def test_the_answer_to_head_has_no_body() -> None:
    for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked", b"X: y"):
        answer, is_reusable = read(OK + field + b"\r\n\r\n", method="HEAD")
        assert (answer.body, is_reusable) == (b"", True)


@pytest.mark.parametrize("split", [lambda answer: [answer], byte_by_byte])
def test_interim_answers_are_skipped(split: Callable[[bytes], list[bytes]]) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answer, is_reusable = read(*split(interim + OK + b"Content-Length: 2\r\n\r\nab"))
    assert (answer.status, answer.fields, answer.body, is_reusable) == (200, [("Content-Length", "2")], b"ab", True)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK"),
        (b"HTTP/1.1 200", 200, ""),
        (b"HTTP/1.1 200 ", 200, ""),
        (b"HTTP/1.1  404  Not  here ", 404, "Not  here"),
        (b"HTTP/1.1 999 Gr\xf6\xdfe", 999, "Größe"),
    ],
)
def test_the_reason_of_a_status_is_any_text(line: bytes, status: int, reason: str) -> None:
    answer, _ = read(line + b"\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.reason) == (status, reason)


def test_fields_come_as_they_are() -> None:
    """Folded lines are joined; a line that is no field is left out; control characters become blanks."""
    head = (
        b"HTTP/1.1 200 OK\n leading: fold\r\nA:  b \r\nA:\tc\nno colon\r\nD: e\r\n\tf\r\n  g\r\n: no name\r\n"
        b"H : i:j\r\nK: l\rSet-Cookie: m\x00n\r\nO:\r\n p\r\nQ:\xa0\r\nContent-Length: 0\r\n\n"
    )
    answer, is_reusable = read(head)
    assert answer.fields == [
        ("A", "b"), ("A", "c"), ("D", "e f g"), ("H", "i:j"), ("K", "l Set-Cookie: m n"), ("O", "p"), ("Q", "\xa0"),
        ("Content-Length", "0"),
    ]  # fmt: skip
    assert is_reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01garbage\r\n\r\n",
        b"\r\n\r\n",
        b"SSH-2.0-server\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 2\xb20 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"<html>" * 100_000,
        OK,
        OK + b"X: y\r\n",
        OK + b"X: secret\r\n" * 101 + b"\r\n",
        OK + b"X: " + b"y" * 400_000 + b"\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        OK + b"Content-Length: 2, 3\r\n\r\nab",
        OK + b"Content-Length: 2,\r\n\r\nab",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: +2\r\n\r\nab",
        OK + b"Content-Length: 2.0\r\n\r\nab",
        OK + b"Content-Length: 0x2\r\n\r\nab",
        OK + b"Content-Length: 1_0\r\n\r\nab",
        OK + b"Content-Length: \r\n\r\nab",
        OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 25 + OK,
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    """The error quotes nothing of it."""
    with pytest.raises(WrongAnswer) as refused:
        read(answer)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 5\r\n\r\nab",
        b"Content-Length: 300000\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\na",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nsecret\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 70_000,
        b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 200_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"y" * 200_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y",
    ],
)
def test_a_broken_body_is_refused(answer: bytes) -> None:
    """The error quotes nothing of it."""
    with pytest.raises(BrokenBody) as refused:
        read(OK + answer)
    assert "secret" not in str(refused.value)
    assert isinstance(refused.value.__cause__, WrongAnswer)


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (b"Content-Length: 6\r\n\r\n", 6),
        (b"Content-Length: 999999999999999999\r\n\r\n", 10**18 - 1),
        (b"\r\nabcdef", 6),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n", 6),
        (b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", 16**15 - 1),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(answer: bytes, size: int) -> None:
    with pytest.raises(AnswerTooLarge) as refused:
        read(OK + answer, most_bytes=5)
    assert refused.value.size_bytes == size
    body, _ = read(OK + answer.replace(b"abcdef", b"abcde"), most_bytes=5) if b"abcdef" in answer else (None, None)
    assert body is None or body.body == b"abcde"


BODIES = st.one_of(
    st.binary(max_size=40).map(lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body)),
    st.binary(max_size=40).map(lambda body: b"Connection: close\r\n\r\n" + body),
    st.lists(st.binary(min_size=1, max_size=9), max_size=5).map(
        lambda chunks: (
            b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
            + b"0\r\nX: y\r\n\r\n"
        )
    ),
)


@given(
    head=st.sampled_from([OK, b"HTTP/1.1 100 Continue\r\n\r\n" + OK, OK + b"A: b\r\n c\r\n", OK.replace(b"\r", b"")]),
    body=BODIES,
    after=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n\r\n"]),
    cuts=st.lists(st.integers(0, 150), max_size=12),
    end=st.integers(0, 200),
)
def test_an_answer_is_the_same_however_it_is_split(
    head: bytes, body: bytes, after: bytes, cuts: list[int], end: int
) -> None:
    """And an answer that ends too early is an error, or was complete; the pieces may be as small as they like."""
    whole = (head + body + after)[:end]
    places = sorted({0, *cuts, len(whole)})
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    results: list[object] = []
    for each in ([whole], pieces, byte_by_byte(whole)):
        try:
            results.append(read(*each)[0])
        except (WrongAnswer, BrokenBody, NoAnswer) as error:
            results.append((type(error), str(error)))
    assert results[0] == results[1] == results[2]


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_one_of_the_errors(garbage: bytes) -> None:
    for answer in (garbage, OK + garbage, OK + b"Transfer-Encoding: chunked\r\n\r\n" + garbage):
        with suppress(WrongAnswer, BrokenBody, NoAnswer):
            read(answer, most_bytes=1000)
        with suppress(WrongAnswer, BrokenBody, NoAnswer, AnswerTooLarge):
            read(*byte_by_byte(answer), most_bytes=100)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@pytest.mark.parametrize(
    "answer_of",
    [
        lambda size: [OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * size + b"0\r\n\r\n"],
        lambda size: byte_by_byte(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * size + b"0\r\n\r\n"),
        lambda size: byte_by_byte(OK + b"X: " + b"y" * size + b"\r\nContent-Length: 0\r\n\r\n"),
        lambda size: byte_by_byte(OK + b"Content-Length: %d\r\n\r\n" % size + b"a" * size),
        lambda size: byte_by_byte(OK + b"Connection: close\r\n\r\n" + b"a" * size),
        lambda size: byte_by_byte(OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * (size // 4) + b"\r\n"
                                  + b"a\r\n0\r\n\r\n"),
    ],
)  # fmt: skip
@pytest.mark.no_cover
def test_an_answer_in_tiny_pieces_takes_linear_time(answer_of: Callable[[int], list[bytes]]) -> None:
    """Eight times the bytes take eight times as long, not sixty-four; the limits are generous for a busy machine."""
    small, large = answer_of(4000), answer_of(32_000)
    for _ in range(3):
        if seconds_of(lambda: read(*large)) < 24 * seconds_of(lambda: read(*small)):
            return
    pytest.fail("the time grows faster than the answer")


def test_a_request_is_sent_with_its_body() -> None:
    for size in (0, 1, 16 * 1024, 16 * 1024 + 1, 3_000_000):
        with Pieces([OK + b"Content-Length: 0\r\n\r\n"]) as sock:
            Connection(sock).exchange("POST", REQUEST, b"x" * size, bounds())
            assert sock.sent == REQUEST + b"x" * size


def test_a_request_is_sent_on_after_a_part_of_it() -> None:
    """The system may take less than it was given."""
    for body in (b"", bytes(range(250)) * 100):
        with Pieces([OK + b"Content-Length: 0\r\n\r\n"]) as sock:
            sock.most_sent = 7
            Connection(sock).exchange("POST", REQUEST, body, bounds())
            assert sock.sent == REQUEST + body


def test_a_large_request_arrives_whole(pair: tuple[Connection, socket.socket]) -> None:
    """The system takes it in parts."""
    connection, far = pair
    received = bytearray()

    def serve() -> None:
        while len(received) < len(REQUEST) + 5_000_000:
            received.extend(far.recv(65536))
        far.sendall(OK + b"Content-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    body = bytes(range(250)) * 20_000
    assert connection.exchange("POST", REQUEST, body, bounds(read_seconds=5)).status == 200
    thread.join(5)
    assert received == REQUEST + body


def test_a_large_request_arrives_whole_over_tls(authority: trustme.CA) -> None:
    """Each call sends one record."""
    received = bytearray()

    def serve(sock: socket.socket, number: int) -> None:
        while len(received) < len(REQUEST) + 1_000_000:
            received.extend(sock.recv(65536))
        sock.sendall(OK + b"Content-Length: 0\r\n\r\n")

    body = bytes(range(250)) * 4000
    with (
        scripted_server(serve, tls=server_context(authority)) as server,
        connected(server.port, authority) as sock,
    ):
        assert Connection(sock).exchange("POST", REQUEST, body, bounds()).status == 200
    assert received == REQUEST + body


@pytest.mark.parametrize("size", [0, 5_000_000])
def test_a_server_may_answer_early_and_close(pair: tuple[Connection, socket.socket], size: int) -> None:
    """It refuses a body that it has not read; the connection is not used again."""
    connection, far = pair
    far.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    far.close()
    with suppress(NoAnswer):  # the rest of the request may reset the connection
        assert connection.exchange("POST", REQUEST, b"x" * size, bounds()).status == 413
    assert not connection.is_reusable


def test_a_connection_that_closes_gives_no_answer(pair: tuple[Connection, socket.socket]) -> None:
    connection, far = pair
    far.close()
    with pytest.raises(NoAnswer):
        connection.exchange("GET", REQUEST, b"", bounds())


def test_a_connection_that_is_reset_gives_no_answer() -> None:
    """Closed with bytes that nobody read."""
    with scripted_server(lambda sock, number: sock.recv(1)) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock, pytest.raises(NoAnswer):
            Connection(sock).exchange("GET", REQUEST, b"", bounds())


@pytest.mark.parametrize("bytes_before", [b"x", OK + b"\r\n", b""])
def test_a_connection_is_alive_until_a_byte_or_its_end_comes(
    pair: tuple[Connection, socket.socket], bytes_before: bytes
) -> None:
    """A byte that comes without a request would be read as the answer to the next one."""
    connection, far = pair
    far.sendall(OK + b"Content-Length: 2\r\n\r\nab")
    connection.exchange("GET", REQUEST, b"", bounds())
    assert connection.is_reusable
    assert connection.is_alive()
    if bytes_before:
        far.sendall(bytes_before)
    else:
        far.close()
    assert not connection.is_alive()


def test_one_connection_has_many_answers(pair: tuple[Connection, socket.socket]) -> None:
    connection, far = pair
    for number in range(5):
        far.sendall(OK + b"Content-Length: 1\r\n\r\n%d" % number)
        assert connection.exchange("GET", REQUEST, b"", bounds()).body == b"%d" % number
        assert connection.is_alive()
        assert connection.is_reusable


PARTS = {
    "the status": (b"", b"H"),
    "the head": (OK + b"X: ", b"y"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body with a length": (OK + b"Content-Length: 100000\r\n\r\n", b"a"),
    "a body without a length": (OK + b"\r\n", b"a"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "the size of a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "a large chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b"a"),
    "the trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a"),
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def connected(port: int, authority: trustme.CA | None) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    if authority is None:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it checks names and certificates, and loads no authority
    authority.configure_trust(context)
    return context.wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("part", PARTS)
def test_dripping_ends_with_the_time(authority: trustme.CA, part: str, is_secure: bool) -> None:
    """Each wait is short; together they must end."""
    start, drop = PARTS[part]

    def drip(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        sock.sendall(start)
        while not server.stop.wait(0.02):
            sock.sendall(drop)

    tls = server_context(authority) if is_secure else None
    with scripted_server(drip, tls=tls) as server, connected(server.port, authority if is_secure else None) as sock:
        begun = time.monotonic()
        with pytest.raises((TimeoutError, BrokenBody)) as ended:
            Connection(sock).exchange("GET", REQUEST, b"", bounds(seconds=0.25, read_seconds=5))
        assert 0.2 < time.monotonic() - begun < 3
        assert isinstance(ended.value, TimeoutError) or isinstance(ended.value.__cause__, TimeoutError)


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("start", [b"", OK, OK + b"Content-Length: 9\r\n\r\n"])
def test_silence_ends_with_the_time_to_read(authority: trustme.CA, start: bytes, is_secure: bool) -> None:
    """The total time is longer."""

    def hush(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        sock.sendall(start)
        server.stop.wait(10)

    tls = server_context(authority) if is_secure else None
    with scripted_server(hush, tls=tls) as server, connected(server.port, authority if is_secure else None) as sock:
        begun = time.monotonic()
        with pytest.raises((TimeoutError, BrokenBody)):
            Connection(sock).exchange("GET", REQUEST, b"", bounds(seconds=60, read_seconds=0.2))
        assert 0.15 < time.monotonic() - begun < 3


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_a_server_that_reads_nothing_ends_with_the_time(authority: trustme.CA, is_secure: bool) -> None:
    """Also if it takes a little of the request now and then."""

    def sip(sock: socket.socket, number: int) -> None:
        while not server.stop.wait(0.02):
            sock.recv(20_000)

    tls = server_context(authority) if is_secure else None
    with scripted_server(sip, tls=tls) as server, connected(server.port, authority if is_secure else None) as sock:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            Connection(sock).exchange("POST", REQUEST, b"x" * 50_000_000, bounds(seconds=0.5, read_seconds=5))
        assert time.monotonic() - begun < 4


def test_a_record_of_tls_that_comes_byte_by_byte_ends_with_the_time(authority: trustme.CA) -> None:
    """No byte of the answer can be read before the record is complete."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def drip(sock: socket.socket, number: int) -> None:
        tls = server_context(authority).wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        tls.write(OK + b"Content-Length: 10000\r\n\r\n" + b"a" * 10_000)
        record = outgoing.read()
        for at in range(len(record)):
            sock.sendall(record[at : at + 1])
            if server.stop.wait(0.02):
                return

    with scripted_server(drip) as server, connected(server.port, authority) as sock:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            Connection(sock).exchange("GET", REQUEST, b"", bounds(seconds=0.3, read_seconds=5))
        assert time.monotonic() - begun < 3


def test_bytes_that_tls_holds_back_belong_to_no_request(authority: trustme.CA) -> None:
    """The end of one answer and a second one can be in one record, where no system call sees the rest."""
    head = OK + b"Content-Length: 1000\r\n\r\n"

    def serve(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        sock.sendall(head)
        sock.sendall(b"a" * 1000 + OK + b"Content-Length: 4\r\n\r\nevil")
        server.stop.wait(10)

    with (
        scripted_server(serve, tls=server_context(authority)) as server,
        connected(server.port, authority) as sock,
    ):
        connection = Connection(sock)
        assert connection.exchange("GET", REQUEST, b"", bounds()).body == b"a" * 1000
        assert not (connection.is_reusable and connection.is_alive())


def test_time_that_is_over_ends_an_exchange_at_once(pair: tuple[Connection, socket.socket]) -> None:
    connection, far = pair
    with pytest.raises(TimeoutError):
        connection.exchange("GET", REQUEST, b"", bounds(seconds=-1))
    far.setblocking(False)
    with pytest.raises(BlockingIOError):
        far.recv(1)


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_an_exchange_may_have_no_limit(authority: trustme.CA, is_secure: bool) -> None:
    """The socket of urllib3 has the time-out of the connect, which ends here."""

    def answer(sock: socket.socket, number: int) -> None:
        sock.recv(65536)
        server.stop.wait(0.3)
        sock.sendall(OK + b"Content-Length: 2\r\n\r\nab")

    tls = server_context(authority) if is_secure else None
    with scripted_server(answer, tls=tls) as server, connected(server.port, authority if is_secure else None) as sock:
        sock.settimeout(0.1)
        assert Connection(sock).exchange("GET", REQUEST, b"", Bounds(None, math.inf, None)).body == b"ab"
