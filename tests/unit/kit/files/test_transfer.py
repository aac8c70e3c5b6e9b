"""One file from an API to an attachment and back: names, types, cut connections, and no credentials for others."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from shipmate.emulator import Fault, Platform, Reply, Request, Server
from shipmate.errors import ApiError, IncompleteContent
from shipmate.kit import add_file, clean_name, download, from_attachment, to_attachment
from tests.cut_server import CutFile, serving
from tests.unit.kit.files.drive import Context, KeySession
from tests.unit.session.conftest import Desk

LARGE = random.Random(9).randbytes(3_000_000)  # noqa: S311 - a file


@pytest.fixture
def context(platform: Platform) -> Context:
    return Context(platform)


@pytest.fixture
def api() -> Iterator[Server]:
    with Server(name="api") as server:
        server.route("GET", "/files/report.csv", lambda request: Reply(200, LARGE, {"Content-Type": "text/csv"}))
        server.route("PUT", "/store", lambda request: Reply(201, {"size": len(request.body)}))
        yield server


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (None, "report.csv"),
        ("attachment", "report.csv"),
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf", "a.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        ('attachment; filename=""', "report.csv"),
    ],
)
def test_an_attachment_has_the_name_and_the_type_of_the_answer(
    api: Server, context: Context, disposition: str | None, name: str
) -> None:
    """Or the end of the URL, and a type that the author gives."""
    headers = {"Content-Type": "text/x"} | ({"Content-Disposition": disposition} if disposition else {})
    api.script("/files/report.csv", Fault(status=200, body=b"1", headers=headers))
    stored = to_attachment(context, KeySession(), f"{api.url}/files/report.csv?key=1")
    assert (stored.name, stored.attachment["content-type"]) == (name, "text/x")
    given = to_attachment(
        context,
        KeySession(),
        f"{api.url}/files/report.csv",
        name="x/y.bin",
        content_type="a/b",
    )
    assert (given.name, given.attachment["content-type"], given.attachment["size"]) == ("y.bin", "a/b", len(LARGE))


def test_a_download_that_is_cut_goes_on(context: Context) -> None:
    """The attachment is whole."""
    with serving(CutFile(LARGE, [2_000_000], {"ETag": '"1"'})) as file:
        stored = to_attachment(context, KeySession(), file.url)
    assert context.stored(stored.attachment["url"]) == LARGE
    assert len(file.ranges) == 2


def test_a_store_that_fails_in_the_middle_gets_the_file_again(
    api: Server, context: Context, platform: Platform
) -> None:
    """The download begins anew."""
    platform.script("/object-storage/objects", Fault(status=503, after_processing=True), method="POST")
    stored = to_attachment(context, KeySession(), f"{api.url}/files/report.csv")
    assert context.stored(stored.attachment["url"]) == LARGE
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [404, 500])
def test_the_answer_of_a_failure_is_no_attachment(
    api: Server, context: Context, platform: Platform, status: int
) -> None:
    """Its text quotes no query."""
    api.script("/files/report.csv", Fault(status=status, body="no such file"))
    with pytest.raises(ApiError, match=rf"^GET {api.url}/files/report.csv answered {status}") as caught:
        to_attachment(context, KeySession(), f"{api.url}/files/report.csv?signature=hidden")
    assert caught.value.status == status
    assert "hidden" not in str(caught.value)
    assert platform.maester.objects == {}


def test_a_signed_url_gets_no_credentials(desk: Desk) -> None:
    """An API that redirects its downloads to a storage, with a session of the runtime."""
    desk.fields(apiKey="PasswordFieldView")
    with Server(name="storage", journal=desk.api.journal) as storage:
        storage.route("GET", "/signed", lambda request: Reply(200, LARGE))
        desk.api.route("GET", "/file", lambda request: Reply(302, None, {"Location": f"{storage.url}/signed?s=1"}))
        session = desk.session({"apiKey": "secret-key"}, header="X-Key: {apiKey}")
        with download(session, f"{desk.api.url}/file") as file:
            assert file.read() == LARGE
        assert [each.header("X-Key") for each in desk.api.requests] == ["secret-key"]
        assert [each.header("X-Key") for each in storage.requests] == [None]


def test_an_attachment_is_sent_in_one_request_with_its_length(api: Server, context: Context) -> None:
    """And its answer is returned."""
    url = context.attachments.upload("a.bin", LARGE)["url"]
    response = from_attachment(
        context,
        url,
        KeySession(),
        "PUT",
        f"{api.url}/store",
        headers={"Content-Type": "a/b"},
    )
    assert response.json() == {"size": len(LARGE)}
    (request,) = api.requests
    assert request.body == LARGE
    assert (request.header("Content-Length"), request.header("Content-Type")) == (str(len(LARGE)), "a/b")


def test_a_session_sends_the_file_again(desk: Desk, context: Context) -> None:
    """After a temporary error of the API, all of it."""
    url = context.attachments.upload("a.bin", LARGE)["url"]
    received: list[bytes] = []

    def store(request: Request) -> Reply:
        received.append(request.body)
        return Reply(503 if len(received) == 1 else 200)

    desk.fields(apiKey="PasswordFieldView")
    desk.api.route("PUT", "/store", store)
    session = desk.session({"apiKey": "secret-key"}, header="X-Key: {apiKey}")
    assert from_attachment(context, url, session, "PUT", f"{desk.api.url}/store").status_code == 200
    assert received == [LARGE, LARGE]


def test_an_attachment_that_is_cut_for_good_is_its_own_error(api: Server, context: Context) -> None:
    """The API gets no part of a file as the whole."""
    with serving(CutFile(LARGE, [2_000_000] * 9)) as file, pytest.raises(IncompleteContent):
        from_attachment(context, file.url, KeySession(), "PUT", f"{api.url}/store")
    assert api.requests == []


def test_names_are_cleaned_and_different() -> None:
    """Two files of one message never are one."""
    files: dict[str, Any] = {}
    names = [add_file(files, name, {}) for name in ("a.csv", "x/a.csv", "a-2.csv", "", "..", "\u202e\x00", "c:\\b.csv")]
    assert names == ["a.csv", "a-2.csv", "a-2-2.csv", "file", "file-2", "file-3", "b.csv"]
    assert list(files) == names


@pytest.mark.parametrize("text", ["ä" * 300 + ".pdf", "x" * 300, "a." + "b" * 300, "." * 300])
def test_a_long_name_is_cut_and_keeps_a_usual_extension(text: str) -> None:
    """File systems take 255 bytes."""
    name = clean_name(text)
    assert 0 < len(name.encode()) <= 255
    assert name.endswith(".pdf") == text.endswith(".pdf")
