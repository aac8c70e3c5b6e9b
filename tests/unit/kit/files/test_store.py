"""The functions of a file store: what they emit, what they refuse, and how large files are uploaded."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault, Platform, Reply, Request, Server
from shipmate.errors import ApiError, BadInput, NoSample, ResponseTooLarge
from shipmate.kit import FileMembers, Pieces
from shipmate.session.attempts import note_unclear
from tests.unit.kit.files.drive import PIECE, Context, Drive, KeySession, store_of

LARGE = random.Random(5).randbytes(4 * PIECE + 11)  # noqa: S311 - a file


@pytest.fixture
def drive() -> Iterator[Drive]:
    with Drive() as started:
        started.files["a/b.csv"] = b"1,2\n"
        started.folders.add("a")
        yield started


@pytest.fixture
def context(platform: Platform) -> Context:
    return Context(platform)


def run(
    function: Any, context: Context, body: dict[str, Any], cfg: dict[str, Any] | None = None, snapshot: Any = None
) -> Any:
    """Call a function as the runtime does."""
    return function.process(context, {"body": body}, cfg or {}, snapshot or {})


def attached(context: Context, content: bytes) -> str:
    """Return the URL of an attachment."""
    return context.attachments.upload("c.csv", content)["url"]


def test_get_returns_the_metadata_under_the_published_names(drive: Drive, context: Context) -> None:
    """Without the check box nothing is downloaded."""
    found = run(store_of(drive).get, context, {"path": "a/b.csv"})
    assert found["body"] == {
        "id": "a/b.csv", "name": "b.csv", "path": "a/b.csv", "directory": "a", "size": 4, "contentType": "text/csv"
    }  # fmt: skip
    assert found["attachments"] == {}
    assert len(drive.requests) == 1


def test_get_stores_the_file_as_an_attachment(drive: Drive, context: Context) -> None:
    """Its URL is in the body as well."""
    found = run(store_of(drive).get, context, {"path": "a/b.csv"}, {"attachFile": True})
    url = found["body"]["attachmentUrl"]
    assert found["attachments"] == {"b.csv": {"url": url, "content-type": "text/csv", "size": 4}}
    assert context.stored(url) == b"1,2\n"


def test_an_empty_file_is_a_file(drive: Drive, context: Context) -> None:
    """It has no byte, and an attachment."""
    drive.files["empty"] = b""
    found = run(store_of(drive).get, context, {"path": "empty"}, {"attachFile": "true"})
    assert (found["attachments"]["empty"]["size"], context.stored(found["body"]["attachmentUrl"])) == (0, b"")
    written = run(store_of(drive).put, context, {"path": "d", "attachmentUrl": found["body"]["attachmentUrl"]})
    assert (written["body"]["size"], drive.files["d"]) == (0, b"")


def test_what_get_does_not_find_is_an_error_unless_it_is_allowed(drive: Drive, context: Context) -> None:
    """And a folder is no file."""
    with pytest.raises(ApiError, match="nothing found"):
        run(store_of(drive).get, context, {"path": "none"})
    assert run(store_of(drive).get, context, {"path": "none"}, {"allowZeroResults": True})["body"] == {}
    with pytest.raises(ValueError, match="folder"):
        run(store_of(drive).get, context, {"path": "a"})


@pytest.mark.parametrize("path", ["", " ", "/", None, 7, "a/../b", "a//b", "."])
def test_a_path_that_leads_elsewhere_is_refused(drive: Drive, context: Context, path: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=r"^path: expected"):
        run(store_of(drive).get, context, {"path": path})
    assert drive.requests == []


def test_a_limit_of_bytes_holds_for_downloads_and_uploads(drive: Drive, context: Context) -> None:
    """The author declares it."""
    store = store_of(drive, max_bytes=3)
    with pytest.raises(ResponseTooLarge):
        run(store.get, context, {"path": "a/b.csv"}, {"attachFile": True})
    with pytest.raises(ResponseTooLarge):
        run(store.put, context, {"path": "c.csv", "attachmentUrl": attached(context, b"1234")})
    assert list(drive.files) == ["a/b.csv"]


def test_put_uploads_a_small_file_in_one_request(drive: Drive, context: Context) -> None:
    """With its type and length."""
    found = run(store_of(drive).put, context, {"path": "a/c d.csv", "attachmentUrl": attached(context, b"3,4")})
    assert drive.files["a/c d.csv"] == b"3,4"
    assert (found["body"]["path"], found["body"]["size"]) == ("a/c d.csv", 3)
    (request,) = drive.requests
    assert (request.header("Content-Type"), request.header("Content-Length")) == ("text/csv", "3")


def test_put_uploads_a_large_file_in_pieces_without_the_key(drive: Drive, context: Context) -> None:
    """The address of the upload is a permission by itself."""
    found = run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
    assert drive.files["large"] == LARGE
    assert found["body"]["size"] == len(LARGE)
    pieces = [each for each in drive.requests if each.path == "/uploads/1"]
    assert [len(each.body) for each in pieces] == [PIECE] * 4 + [11]
    assert {each.header("X-Key") for each in pieces} == {None}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503),
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(drop="before"),
        Fault(drop="before", after_processing=True),
        Fault(status=503, after_processing=True),
    ],
)
def test_an_upload_goes_on_after_an_error(drive: Drive, context: Context, fault: Fault) -> None:
    """The API says what has arrived: a piece whose answer was lost is not sent again."""
    for _ in range(3):
        drive.script("/uploads/1", fault, method="PUT")
    drive.script("/uploads/1", Fault(drop="before"), method="GET")
    run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
    assert drive.files["large"] == LARGE


def test_an_upload_that_lost_earlier_pieces_reads_the_file_again(drive: Drive, context: Context) -> None:
    """The API asks for a place before the piece in hand."""
    drive.script("/uploads/1", Fault(status=202, body={"nextExpectedRanges": [f"{2 * PIECE}-"]}), method="PUT")
    drive.script("/uploads/1", Fault(status=500), method="PUT")
    drive.script("/uploads/1", Fault(status=200, body={"nextExpectedRanges": ["0-"]}), method="GET")
    run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
    assert drive.files["large"] == LARGE


def test_an_upload_that_is_refused_ends(drive: Drive, context: Context) -> None:
    """Its error has no part of the address."""
    drive.script("/uploads/1", Fault(status=403), method="PUT")
    with pytest.raises(ApiError, match=r"^the upload to 127.0.0.1:\d+ answered 403$"):
        run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})


def test_an_upload_without_progress_ends(drive: Drive, context: Context) -> None:
    """After five attempts for one piece."""
    drive.script("/uploads/1", Fault(status=503), method="PUT", times=9)
    with pytest.raises(ApiError, match="HTTP 503 in 5 attempts"):
        run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
    drive.clear_script()
    drive.script("/uploads/1", Fault(status=202, body={"nextExpectedRanges": ["0-"]}), method="PUT", times=9)
    with pytest.raises(ApiError, match="expected progress"):
        run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})


def test_a_lost_last_answer_is_looked_up(drive: Drive, context: Context) -> None:
    """The API has closed the upload; the metadata says that the file is there."""
    drive.files["large"] = LARGE
    for number in range(5):
        fault = Fault(drop="before") if number == 4 else Fault(status=202, body={})
        drive.script("/uploads/1", fault, method="PUT")
    drive.script("/uploads/1", Fault(status=404), method="GET")
    found = run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
    assert found["body"]["size"] == len(LARGE)


@pytest.mark.parametrize("address", ["http://files.example.com/u", "ftp://127.0.0.1/u", "", None, 7])
def test_an_upload_needs_a_private_address(drive: Drive, context: Context, address: Any) -> None:
    """The file would go over the network in plain text."""
    drive.script("/items/large/session", Fault(status=200, body={"uploadUrl": address}))
    with pytest.raises(ApiError, match="expected an address with https"):
        run(store_of(drive).put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})


def test_put_replaces_fails_or_renames(drive: Drive, context: Context) -> None:
    """As the step says."""
    put, url = store_of(drive).put, attached(context, b"new")
    body = {"path": "a/b.csv", "attachmentUrl": url}
    assert run(put, context, body, {"conflictBehavior": "rename"})["body"]["path"] == "a/b-2.csv"
    with pytest.raises(ApiError, match="free path"):
        run(put, context, body, {"conflictBehavior": "fail"})
    assert drive.files["a/b.csv"] == b"1,2\n"
    run(put, context, body, {"conflictBehavior": ""})
    assert drive.files["a/b.csv"] == b"new"


def test_the_api_can_decide_about_conflicts_itself(drive: Drive, context: Context) -> None:
    """One request, and no gap between looking and writing."""
    store = store_of(drive, conflict_param="@conflict")
    run(store.put, context, {"path": "c", "attachmentUrl": attached(context, b"1")}, {"conflictBehavior": "rename"})
    assert [(each.method, each.query) for each in drive.requests] == [("PUT", {"@conflict": "rename"})]


@pytest.mark.parametrize("url", ["http://files.example.com/a.csv", "file:///etc/passwd", "a.csv", "", None])
def test_only_private_urls_are_read(drive: Drive, context: Context, url: Any) -> None:
    """And nothing is written."""
    with pytest.raises((BadInput, ValueError), match="expected"):
        run(store_of(drive).put, context, {"path": "c", "attachmentUrl": url})
    assert drive.requests == []


def test_files_of_others_are_read_without_credentials_if_that_is_allowed(drive: Drive, context: Context) -> None:
    """They are no attachments of the platform."""
    with Server(name="others") as others:
        others.route("GET", "/x", lambda request: Reply(200, b"foreign"))
        body = {"path": "c", "attachmentUrl": f"{others.url}/x"}
        with pytest.raises(BadInput, match="object storage"):
            run(store_of(drive, allows_foreign=False).put, context, body)
        run(store_of(drive).put, context, body)
        assert [(each.header("X-Key"), each.header("Authorization")) for each in others.requests] == [(None, None)]
    assert drive.files["c"] == b"foreign"


def test_delete_returns_the_path(drive: Drive, context: Context) -> None:
    """And what the step says if there is no such file."""
    delete = store_of(drive).delete
    assert run(delete, context, {"path": "a/b.csv"})["body"] == {"path": "a/b.csv"}
    with pytest.raises(ApiError, match="nothing found"):
        run(delete, context, {"path": "a/b.csv"})
    assert run(delete, context, {"path": "a/b.csv"}, {"ifNotFound": "emitEmpty"})["body"] == {}
    assert run(delete, context, {"path": "a/b.csv"}, {"ifNotFound": "emitNothing"}) is None


def test_a_deletion_whose_answer_was_lost_has_deleted_the_file(
    drive: Drive, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session notes that an earlier attempt may have done it."""
    send = KeySession.request

    def after_lost_answer(session: KeySession, method: str, url: str, **kwargs: Any) -> requests.Response:
        response = send(session, method, url, **kwargs)
        note_unclear(response)
        return response

    monkeypatch.setattr(KeySession, "request", after_lost_answer)
    assert run(store_of(drive).delete, context, {"path": "gone.csv"})["body"] == {"path": "gone.csv"}


