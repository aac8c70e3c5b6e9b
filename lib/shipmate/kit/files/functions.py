"""The functions of a file store: get, put and delete a file, and poll for files that have changed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from shipmate.errors import ApiError
from shipmate.http.download import DownloadedFile
from shipmate.invocation.message import Message, message
from shipmate.kit.files.declaration import Changes, FileNames, Json, StoreDeclaration
from shipmate.kit.files.names import add_file, numbered
from shipmate.kit.files.open_store import OpenStore
from shipmate.kit.files.pieces import open_upload, send_pieces
from shipmate.kit.files.transfer import beginning_with, from_attachment, open_source, refusal
from shipmate.kit.polling.answer import Answer
from shipmate.kit.polling.delta import TokenRefused, delta
from shipmate.kit.polling.fields import PollFields
from shipmate.kit.values import choice, flag
from shipmate.session.answers import member_at

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context

_GONE: Final = 410
_MOST_RENAMES: Final = 1000
_FILE: Final[Json] = {
    "id": {"type": "string", "title": "ID"},
    "name": {"type": "string", "title": "Name"},
    "path": {"type": "string", "title": "Path"},
    "directory": {"type": "string", "title": "Directory"},
    "size": {"type": "number", "title": "Size in bytes"},
    "modifyTime": {"type": "string", "title": "Modify time"},
    "contentType": {"type": "string", "title": "Media type"},
}


class FileFunction:
    """A function of a component: ``main`` in ``component.json`` may name it."""

    kind = "action"

    def __init__(self, store: StoreDeclaration) -> None:
        """Keep the declaration."""
        self.store = store

    @property
    def names(self) -> FileNames:
        """The ids of fields and members."""
        return self.store.names

    def using(self, **changes: Any) -> Self:
        """Return the same function with other ids: ``drive.get.using(path="fileId")``."""
        return type(self)(replace(self.store, names=replace(self.names, **changes)))

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schemas of the input and the output: ``{"in": {...}, "out": {...}}``."""
        raise NotImplementedError

    def _place(self, msg: Message) -> str:
        """Return the path in a message.

        Raises:
            ValueError: There is none.
        """
        return _text(msg, self.names.path)

    def _path_schema(self) -> Json:
        return {self.names.path: {"type": "string", "title": "Path", "required": True}}

    def _file_schema(self, *, is_attached: bool) -> Json:
        url = {self.names.attachment_url: {"type": "string", "title": "Attachment URL"}}
        return {"type": "object", "properties": {**_FILE, **(url if is_attached else {})}}


