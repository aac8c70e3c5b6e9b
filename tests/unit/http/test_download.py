"""Files that are read in pieces: limits, and the rest of a file after a connection that was cut."""

import gzip
import random
from typing import Any

import pytest
import requests

from shipmate.errors import IncompleteContent, ResponseTooLarge, ResponseTooSlow
from shipmate.http.download import DownloadedFile, DownloadRules, open_download
from tests.cut_server import CutFile, serving

CONTENT = random.Random(7).randbytes(3_000_000)  # noqa: S311 - a file
TAG = {"ETag": '"v1"'}


def opened(file: CutFile, **rules: Any) -> DownloadedFile:
    """Open a file; the pauses between attempts take no time."""

    def send(headers: Any, seconds: float | None) -> requests.Response:
        return requests.get(file.url, headers=headers, stream=True, timeout=5)

    return open_download(send, DownloadRules(**{"pause": lambda cuts: None, **rules}))


def test_a_file_is_read_in_pieces_and_its_length_is_known() -> None:
    """As a file on disk is read."""
    with serving(CutFile(CONTENT)) as file, opened(file) as stream:
        assert stream.size_bytes == len(CONTENT)
        pieces = [stream.read(7), stream.read(500_000), stream.readline(), stream.read(), stream.read()]
    assert b"".join(pieces) == CONTENT
    assert pieces[-1] == b""


def test_an_empty_file_is_read() -> None:
    """It has no piece."""
    with serving(CutFile(b"")) as file, opened(file) as stream:
        assert (stream.read(10), stream.size_bytes) == (b"", 0)


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_file_goes_on_where_its_connection_was_cut(knows_ranges: bool, is_chunked: bool) -> None:
    """The server is asked for the rest; if it sends the whole file, the known part is dropped."""
    cut = CutFile(CONTENT, [0, 5, 2_000_000], TAG, knows_ranges, is_chunked)
    with serving(cut) as file, opened(file, attempts=5) as stream:
        assert stream.read() == CONTENT
    asked = [int(each[6:-1]) for each in cut.ranges[1:] if each]
    assert 1_900_000 < asked[-1] <= 2_000_000
    assert len(cut.ranges) == 4


@pytest.mark.parametrize("headers", [{"ETag": 'W/"v1"'}, {"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}])
def test_other_proofs_that_a_file_has_not_changed_count_as_well(headers: dict[str, str]) -> None:
    """A weak tag or a date."""
    with serving(CutFile(CONTENT, [1_000_000], headers)) as file, opened(file) as stream:
        assert stream.read() == CONTENT


def test_a_file_that_never_changes_needs_no_proof() -> None:
    """The platform's storages give a new address to each file."""
    with serving(CutFile(CONTENT, [1_000_000])) as file, opened(file, is_fixed=True) as stream:
        assert stream.read() == CONTENT


def test_a_file_without_proof_is_compared_with_what_was_read() -> None:
    """Two halves of different files would be one wrong file."""
    with serving(CutFile(CONTENT, [1_000_000, 5])) as file, opened(file) as stream:
        assert stream.read() == CONTENT
    assert file.ranges == [None, None, None]
    with serving(CutFile(CONTENT, [1_000_000])) as file, opened(file) as stream:
        stream.read(10)
        file.content = b"?" + CONTENT[1:]
        with pytest.raises(IncompleteContent, match="changed"):
            stream.read()


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_file_that_has_changed_meanwhile_is_an_error(knows_ranges: bool) -> None:
    """The tag of the second answer is another one."""
    cut = CutFile(CONTENT, [1_000_000], lambda number: {"ETag": f'"v{number}"'}, knows_ranges)
    with serving(cut) as file, opened(file) as stream:
        with pytest.raises(IncompleteContent, match="changed"):
            stream.read()


def test_a_file_whose_length_has_changed_is_an_error() -> None:
    """Even where the proof is the same."""
    with serving(CutFile(CONTENT, [1_000_000], TAG, knows_ranges=False)) as file, opened(file) as stream:
        stream.read(10)
        file.content += b"more"
        with pytest.raises(IncompleteContent, match="changed"):
            stream.read()


def test_a_server_that_always_ends_too_early_is_left_after_some_attempts() -> None:
    """Attempts count anew only after another MiB."""
    with serving(CutFile(CONTENT, [10] * 50, TAG)) as file, opened(file, attempts=4) as stream:
        with pytest.raises(IncompleteContent, match="found 0 bytes"):
            stream.read()
    assert len(file.ranges) == 4


def test_a_large_file_may_be_cut_more_often_than_a_small_one() -> None:
    """Each MiB has its own attempts."""
    content = CONTENT + CONTENT
    with serving(CutFile(content, [1_200_000] * 4, TAG)) as file, opened(file, attempts=2) as stream:
        assert stream.read() == content


def test_a_packed_file_is_unpacked_and_read_again_after_a_cut() -> None:
    """Its bytes are counted unpacked: the server cannot be asked for the rest."""
    packed = CutFile(gzip.compress(CONTENT), [1_000_000], {**TAG, "Content-Encoding": "gzip"})
    with serving(packed) as file, opened(file) as stream:
        assert stream.size_bytes is None
        assert stream.read() == CONTENT
    assert packed.ranges == [None, None]


def test_a_limit_of_bytes_is_kept() -> None:
    """A file of exactly that size is allowed."""
    with serving(CutFile(CONTENT)) as file:
        with opened(file, max_bytes=len(CONTENT)) as stream:
            assert stream.read() == CONTENT
        with opened(file, max_bytes=len(CONTENT) - 1) as stream, pytest.raises(ResponseTooLarge, match="2999999"):
            stream.read()


def test_a_limit_of_time_is_kept_between_pieces() -> None:
    """A server that never ends is left."""
    with serving(CutFile(CONTENT)) as file, opened(file, total_timeout_seconds=1e-9) as stream:
        with pytest.raises(ResponseTooSlow, match="1e-09 seconds"):
            stream.read()


def test_the_error_of_a_later_request_is_that_of_the_sender() -> None:
    """A file that was deleted meanwhile, for instance."""

    class Gone(Exception):
        pass

    with serving(CutFile(CONTENT, [1_000_000], TAG)) as file:

        def send(headers: Any, seconds: float | None) -> requests.Response:
            if headers:
                raise Gone
            return requests.get(file.url, stream=True, timeout=5)

        with open_download(send, DownloadRules(pause=lambda cuts: None)) as stream, pytest.raises(Gone):
            stream.read()