@pytest.mark.parametrize("status", [400, 403, 500])
def test_an_error_of_the_api_is_an_error(drive: Drive, context: Context, status: int) -> None:
    """Also where "nothing found" is allowed."""
    cfg = {"allowZeroResults": True, "ifNotFound": "emitEmpty", "attachFile": True}
    for function in ("get", "delete"):
        drive.script(None, Fault(status=status))
        with pytest.raises(ApiError, match=f"answered {status}"):
            run(getattr(store_of(drive), function), context, {"path": "a/b.csv"}, cfg)


def poll(drive: Drive, context: Context, cfg: dict[str, Any], snapshot: Any = None) -> list[tuple[str, Any]]:
    """Run the trigger, and return what it emits."""
    context.emitted.clear()
    run(store_of(drive).poll, context, {}, cfg, snapshot)
    return list(context.emitted)


def test_poll_emits_files_with_attachments_and_a_snapshot_after_each_page(drive: Drive, context: Context) -> None:
    """Folders and deleted files are left out."""
    drive.files["b.csv"] = b"5"
    drive.pages = {
        "": {"value": [drive.described("a/b.csv"), drive.described("a")], "next": "t1"},
        "t1": {"value": [drive.described("b.csv"), {"id": "x", "deleted": {}}], "delta": "t2"},
        "t2": {"value": [], "delta": "t2"},
    }
    found = poll(drive, context, {"attachFile": True})
    assert [event for event, _ in found] == ["data", "snapshot", "data", "snapshot"]
    assert [list(value["attachments"]) for event, value in found if event == "data"] == [["b.csv"], ["b.csv"]]
    assert context.stored(found[0][1]["body"]["attachmentUrl"]) == b"1,2\n"
    assert found[-1][1]["delta"] == "t2"
    assert poll(drive, context, {}, found[-1][1]) == []