class GetFile(FileFunction):
    """Reads the metadata of a file, and stores its content as an attachment if a person wants it."""

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message:
        """Return the metadata; with the attachment if the step's check box is set.

        Raises:
            ApiError: There is no such file, or the API answers with an error.
            ValueError: The message has no path, or that of a folder.
        """
        path = self._place(msg)
        opened = OpenStore(self.store, context, cfg)
        found = opened.metadata({"path": path, "id": path, "name": path})
        if found is None:
            if flag(cfg, self.names.allow_zero):
                return message({})
            raise ApiError("the file: nothing found", status=404)
        if opened.is_folder(found):
            raise ValueError(f"{self.names.path}: expected the path of a file, found that of a folder")
        path = path if self.store.members.path == "" else ""
        body = opened.described(found, path)
        files: dict[str, Any] = {}
        if flag(cfg, self.names.attach_file):
            _attach(opened, found, path, body, files, self.names)
        return message(body, attachments=files)

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schemas: the path in, the metadata out."""
        is_attached = flag(cfg, self.names.attach_file)
        return {
            "in": {"type": "object", "properties": self._path_schema()},
            "out": self._file_schema(is_attached=is_attached),
        }

    def descriptor(self) -> Json:
        """Return the entry in ``component.json``, without ``main``."""
        fields = {
            self.names.attach_file: _check_box("Enable File Attachments", 90),
            self.names.allow_zero: _check_box("Allow zero results", 80),
        }
        return _entry("Get File", "Reads the metadata of a file, and its content as an attachment", fields)


class PutFile(FileFunction):
    """Uploads a file: in one request, or in pieces if it is large."""

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message:
        """Upload the file that the message names, and return the metadata of the written file.

        Raises:
            ApiError: The API answers with an error, or has such a file already and the step does not replace it.
            BadInput: The URL of the file is not allowed.
            ValueError: The message lacks a path or a URL.
        """
        conflict = choice(cfg, self.names.conflict, "replace", "fail", "rename")
        opened = OpenStore(self.store, context, cfg)
        path = self._free(opened, self._place(msg), conflict)
        url = _text(msg, self.names.attachment_url)
        written = self._upload(context, opened, path, url, conflict)
        found = written or opened.metadata({"path": path, "id": path, "name": path})
        if found is None:
            raise ApiError("the file: expected it after its upload, found none", status=404)
        return message(opened.described(found, path))

    def _free(self, opened: OpenStore, path: str, conflict: str) -> str:
        """Return the path to write to.

        Raises:
            ApiError: There is such a file already.
        """
        if conflict == "replace" or self.store.conflict_param:
            return path
        folder, slash, name = path.rpartition("/")
        for number in range(1, _MOST_RENAMES):
            candidate = path if number == 1 else f"{folder}{slash}{numbered(name, number)}"
            if opened.metadata({"path": candidate, "id": candidate, "name": candidate}) is None:
                return candidate
            if conflict == "fail":
                break
        raise ApiError("the file: expected a free path, found a file there", status=409)

    def _upload(self, context: "Context", opened: OpenStore, path: str, url: str, conflict: str) -> Json | None:
        """Return the metadata in the API's answer, None if it has none."""
        store, members = self.store, self.store.members
        values = {"path": path, "id": path, "name": path.rpartition("/")[2]}
        params = {store.conflict_param: conflict} if store.conflict_param else {}

        def source() -> DownloadedFile:
            return open_source(context, url, allows_foreign=store.allows_foreign, max_bytes=store.max_bytes)

        with source() as first:
            content, size, pieces = beginning_with(first, source), first.size_bytes, store.pieces
            if pieces is not None and size is not None and size > pieces.above_bytes:
                method, template = pieces.open
                address = open_upload(opened.session, method, opened.url(template, values), pieces, params=params)
                return _metadata_in(send_pieces(content, size, address, pieces), members.name)
            method, template = store.upload
            target = opened.url(template, values)
            headers = {"Content-Type": first.headers.get("Content-Type") or "application/octet-stream"}
            response = from_attachment(
                context, url, opened.session, method, target, source=content, headers=headers, params=params
            )
        if response.status_code >= 400:
            raise refusal(method, target, response)
        return _metadata_in(response, members.name)

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schemas: path and URL in, the metadata out."""
        url = {self.names.attachment_url: {"type": "string", "title": "Attachment URL", "required": True}}
        return {
            "in": {"type": "object", "properties": {**url, **self._path_schema()}},
            "out": self._file_schema(is_attached=False),
        }

    def descriptor(self) -> Json:
        """Return the entry in ``component.json``, without ``main``."""
        model = {"replace": "Replace", "fail": "Fail", "rename": "Rename"}
        fields = {self.names.conflict: _select("Conflict behavior", model, "Replace", 90)}
        return _entry("Upsert File", "Uploads a file from its URL", fields)


class DeleteFile(FileFunction):
    """Deletes a file."""

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Delete the file, and return its path; what happens without a file is the step's choice.

        Raises:
            ApiError: There is no such file, or the API answers with an error.
            ValueError: The message has no path.
        """
        path = self._place(msg)
        reactions = ("throwError", "emitEmpty", "emitNothing")
        reaction = choice(cfg, self.names.if_not_found, *reactions, default=self.names.default_if_not_found)
        if OpenStore(self.store, context, cfg).delete({"path": path, "id": path, "name": path}):
            return message({self.names.path: path})
        if reaction == "throwError":
            raise ApiError("the file: nothing found", status=404)
        return message({}) if reaction == "emitEmpty" else None

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schemas: the path in and out."""
        out = {self.names.path: {"type": "string", "title": "Path"}}
        return {
            "in": {"type": "object", "properties": self._path_schema()},
            "out": {"type": "object", "properties": out},
        }

    def descriptor(self) -> Json:
        """Return the entry in ``component.json``, without ``main``."""
        model = {"throwError": "Throw an error", "emitEmpty": "Emit an empty object", "emitNothing": "Emit nothing"}
        label = "Emit strategy when no object found"
        fields = {self.names.if_not_found: _select(label, model, model[self.names.default_if_not_found], 90)}
        return _entry("Delete File", "Deletes a file", fields)


class PollFiles(FileFunction):
    """Finds new and changed files by the tokens of the API; a snapshot follows each page."""

    kind = "trigger"

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> None:
        """Emit the files that have changed since the snapshot; with their attachments if the check box is set.

        Raises:
            ApiError: The API answers with an error.
            CannotPoll: The API gives no token, or the same one again and again.
            ValueError: A field has a wrong value.
        """
        changes = self._changes
        opened = OpenStore(self.store, context, cfg)
        members, is_attached = self.store.members, flag(cfg, self.names.attach_file)
        declared = delta(members.id, version=members.version, deleted=changes.deleted)
        for page in declared.pages(cfg, snapshot, self._fetch(opened), of=changes.path):
            for each in page.messages:
                found = each["body"]["results"] if _is_by_page(cfg) else [each["body"]]
                files: dict[str, Any] = {}
                bodies = [
                    self._described(opened, file, files, is_attached=is_attached)
                    for file in found
                    if not opened.is_folder(file)
                ]
                if bodies:
                    body = {"results": bodies} if _is_by_page(cfg) else bodies[0]
                    context.emit("data", {**each, "body": body, "attachments": files})
            if page.snapshot is not None:
                context.emit("snapshot", page.snapshot)

    @property
    def _changes(self) -> Changes:
        if self.store.changes is None:
            raise ValueError("poll: expected FileStore(changes=Changes(...)), found none")
        return self.store.changes

    def _described(self, opened: OpenStore, found: Json, files: dict[str, Any], *, is_attached: bool) -> Json:
        body = opened.described(found)
        if is_attached:
            _attach(opened, found, "", body, files, self.names)
        return body

    def _fetch(self, opened: OpenStore) -> Callable[[str | None, int], Answer]:
        """Return the function that fetches one page."""
        changes = self._changes

        def fetch(token: str | None, limit: int) -> Answer:
            url, params = opened.url(changes.path, {}), {changes.limit: str(limit)} if changes.limit else {}
            if token is not None and changes.token:
                params[changes.token] = token
            elif token is not None:
                url, params = opened.followed(url, token), {}
            response = opened.session.request("GET", url, params=params)
            if response.status_code == _GONE and token is not None:
                raise TokenRefused
            answer = opened.object_in("GET", url, response)
            records = member_at(answer, changes.records)
            following, last = member_at(answer, changes.next), member_at(answer, changes.last) if changes.last else None
            more = bool(member_at(answer, changes.more)) if changes.more else (not last if changes.last else None)
            return Answer(records if isinstance(records, list) else [], next=following or last, more=more)

        return fetch

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schema of the output: the metadata of a file, or of those of a page."""
        found = self._file_schema(is_attached=flag(cfg, self.names.attach_file))
        if not _is_by_page(cfg):
            return {"out": found}
        return {"out": {"type": "object", "properties": {"results": {"type": "array", "items": found}}}}

    def descriptor(self) -> Json:
        """Return the entry in ``component.json``, without ``main``."""
        fields = {self.names.attach_file: _check_box("Enable File Attachments", 95), **delta().descriptor()}
        title = "Get New and Updated Objects Polling"
        return _entry(title, "Finds new and changed files", fields, type="polling")


