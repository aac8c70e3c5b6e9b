"""A file store of the kit's own Api and a session of the runtime, from its declaration to the bytes."""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Modules, load
from shipmate.emulator import Fault, Reply, Server
from shipmate.errors import ApiError
from shipmate.kit import Api, Changes, FileMembers, FileStore, Pieces
from shipmate.testing.isolation import only_component
from shipmate.tools.validation import entries, validate_component
from tests.unit.kit.files.drive import KEY, PIECE, Context, Drive
from tests.unit.session.conftest import QUICK, Desk

LARGE = random.Random(6).randbytes(3 * PIECE + 7)  # noqa: S311 - a file


class CallContext(Context):
    """The context of a call whose session is that of the runtime."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.platform)
        self._desk = desk

    def session(self, cfg: Mapping[str, Any], **options: Any) -> Any:
        """Return a session of the runtime."""
        return self._desk.session(dict(cfg), **options)


@pytest.fixture
def drive() -> Iterator[Drive]:
    with Drive() as started:
        started.files["a/b.csv"] = b"1,2\n"
        started.folders.add("a")
        yield started


@pytest.fixture
def context(desk: Desk) -> CallContext:
    desk.fields(base_url="TextFieldView", apiKey="PasswordFieldView")
    return CallContext(desk)


@pytest.fixture
def cfg(drive: Drive) -> dict[str, Any]:
    return {"base_url": f"{drive.url}/", "apiKey": KEY}


STORE = FileStore(
    Api("{base_url}", header="X-Key: {apiKey}", policy=QUICK, allow_http=True),
    metadata="/items/{path}",
    content="/items/{path}/content",
    pieces=Pieces(open=("POST", "/items/{path}/session"), above_bytes=PIECE, piece_bytes=PIECE),
    changes=Changes(path="/changes", token="token", next="next", last="delta"),
    members=FileMembers(path="path", media_type="file.mimeType"),
)


def run(function: Any, context: Context, body: dict[str, Any], cfg: dict[str, Any]) -> Any:
    """Call a function as the runtime does."""
    return function.process(context, {"body": body}, cfg, {})


def test_a_file_goes_there_and_back(drive: Drive, context: CallContext, cfg: dict[str, Any]) -> None:
    """Below the base URL that a person has typed in, with the key in each request but those of the upload's address."""
    url = context.attachments.upload("c.bin", LARGE)["url"]
    written = run(STORE.put, context, {"path": "x y/c.bin", "attachmentUrl": url}, cfg)
    assert drive.files["x y/c.bin"] == LARGE
    assert written["body"]["size"] == len(LARGE)
    assert {each.header("X-Key") for each in drive.requests if each.path.startswith("/uploads/")} == {None}

    found = run(STORE.get, context, {"path": "x y/c.bin"}, {**cfg, "attachFile": True})
    assert context.stored(found["body"]["attachmentUrl"]) == LARGE
    assert run(STORE.delete, context, {"path": "x y/c.bin"}, cfg)["body"] == {"path": "x y/c.bin"}
    assert "x y/c.bin" not in drive.files


def test_a_file_may_be_larger_than_an_answer(drive: Drive, context: CallContext, cfg: dict[str, Any]) -> None:
    """It is not read whole: the limit of answers is for those that are in memory."""
    drive.files["a/l.bin"] = LARGE
    store = FileStore(
        Api("{base_url}", header="X-Key: {apiKey}", policy=QUICK, allow_http=True, max_bytes=100_000),
        metadata="/items/{path}",
        content="/items/{path}/content",
    )
    found = run(store.get, context, {"path": "a/l.bin"}, {**cfg, "attachFile": True})
    assert context.stored(found["body"]["attachmentUrl"]) == LARGE


def test_the_signed_url_of_a_content_gets_no_key(drive: Drive, context: CallContext, cfg: dict[str, Any]) -> None:
    """The storage behind the API is another host."""
    with Server(name="storage") as storage:
        storage.route("GET", "/signed/a/b.csv", lambda request: Reply(200, b"3", {"Content-Type": "text/csv"}))
        drive.content_at = f"{storage.url}/signed"
        found = run(STORE.get, context, {"path": "a/b.csv"}, {**cfg, "attachFile": True})
        (request,) = storage.requests
    assert context.stored(found["body"]["attachmentUrl"]) == b"3"
    assert request.header("X-Key") is None