def test_poll_by_page_gives_equal_names_a_number(drive: Drive, context: Context) -> None:
    """Both files would be one attachment."""
    drive.files["c/b.csv"] = b"6"
    drive.pages = {"": {"value": [drive.described("a/b.csv"), drive.described("c/b.csv")], "delta": "t1"}}
    (_, value), _ = poll(drive, context, {"attachFile": True, "emitBehavior": "emitPage"})
    assert list(value["attachments"]) == ["b.csv", "b-2.csv"]
    urls = [each["attachmentUrl"] for each in value["body"]["results"]]
    assert [context.stored(url) for url in urls] == [b"1,2\n", b"6"]


def test_poll_reads_everything_after_a_forgotten_token(drive: Drive, context: Context) -> None:
    """The API answers 410."""
    drive.pages = {"": {"value": [drive.described("a/b.csv")], "delta": "t1"}}
    old = poll(drive, context, {})[-1][1]
    drive.pages = {"": {"value": [drive.described("a/b.csv")], "delta": "t9"}}
    assert [event for event, _ in poll(drive, context, {}, old)] == ["data", "snapshot"]


def paths(found: list[tuple[str, Any]]) -> list[str]:
    """Return the paths of the files that were emitted."""
    return [value["body"]["path"] for event, value in found if event == "data"]


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({}, ["a/b.csv", "a/c/d.csv", "ab/e.csv"]),
        ({"folder": ""}, ["a/b.csv", "a/c/d.csv", "ab/e.csv"]),
        ({"folder": " /a/ "}, ["a/b.csv", "a/c/d.csv"]),
        ({"folder": ["a/c", "ab"]}, ["a/c/d.csv", "ab/e.csv"]),
        ({"startTime": "2026-01-31T10:30:00+01:00"}, ["a/b.csv", "ab/e.csv"]),
        ({"startTime": "2026-02-01", "folder": "a"}, []),
    ],
)
def test_poll_emits_what_is_in_a_folder_and_new_enough(
    drive: Drive, context: Context, cfg: dict[str, Any], expected: list[str]
) -> None:
    """Folders within it count; a file whose time is missing is not too old; other content is not downloaded."""
    drive.files |= {"a/c/d.csv": b"6", "ab/e.csv": b"7"}
    drive.modified = {"a/b.csv": "2026-01-31T09:30:00Z", "a/c/d.csv": "2026-01-31T09:29:59Z"}
    drive.pages = {
        "": {"value": [drive.described(path) for path in ("a/b.csv", "a/c/d.csv", "ab/e.csv")], "delta": "t"}
    }
    found = poll(drive, context, {**cfg, "attachFile": True})
    assert paths(found) == expected
    assert found[-1][1]["delta"] == "t"
    downloads = [each.path for each in drive.requests if each.path.endswith("/content")]
    assert downloads == [f"/items/{path}/content" for path in expected]


