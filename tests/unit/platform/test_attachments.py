"""Files that messages refer to: stored and opened again, in both stores, and without credentials in wrong hands."""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shipmate.emulator import Fault, Platform, Reply, Server
from shipmate.errors import BadInput, MissingSetting, PlatformRefused, PlatformUnavailable
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import RetryPolicy
from shipmate.settings import ApiSettings

SIGNED_URL = "/v2/resources/storage/signed-url"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as made:
        yield made


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(platform: Platform, pauses: list[float]) -> PlatformClient:
    return PlatformClient(ApiSettings.from_environ(platform.environ()), RetryPolicy(sleep=pauses.append))


@pytest.fixture
def attachments(client: PlatformClient, pauses: list[float]) -> Attachments:
    return Attachments(lambda: client, RetryPolicy(sleep=pauses.append))


@pytest.fixture
def signed(platform: Platform, pauses: list[float]) -> Attachments:
    """The attachments of an installation without object storage."""
    environ = {name: value for name, value in platform.environ().items() if "OBJECT_STORAGE" not in name}
    retries = RetryPolicy(sleep=pauses.append)
    client = PlatformClient(ApiSettings.from_environ(environ), retries)
    return Attachments(lambda: client, retries)


@pytest.fixture(params=["object storage", "signed URLs"])
def either(request: pytest.FixtureRequest, attachments: Attachments, signed: Attachments) -> Attachments:
    """The attachments of an installation with one of the two storages."""
    return attachments if request.param == "object storage" else signed


def stored_files(platform: Platform) -> list[tuple[bytes, str]]:
    """Return content and type of the files in both storages."""
    objects = [(each.data, each.content_type) for each in platform.maester.objects.values()]
    return [*objects, *platform.steward.files.values()]


def read(attachments: Attachments, url: str) -> bytes:
    with closing(attachments.open(url)) as stream:
        return stream.read()


def test_nothing_is_sent_before_it_is_asked_for(platform: Platform, attachments: Attachments) -> None:
    """A component without files costs no request."""
    assert platform.requests == []


def test_a_signed_url_is_opened_without_an_installation() -> None:
    """A run on this machine reads the files that a fixture names; only what must ask the platform needs one."""

    def no_platform() -> PlatformClient:
        raise MissingSetting("ELASTICIO_API_URI is missing")

    with Server() as server:
        server.route("GET", "/a.csv", lambda request: Reply(200, b"1,2"))
        attachments = Attachments(no_platform)
        assert read(attachments, f"{server.url}/a.csv") == b"1,2"
        with pytest.raises(MissingSetting):
            attachments.open(f"{server.url}/objects/1?storage_type=maester")
        with pytest.raises(MissingSetting):
            attachments.upload("a.csv", b"1,2")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"\x00\xff" * 100_000])
@pytest.mark.parametrize("wrap", [bytes, io.BytesIO])
def test_a_file_is_stored_and_opened_again(either: Attachments, content: bytes, wrap: Any) -> None:
    """What is uploaded, as bytes or as a stream, comes back byte for byte."""
    stored = either.upload("a.csv", wrap(content))
    assert stored == {"url": stored["url"], "content-type": "text/csv", "size": len(content)}
    assert read(either, stored["url"]) == content


@pytest.mark.parametrize("lines", [0, 1, 20_000])
def test_a_file_is_read_as_text_as_any_other(signed: Attachments, attachments: Attachments, lines: int) -> None:
    """As one from disk, so that csv and the like can read it: it must not close itself at its end."""
    content = "".join(f"{number};Zoë\n" for number in range(lines))
    urls = [each.upload("a.csv", content.encode())["url"] for each in (signed, attachments)]
    for url in urls:
        with attachments.open(url) as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
            assert [row[1] for row in csv.reader(text, delimiter=";")] == ["Zoë"] * lines
            assert text.read() == ""


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("a.csv", None, "text/csv"),
        ("A.PDF", None, "application/pdf"),
        ("a.csv", "text/plain", "text/plain"),
        ("a", None, "application/octet-stream"),
        ("", None, "application/octet-stream"),
        ("a.unheard-of", None, "application/octet-stream"),
        ("a.csv.gz", None, "application/octet-stream"),
    ],
)
def test_the_media_type_is_given_or_follows_from_the_name(
    platform: Platform, either: Attachments, name: str, given: str | None, kind: str
) -> None:
    """The store and the message say the same, and what is compressed is not called what it was before."""
    assert either.upload(name, b"1", given)["content-type"] == kind
    assert [each[1] for each in stored_files(platform)] == [kind]