def _is_by_page(cfg: Mapping[str, Any]) -> bool:
    fields = PollFields()
    return choice(cfg, fields.emit, *fields.individually, *fields.pages) in fields.pages


def _attach(
    opened: OpenStore, found: Mapping[str, Any], path: str, body: Json, files: dict[str, Any], names: FileNames
) -> None:
    """Store a file, and note it in the body and among the attachments of a message."""
    stored = opened.attach(found, opened.values(found, path))
    add_file(files, stored.name, stored.attachment)
    body[names.attachment_url] = stored.attachment["url"]
    body["size"] = stored.attachment["size"]


def _text(msg: Message, name: str) -> str:
    """Return a member of a message as text.

    Raises:
        ValueError: There is none.
    """
    value = msg["body"].get(name)
    if not isinstance(value, str) or not value.strip("/ "):
        raise ValueError(f"{name}: expected text, found none")
    return value.strip()


def _metadata_in(response: "requests.Response | None", name: str) -> Json | None:
    try:
        found = None if response is None else response.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) and member_at(found, name) else None


def _entry(title: str, help_text: str, fields: Json, **more: Any) -> Json:
    return {"title": title, "help": {"description": help_text}, "dynamicMetadata": True, **more, "fields": fields}


def _check_box(label: str, order: int) -> Json:
    return {"label": label, "viewClass": "CheckBoxView", "required": False, "order": order}


def _select(label: str, model: Mapping[str, str], prompt: str, order: int) -> Json:
    return {
        "label": label, "viewClass": "SelectView", "required": False, "model": dict(model), "prompt": prompt,
        "order": order,
    }  # fmt: skip