def test_poll_starts_over_with_another_folder(drive: Drive, context: Context) -> None:
    """Its files were left out before."""
    drive.pages = {"": {"value": [drive.described("a/b.csv")], "delta": "t1"}, "t1": {"value": [], "delta": "t1"}}
    before = poll(drive, context, {"folder": "x"})[-1][1]
    assert poll(drive, context, {"folder": "x"}, before) == []
    assert paths(poll(drive, context, {"folder": "a"}, before)) == ["a/b.csv"]


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"folder": [7]}, "folder: expected the path of a folder"),
        ({"startTime": "soon"}, "startTime: expected a moment"),
    ],
)
def test_a_wrong_wish_is_named(drive: Drive, context: Context, cfg: dict[str, Any], text: str) -> None:
    """Nothing is asked for."""
    with pytest.raises(ValueError, match=text):
        poll(drive, context, cfg)
    assert drive.requests == []


def test_a_folder_needs_paths_in_metadata(drive: Drive, context: Context) -> None:
    """Otherwise no file would ever be in it."""
    store = store_of(drive, members=FileMembers())
    assert "folder" not in store.poll.descriptor()["fields"]
    with pytest.raises(ValueError, match=r"folder: expected FileMembers\(path=...\)"):
        run(store.poll, context, {}, {"folder": "a"})