def test_a_signed_address_is_used_without_credentials(
    platform: Platform, signed: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the platform's key nor a netrc file's password goes to the file store."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    read(signed, signed.upload("a.txt", b"1")["url"])
    asked, *others = platform.requests
    assert (asked.path, (asked.header("Authorization") or "")[:6]) == (SIGNED_URL, "Basic ")
    assert [(each.method, each.header("Authorization")) for each in others] == [("PUT", None), ("GET", None)]


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(drop="before"), Fault(status=503, after_processing=True)])
def test_an_upload_survives_temporary_errors(
    platform: Platform, either: Attachments, pauses: list[float], fault: Fault
) -> None:
    """The content is read again for each attempt, and the store has the whole file."""
    platform.script(None, fault, times=2, method="POST")
    platform.script(None, fault, times=2, method="PUT")
    url = either.upload("a.txt", io.BytesIO(b"content"))["url"]
    assert read(either, url) == b"content"
    assert [each[0] for each in stored_files(platform)][-1:] == [b"content"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"put_url": "http://a.example.com/x"},
        {"get_url": "http://a.example.com/x"},
        {"put_url": 1, "get_url": "http://a.example.com/x"},
        {"put_url": "http://a.example.com/x", "get_url": None},
        ["http://a.example.com/x"],
        "text",
    ],
)
def test_an_answer_without_both_addresses_is_refused(platform: Platform, signed: Attachments, body: Any) -> None:
    """Nothing is uploaded that could not be found again, and no signature is told."""
    platform.script(SIGNED_URL, Fault(status=200, body=body))
    with pytest.raises(PlatformRefused, match=r"^signed URL: expected") as caught:
        signed.upload("a.txt", b"1")
    assert "example.com" not in str(caught.value)
    assert len(platform.requests) == 1


def test_an_upload_that_is_refused_is_an_error_without_the_signature(platform: Platform, signed: Attachments) -> None:
    """The path says where it happened; the permission in the query stays out."""
    answer = {"put_url": f"{platform.url}/steward/1?signature=hidden", "get_url": "unused"}
    platform.script(SIGNED_URL, Fault(status=200, body=answer))
    with pytest.raises(PlatformRefused, match=r"PUT /steward/1 of the attachment storage: .* HTTP 403") as caught:
        signed.upload("a.txt", b"1")
    assert "hidden" not in str(caught.value)


def test_a_file_store_that_is_not_there_is_unavailable(
    platform: Platform, signed: Attachments, pauses: list[float]
) -> None:
    """Opening a file is tried again like every other call."""
    url = signed.upload("a.txt", b"1")["url"]
    platform.stop()
    with pytest.raises(PlatformUnavailable, match="of the attachment storage did not succeed"):
        signed.open(url)
    assert pauses == [0.1, 0.1]


def test_a_file_of_the_object_storage_is_opened_with_its_token(
    platform: Platform, client: PlatformClient, attachments: Attachments
) -> None:
    """The address tells that the file is in the object storage, which wants its token."""
    url = client.objects.url(client.objects.create(b"stored", "text/plain"))
    assert read(attachments, url) == b"stored"
    assert platform.requests[-1].bearer == platform.maester.token


def test_an_id_with_special_characters_is_the_same_on_the_way_back(
    platform: Platform, client: PlatformClient, attachments: Attachments
) -> None:
    """What is escaped in the address is escaped once in the request."""
    platform.script("/object-storage/objects/a%2Fb%20c", Fault(status=200, body=b"found"))
    assert read(attachments, client.objects.url("a/b c")) == b"found"


