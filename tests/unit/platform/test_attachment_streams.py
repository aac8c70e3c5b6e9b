"""Large files: sent and read in pieces, again after a failure if they can be opened again, and without mixing."""

import hashlib
import io
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from shipmate.emulator import Fault, Platform
from shipmate.errors import IncompleteContent, PlatformRefused, PlatformUnavailable, ResponseTooLarge, ResponseTooSlow
from shipmate.http.upload import PIECE_BYTES
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import RetryPolicy
from shipmate.settings import ApiSettings
from tests.cut_server import CutFile, serving

LARGE = random.Random(3).randbytes(2 * PIECE_BYTES + 7)  # noqa: S311 - a file


@pytest.fixture(params=["object storage", "signed URLs"])
def attachments(request: pytest.FixtureRequest, platform: Platform) -> Attachments:
    """The attachments of an installation with one of the two storages; pauses take no time."""
    has_storage = request.param == "object storage"
    environ = {name: value for name, value in platform.environ().items() if has_storage or "STORAGE" not in name}
    retries = RetryPolicy(sleep=lambda seconds: None)
    client = PlatformClient(ApiSettings.from_environ(environ), retries)
    return Attachments(lambda: client, retries)


def stored(platform: Platform) -> list[bytes]:
    """Return all files in both storages."""
    return [each.data for each in platform.maester.objects.values()] + [
        each[0] for each in platform.steward.files.values()
    ]


def uploads(platform: Platform) -> list[Any]:
    """Return the requests with the content of files."""
    return [each for each in platform.requests if each.method == "PUT" or each.path.endswith("/objects")]


def pieces() -> Iterator[bytes]:
    """Yield the large file in pieces of a thousand bytes."""
    for start in range(0, len(LARGE), 1000):
        yield LARGE[start : start + 1000]


@pytest.mark.parametrize(
    ("content", "has_length"),
    [(LARGE, True), (lambda: io.BytesIO(LARGE), True), (pieces, False)],
)
def test_a_large_file_is_sent_in_pieces(
    platform: Platform, attachments: Attachments, content: Any, has_length: bool
) -> None:
    """With its length if it is known, in chunks otherwise; the message names its size."""
    assert attachments.upload("a.bin", content)["size"] == len(LARGE)
    (request,) = uploads(platform)
    assert (request.header("Content-Length") == str(len(LARGE))) == has_length
    assert (request.header("Transfer-Encoding") == "chunked") != has_length
    assert stored(platform) == [LARGE]


def test_the_length_can_be_said(platform: Platform, attachments: Attachments) -> None:
    """For stores that refuse chunks."""
    attachments.upload("a.bin", pieces, size=len(LARGE))
    assert uploads(platform)[0].header("Content-Length") == str(len(LARGE))


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(drop="before")])
def test_a_function_opens_the_content_again_for_each_attempt(
    platform: Platform, attachments: Attachments, fault: Fault
) -> None:
    """Each attempt sends all of it."""
    platform.script(None, fault, method="PUT")
    platform.script("/object-storage/objects", fault, method="POST")
    opened: list[int] = []
    attachments.upload("a.bin", lambda: opened.append(1) or pieces())
    assert len(opened) == 2
    assert [each.body for each in uploads(platform)] == [LARGE, LARGE]


def test_content_that_can_be_read_once_is_sent_once(platform: Platform, attachments: Attachments) -> None:
    """The rest of it would be stored as the file."""
    for method, path in (("PUT", None), ("POST", "/object-storage/objects")):
        platform.script(path, Fault(status=503), method=method)
    with pytest.raises(PlatformUnavailable, match=r"in 1 attempts: HTTP 503, and the content can be read only once"):
        attachments.upload("a.bin", pieces())
    assert len(uploads(platform)) == 1


def test_content_that_ends_too_early_is_opened_again(platform: Platform, attachments: Attachments) -> None:
    """A cut connection to an API costs another attempt, and no part of a file is stored."""
    cut = CutFile(LARGE, [PIECE_BYTES + 5])
    with serving(cut):
        attachment = attachments.upload("a.bin", lambda: requests.get(cut.url, stream=True, timeout=5))
    assert attachment["size"] == len(LARGE)
    assert stored(platform) == [LARGE]
    assert len(cut.ranges) == 2


