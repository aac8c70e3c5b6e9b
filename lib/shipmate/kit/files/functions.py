"""The actions of a file store: get, put and delete a file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import ApiError
from shipmate.http.download import DownloadedFile
from shipmate.invocation.message import Message, message
from shipmate.jsonvalue import member_at
from shipmate.kit.files.declaration import Json
from shipmate.kit.files.function import FileFunction, attach, check_box, select, text
from shipmate.kit.files.names import numbered
from shipmate.kit.files.open_store import OpenStore
from shipmate.kit.files.pieces import open_upload, send_pieces
from shipmate.kit.files.transfer import beginning_with, from_attachment, open_source, refusal
from shipmate.kit.values import choice, flag

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context

_MOST_RENAMES: Final = 1000


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
        body = opened.body(found, path)
        files: dict[str, Any] = {}
        if flag(cfg, self.names.attach_file):
            attach(opened, found, path, body, files, self.names)
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
            self.names.attach_file: check_box("Enable File Attachments", 90),
            self.names.allow_zero: check_box("Allow zero results", 80),
        }
        return self._entry("Get File", "Reads the metadata of a file, and its content as an attachment", fields)


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
        url = text(msg, self.names.attachment_url)
        written = self._upload(context, opened, path, url, conflict)
        found = written or opened.metadata({"path": path, "id": path, "name": path})
        if found is None:
            raise ApiError("the file: expected it after its upload, found none", status=404)
        return message(opened.body(found, path))

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
        fields = {self.names.conflict: select("Conflict behavior", model, "Replace", 90)}
        return self._entry("Upsert File", "Uploads a file from its URL", fields)


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
        fields = {self.names.if_not_found: select(label, model, model[self.names.default_if_not_found], 90)}
        return self._entry("Delete File", "Deletes a file", fields)


def _metadata_in(response: "requests.Response | None", name: str) -> Json | None:
    try:
        found = None if response is None else response.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) and member_at(found, name) else None
