"""The content of requests in pieces: what is known of it, and how often it can be sent."""

import io
import math
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault, Reply, Server
from shipmate.errors import IncompleteContent, InvalidOption
from shipmate.http.limits import within
from shipmate.http.upload import PIECE_BYTES, StreamedBody, Upload

LARGE = bytes(range(256)) * (PIECE_BYTES // 256 * 2) + b"end"


class Pipe(io.RawIOBase):
    """A file that can be read once."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)


def pieces_of(body: bytes | StreamedBody) -> list[bytes]:
    """Return the pieces that are sent."""
    return [body] if isinstance(body, bytes) else list(body)


def small(content: bytes) -> Iterator[bytes]:
    """Yield content in pieces of a thousand bytes."""
    for start in range(0, len(content), 1000):
        yield content[start : start + 1000]


@pytest.mark.parametrize(
    ("content", "size", "is_replayable"),
    [
        (lambda: LARGE, len(LARGE), True),
        (lambda: io.BytesIO(LARGE), len(LARGE), True),
        (lambda: Pipe(LARGE), None, False),
        (lambda: small(LARGE), None, False),
        (lambda: [LARGE[:5], b"", LARGE[5:]], None, True),
        (lambda: lambda: LARGE, len(LARGE), True),
        (lambda: lambda: io.BytesIO(LARGE), len(LARGE), True),
        (lambda: lambda: Pipe(LARGE), None, True),
        (lambda: lambda: small(LARGE), None, True),
    ],
)
def test_content_of_any_kind_is_sent_in_pieces_of_one_mebibyte(
    content: Any, size: int | None, is_replayable: bool
) -> None:
    """Its length is known if it can be; it is sent again if it can be opened again."""
    upload = Upload(content())
    for _ in range(2 if is_replayable else 1):
        body = upload.body()
        assert (len(body) if hasattr(body, "__len__") else None) == size
        pieces = pieces_of(body)
        assert b"".join(pieces) == LARGE
        assert [len(each) for each in pieces] == [PIECE_BYTES, PIECE_BYTES, 3]
        assert upload.sent_bytes == len(LARGE)
    assert upload.is_replayable == is_replayable


@pytest.mark.parametrize("content", [b"", b"short", b"x" * (PIECE_BYTES - 1)])
def test_content_that_fits_into_one_piece_is_bytes_and_can_be_sent_again(content: bytes) -> None:
    """A small file needs no chunks, which some stores refuse."""
    upload = Upload(Pipe(content))
    assert not upload.is_replayable
    assert upload.body() == content
    assert upload.is_replayable
    assert upload.body() == content


def test_a_file_is_sent_from_its_position_on() -> None:
    """As requests does."""
    file = io.BytesIO(b"head" + LARGE)
    file.seek(4)
    for _ in range(2):
        upload = Upload(file)
        assert b"".join(pieces_of(upload.body())) == LARGE
        file.seek(4)


@pytest.mark.parametrize("size", [len(LARGE) - 1, len(LARGE) + 1, 3, PIECE_BYTES])
@pytest.mark.parametrize("content", [LARGE, b"four"])
def test_another_length_than_announced_is_an_error(content: bytes, size: int) -> None:
    """The store would have a part of a file, or wait for the rest."""
    upload = Upload(lambda: small(content), size)
    with pytest.raises(IncompleteContent, match=f"expected {size} bytes, found"):
        pieces_of(upload.body())
    assert isinstance(upload.failure, IncompleteContent)


@pytest.mark.parametrize("content", [1, "text", lambda: "text", ["text"], io.StringIO("text"), lambda: None])
def test_content_that_is_no_bytes_is_refused(content: Any) -> None:
    """Text has no bytes before it is encoded."""
    with pytest.raises(InvalidOption, match=r"^content: expected"):
        Upload(content).body()


def test_the_error_of_the_content_is_kept() -> None:
    """Requests would show it as an error of the connection."""

    def broken() -> Iterator[bytes]:
        yield LARGE
        raise requests.ConnectionError("the API has hung up")

    upload = Upload(broken)
    with pytest.raises(requests.ConnectionError):
        pieces_of(upload.body())
    assert str(upload.failure) == "the API has hung up"
    with pytest.raises(requests.ConnectionError):
        pieces_of(upload.body())


def test_what_a_function_opens_is_closed_and_what_was_passed_in_is_not() -> None:
    """Each attempt closes its own."""
    opened: list[io.BytesIO] = []

    def reopened() -> io.BytesIO:
        opened.append(io.BytesIO(LARGE))
        return opened[-1]

    upload = Upload(reopened)
    upload.body()
    upload.body()
    assert [each.closed for each in opened] == [True, False]
    upload.close()
    assert opened[1].closed
    with tempfile.TemporaryFile() as file:
        file.write(LARGE)
        file.seek(0)
        passed = Upload(file)
        passed.body()
        passed.close()
        assert not file.closed


@pytest.fixture
def api() -> Iterator[Server]:
    with Server(name="api") as server:
        server.route("GET", "/file", lambda request: Reply(200, LARGE))
        server.route("GET", "/gone", lambda request: Reply(404, b"no such file"))
        server.route("PUT", "/store", lambda request: Reply(200))
        yield server


def test_an_answer_is_content_with_a_length(api: Server) -> None:
    """A download goes on as an upload; the function asks for it again."""
    upload = Upload(lambda: requests.get(f"{api.url}/file", stream=True, timeout=5))
    for _ in range(2):
        body = upload.body()
        assert len(body) == len(LARGE)  # type: ignore[arg-type]
        assert b"".join(pieces_of(body)) == LARGE
    upload.close()
    with requests.get(f"{api.url}/file", stream=True, timeout=5) as answer:
        once = Upload(answer)
        assert not once.is_replayable
        assert b"".join(pieces_of(once.body())) == LARGE


def test_the_answer_of_a_failure_is_no_file(api: Server) -> None:
    """Its text would be stored as one."""
    upload = Upload(lambda: requests.get(f"{api.url}/gone", stream=True, timeout=5))
    with pytest.raises(requests.HTTPError, match=r"^the content: expected a file, found HTTP 404$"):
        upload.body()
    upload.close()


@pytest.mark.parametrize(("content", "header"), [(LARGE, "Content-Length"), (small, "Transfer-Encoding")])
def test_requests_sends_the_pieces(api: Server, content: Any, header: str) -> None:
    """With the length if it is known, in chunks otherwise."""
    upload = Upload(content if isinstance(content, bytes) else lambda: small(LARGE))
    requests.put(f"{api.url}/store", data=upload.body(), timeout=5)
    (request,) = api.requests
    assert request.body == LARGE
    assert (request.header("Content-Length"), request.header("Transfer-Encoding")) == (
        (str(len(LARGE)), None) if header == "Content-Length" else (None, "chunked")
    )


def test_a_redirect_opens_the_content_again(api: Server) -> None:
    """The first server has read all of it."""
    api.script("/store", Fault(redirect=f"{api.url}/store", status=307))
    requests.put(f"{api.url}/store", data=Upload(lambda: small(LARGE)).body(), timeout=5)
    assert [each.body for each in api.requests] == [LARGE, LARGE]
    api.script("/store", Fault(redirect=f"{api.url}/store", status=307))
    with pytest.raises(IncompleteContent, match="can be read again"):
        requests.put(f"{api.url}/store", data=Upload(small(LARGE)).body(), timeout=5)


def test_the_time_for_the_answer_begins_after_the_body() -> None:
    """A large file takes longer to send than an answer may take."""
    now = [0.0]
    with within(None, 60.0, clock=lambda: now[0]) as limits:
        for _ in Upload(LARGE).body():
            now[0] += 100.0
            assert limits.remaining_seconds == math.inf
        assert limits.remaining_seconds == 60.0


def test_an_empty_file_is_sent_with_its_length(api: Server) -> None:
    """And not in chunks."""
    requests.put(f"{api.url}/store", data=Upload(b"").body(), timeout=5)
    (request,) = api.requests
    assert (request.body, request.header("Content-Length")) == (b"", "0")