@pytest.mark.parametrize("path", ["/objects/1?storage_type=maester", "/x/objects/1?a=b&storage_type=maester"])
def test_the_token_goes_to_no_other_storage(attachments: Attachments, platform: Platform, path: str) -> None:
    """An address that claims to be the object storage's, and is not, is refused before anything is sent."""
    with Server(name="elsewhere") as elsewhere:
        for origin in (elsewhere.url, f"{platform.maester.url}@{urlsplit(elsewhere.url).netloc}", platform.url):
            with pytest.raises(BadInput, match="this installation's object storage"):
                attachments.open(origin + path)
        assert elsewhere.requests == platform.requests == []


@pytest.mark.parametrize("query", ["", "?storage_type=steward", "?storage_type=maester&storage_type=other"])
def test_a_file_from_anywhere_is_opened_without_credentials(attachments: Attachments, query: str) -> None:
    """Messages may refer to files of others, who learn nothing of the platform."""
    with Server(name="elsewhere") as elsewhere:
        elsewhere.route("GET", "/file", lambda request: Reply(200, b"foreign"))
        assert read(attachments, f"{elsewhere.url}/file{query}") == b"foreign"
        assert [each.header("Authorization") for each in elsewhere.requests] == [None]


@pytest.mark.parametrize("is_stored", [True, False])
def test_compression_on_the_way_is_undone(
    platform: Platform, client: PlatformClient, attachments: Attachments, is_stored: bool
) -> None:
    """The stream holds the file, not how it was sent."""
    url = client.objects.url("1") if is_stored else platform.url + "/file"
    fault = Fault(status=200, body=gzip.compress(b"content"), headers={"Content-Encoding": "gzip"})
    platform.script(urlsplit(url).path, fault)
    assert read(attachments, url) == b"content"


def test_a_file_that_does_not_exist_is_refused(platform: Platform, attachments: Attachments) -> None:
    """What is gone is not asked for again."""
    with pytest.raises(PlatformRefused, match="HTTP 404"):
        attachments.open(platform.url + "/gone")
    assert len(platform.requests) == 1


@pytest.mark.parametrize("url", ["", "a.txt", "file:///etc/passwd", "http://[::1/a.txt"])
def test_an_address_that_is_none_is_refused(attachments: Attachments, url: str) -> None:
    """Only what can be asked over HTTP is opened."""
    with pytest.raises((PlatformRefused, BadInput)):
        attachments.open(url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_stored", [True, False])
def test_a_redirect_is_followed_without_credentials(
    platform: Platform,
    client: PlatformClient,
    attachments: Attachments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    is_stored: bool,
) -> None:
    """Storages lead to others; neither the token of the first nor a password of a netrc file goes along."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Server(name="first") as first, Server(name="second") as second:
        second.route("GET", "/file", lambda request: Reply(200, b"content"))
        first.route("GET", "/start", lambda request: Reply(302, headers={"Location": "/next"}))
        first.route("GET", "/next", lambda request: Reply(status, headers={"Location": f"{second.url}/file"}))
        url = f"{first.url}/start"
        if is_stored:
            url = client.objects.url(client.objects.create(b"moved"))
            platform.script(urlsplit(url).path, Fault(status=status, redirect=f"{second.url}/file"))
        assert read(attachments, url) == b"content"
        for request in (*first.requests, *second.requests):
            assert request.header("Authorization") is None
        assert len(second.requests) == 1


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "/start"])
def test_a_redirect_that_leads_nowhere_is_refused(attachments: Attachments, location: str) -> None:
    """Nothing is read from elsewhere, and a circle has an end."""
    with Server() as server:
        server.route("GET", "/start", lambda request: Reply(302, headers={"Location": location} if location else {}))
        with pytest.raises(PlatformRefused, match="redirect"):
            read(attachments, f"{server.url}/start")