def test_a_busy_api_is_asked_again_and_an_error_has_its_reason(
    drive: Drive, context: CallContext, cfg: dict[str, Any]
) -> None:
    """As with every session."""
    drive.script("/items/a/b.csv", Fault(status=503))
    assert run(STORE.get, context, {"path": "a/b.csv"}, cfg)["body"]["path"] == "a/b.csv"
    with pytest.raises(ApiError) as refused:
        run(STORE.get, context, {"path": "a/b.csv"}, {**cfg, "apiKey": "another-key"})
    assert "401" in str(refused.value)
    assert "another-key" not in str(refused.value)


def test_changes_are_polled(drive: Drive, context: CallContext, cfg: dict[str, Any]) -> None:
    """Page after page."""
    drive.pages = {
        "": {"value": [drive.described("a/b.csv")], "next": "t1"},
        "t1": {"value": [drive.described("a")], "delta": "t2"},
    }
    run(STORE.poll, context, {}, {**cfg, "folder": "a"})
    assert [event for event, _ in context.emitted] == ["data", "snapshot", "snapshot"]


MODULE = """
from shipmate.kit import Api, Changes, FileMembers, FileStore

api = Api("{base_url}/v1", header="X-Key: {apiKey}")


def folders(context, cfg):
    return {each["path"]: each["name"] for each in api.connect(context, cfg).get("/folders").json()}


drive = FileStore(
    api, metadata="/items/{path}", content="/items/{path}/content", changes=Changes(path="/changes"),
    members=FileMembers(path="path"), folders=folders,
)
"""


def test_describe_adds_the_functions_of_a_store_and_validate_accepts_them(tmp_path: Path) -> None:
    """As it does those of a resource."""
    fields = {
        "base_url": {"label": "URL", "viewClass": "TextFieldView"},
        "apiKey": {"label": "Key", "viewClass": "PasswordFieldView"},
    }
    (tmp_path / "drive.py").write_text(MODULE)
    file = tmp_path / "component.json"
    file.write_text(json.dumps({"title": "Drive", "description": "Drive", "credentials": {"fields": fields}}))
    with only_component(tmp_path):
        component = load(tmp_path)
        whole, _ = entries.described(component, Modules(component), ["./drive.py:drive"])
        file.write_text(entries.to_text(whole))
        report = validate_component(tmp_path)
    assert list(whole["actions"]) == ["getFile", "upsertFile", "deleteFile"]
    assert whole["triggers"]["getNewAndUpdatedFilesPolling"]["fields"]["folder"]["model"] == "folders"
    assert report.errors == ()


def test_the_api_s_own_metadata_and_fields_of_the_step(context: CallContext, drive: Drive, cfg: dict[str, Any]) -> None:
    """The published names of an API stay, and a drive that a person chooses stands in the paths."""

    def drives(context: Any, cfg: Any) -> dict[str, str]:
        return {"items": "Mine"}

    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    store = FileStore(
        Api("{base_url}", header="X-Key: {apiKey}", policy=QUICK, allow_http=True),
        metadata="/{drive}/{path}",
        content="/{drive}/{path}/content",
        members=FileMembers(path="path", media_type="file.mimeType"),
        settings={"drive": {"label": "Drive", "viewClass": "SelectView", "model": drives}},
        emits=schema,
    )
    cfg = {**cfg, "drive": "items", "attachFile": True}
    call: Any = context
    found = store.get.process(call, {"body": {"path": "a/b.csv"}}, cfg, {})["body"]
    metadata = drive.described("a/b.csv")
    assert found == {**metadata, "attachmentUrl": found["attachmentUrl"]}
    assert store.get.body(call, {**cfg, "attachFile": False}, metadata) == metadata
    assert store.get.get_meta_model(call, {})["out"] == schema
    assert store.get.descriptor()["fields"]["drive"]["model"] == "drives"
    assert store.get.drives is drives
    with pytest.raises(ValueError, match="drive: expected a value, found none"):
        store.delete.process(call, {"body": {"path": "a/b.csv"}}, {**cfg, "drive": ""}, {})