def test_a_sample_without_a_wanted_file_is_an_error(
    drive: Drive, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that only the sample is concerned."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    drive.pages = {"": {"value": [drive.described("a/b.csv")], "delta": "t1"}}
    assert len(poll(drive, context, {"folder": "a"})) == 1
    with pytest.raises(NoSample, match="the sample"):
        poll(drive, context, {"folder": "x"})


def folders(context: Any, cfg: Any) -> dict[str, str]:
    """Return a select model."""
    return {"a": "A"}


def test_folders_may_be_chosen(drive: Drive, context: Context) -> None:
    """The select model is a function of the store's trigger, as of a module."""
    trigger = store_of(drive, folders=folders).poll
    field = trigger.descriptor()["fields"]["folder"]
    assert (field["viewClass"], field["model"]) == ("MultiSelectView", "folders")
    assert trigger.folders is folders
    assert not hasattr(trigger, "other")


def test_metadata_and_descriptor_follow_from_the_declaration(drive: Drive, context: Context) -> None:
    """The names of the messages are those of the schemas, and may be others."""
    store = store_of(drive)
    for function in (store.get, store.put, store.delete, store.poll):
        assert function.descriptor()["title"]
        assert "out" in function.get_meta_model(context, {})  # type: ignore[arg-type]
    assert "attachmentUrl" not in store.get.get_meta_model(context, {})["out"]["properties"]  # type: ignore[arg-type]
    attached = store.get.get_meta_model(context, {"attachFile": True})  # type: ignore[arg-type]
    assert "attachmentUrl" in attached["out"]["properties"]
    other = store.get.using(path="filename", attach_file="downloadToMaester", attachment_url="url")
    found = run(other, context, {"filename": "a/b.csv"}, {"downloadToMaester": True})
    assert found["body"]["url"].endswith("storage_type=maester")
    assert list(other.descriptor()["fields"]) == ["downloadToMaester", "allowZeroResults"]
    assert store.delete.using(default_if_not_found="emitEmpty").descriptor()["fields"]["ifNotFound"]["prompt"] == (
        "Emit an empty object"
    )


def test_an_upload_in_the_way_of_google_goes_on_as_well(drive: Drive, context: Context) -> None:
    """The address is in a header, 308 names what has arrived, and an empty PUT asks for it."""
    received = bytearray()

    def piece(request: Request) -> Reply:
        received.extend(request.body)
        if len(received) == len(LARGE):
            drive.files["large"] = bytes(received)
            return Reply(200, drive.described("large"))
        return Reply(308, None, {"Range": f"bytes=0-{len(received) - 1}"} if received else {})

    with Server(name="google") as google:
        google.route("PUT", "/upload", piece)
        google.script("/upload", Fault(status=503), Fault(), Fault(drop="before", after_processing=True))
        opening = Fault(status=200, headers={"Location": f"{google.url}/upload"})
        drive.script("/items/large/session", opening)
        pieces = Pieces(
            open=("POST", "/items/{path}/session"),
            above_bytes=PIECE,
            piece_bytes=PIECE,
            body={"name": "large"},
            asks="PUT",
            sleep=lambda seconds: None,
        )
        store = store_of(drive, pieces=pieces)
        found = run(store.put, context, {"path": "large", "attachmentUrl": attached(context, LARGE)})
        ranges = [each.header("Content-Range") for each in google.requests]
    assert found["body"]["size"] == len(LARGE)
    assert drive.files["large"] == LARGE
    assert ranges.count(f"bytes */{len(LARGE)}") == 2
    assert drive.requests[0].json() == {"name": "large"}