def test_content_that_never_comes_is_its_own_error(platform: Platform, attachments: Attachments) -> None:
    """The store is not to blame."""
    cut = CutFile(LARGE, [PIECE_BYTES + 5] * 9)
    with serving(cut), pytest.raises(requests.exceptions.ChunkedEncodingError):
        attachments.upload("a.bin", lambda: requests.get(cut.url, stream=True, timeout=5))
    assert stored(platform) == []
    assert len(cut.ranges) == 3


@pytest.mark.parametrize("is_once", [True, False])
def test_a_permanent_error_of_the_content_is_raised_at_once(
    platform: Platform, attachments: Attachments, is_once: bool
) -> None:
    """As the author's code raised it."""
    opened: list[int] = []

    def broken() -> Iterator[bytes]:
        opened.append(1)
        yield from pieces()
        raise KeyError("column")

    with pytest.raises(KeyError, match="column"):
        attachments.upload("a.bin", broken() if is_once else broken)
    assert opened == [1]
    assert stored(platform) == []


def test_a_wrong_length_leaves_no_file(platform: Platform, attachments: Attachments) -> None:
    """The store gets no complete request."""
    with pytest.raises(IncompleteContent, match=f"expected {len(LARGE) + 1} bytes, found {len(LARGE)}"):
        attachments.upload("a.bin", pieces, size=len(LARGE) + 1)
    assert stored(platform) == []


def test_a_file_of_the_storage_goes_on_after_a_cut(platform: Platform, attachments: Attachments) -> None:
    """The file is read again, and the known part is dropped."""
    url = attachments.upload("a.bin", LARGE)["url"]
    platform.script(urlsplit(url).path, Fault(drop="middle"), method="GET")
    with attachments.open(url) as stream:
        assert stream.read() == LARGE


def test_a_file_of_another_server_goes_on_if_it_has_not_changed(attachments: Attachments) -> None:
    """Without any credentials, also for the second request."""
    with serving(CutFile(LARGE, [PIECE_BYTES], {"ETag": '"1"'})) as file, attachments.open(file.url) as stream:
        assert stream.read() == LARGE
    assert file.authorizations == [None, None]


def test_limits_hold_for_the_whole_file(attachments: Attachments) -> None:
    """Bytes and seconds."""
    with serving(CutFile(LARGE)) as file:
        with attachments.open(file.url, max_bytes=1000) as stream, pytest.raises(ResponseTooLarge):
            stream.read()
        with pytest.raises((ResponseTooSlow, PlatformUnavailable)):
            attachments.open(file.url, total_timeout_seconds=1e-6).read()


def test_an_attachment_can_be_stored_again(platform: Platform, attachments: Attachments) -> None:
    """What `open` returns is content with a length."""
    url = attachments.upload("a.bin", LARGE)["url"]
    attachments.upload("b.bin", lambda: attachments.open(url))
    assert stored(platform) == [LARGE, LARGE]
    assert uploads(platform)[-1].header("Content-Length") == str(len(LARGE))


def test_files_of_threads_do_not_mix(platform: Platform, attachments: Attachments) -> None:
    """Each file is read and sent piece by piece while others are."""
    files = [random.Random(seed).randbytes(PIECE_BYTES + seed) for seed in range(8)]  # noqa: S311 - files

    def carry(content: bytes) -> bytes:
        url = attachments.upload("same name", lambda: (content[at : at + 9999] for at in range(0, len(content), 9999)))[
            "url"
        ]
        with attachments.open(url) as stream:
            return stream.read()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(carry, files))
    assert [hashlib.sha256(each).digest() for each in found] == [hashlib.sha256(each).digest() for each in files]


def test_an_upload_that_is_refused_is_not_repeated(platform: Platform, attachments: Attachments) -> None:
    """A file that is too large stays too large."""
    for method in ("PUT", "POST"):
        platform.script(None, Fault(status=413), method=method)
    with pytest.raises(PlatformRefused, match="HTTP 413"):
        attachments.upload("a.bin", lambda: pieces())
