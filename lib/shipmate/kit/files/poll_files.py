"""The trigger of a file store: new and changed files."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import NoSample
from shipmate.invocation.message import Message
from shipmate.jsonvalue import member_at
from shipmate.kit.files.declaration import Changes, Json
from shipmate.kit.files.function import FileFunction, attach, check_box
from shipmate.kit.files.open_store import OpenStore
from shipmate.kit.files.wanted import WantedFiles
from shipmate.kit.polling.answer import Answer
from shipmate.kit.polling.delta import TokenRefused, delta
from shipmate.kit.polling.fields import PollFields, is_sample
from shipmate.kit.values import choice, flag

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

_GONE: Final = 410


class PollFiles(FileFunction):
    """Finds new and changed files by the tokens of the API; a snapshot follows each page."""

    kind = "trigger"

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> None:
        """Emit the files that have changed since the snapshot; with their attachments if the check box is set.

        Raises:
            ApiError: The API answers with an error.
            CannotPoll: The API gives no token, or the same one again and again.
            NoSample: The run fetches a sample, and finds no file that is wanted.
            ValueError: A field has a wrong value.
        """
        changes = self._changes
        opened = OpenStore(self.store, context, cfg)
        members, is_attached = self.store.members, flag(cfg, self.names.attach_file)
        wanted = WantedFiles.from_cfg(cfg, self.names)
        if wanted.folders and not members.path:
            raise ValueError(
                f"{self.names.folder}: expected FileMembers(path=...), by which folders are told, found none"
            )
        count = 0
        declared = delta(members.id, version=members.version, deleted=changes.deleted)
        for page in declared.pages(cfg, snapshot, self._fetch(opened), of=wanted.source(changes.path)):
            for each in page.messages:
                found = each["body"]["results"] if _is_by_page(cfg) else [each["body"]]
                files: dict[str, Any] = {}
                bodies = [
                    self._described(opened, file, files, is_attached=is_attached)
                    for file in found
                    if not opened.is_folder(file) and wanted.has(opened.described(file))
                ]
                count += len(bodies)
                if bodies:
                    body = {"results": bodies} if _is_by_page(cfg) else bodies[0]
                    context.emit("data", {**each, "body": body, "attachments": files})
            if page.snapshot is not None:
                context.emit("snapshot", page.snapshot)
        if is_sample() and not count:
            raise NoSample(
                "the sample: expected at least one file, found none; this concerns the sample only: the flow runs and "
                "waits for files"
            )

    @property
    def _changes(self) -> Changes:
        if self.store.changes is None:
            raise ValueError("poll: expected FileStore(changes=Changes(...)), found none")
        return self.store.changes

    def _described(self, opened: OpenStore, found: Json, files: dict[str, Any], *, is_attached: bool) -> Json:
        body = opened.body(found)
        if is_attached:
            attach(opened, found, "", body, files, self.names)
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
        names, members = self.names, self.store.members
        fields: Json = {}
        if members.path:
            fields[names.folder] = self._folder_field()
        fields |= {names.attach_file: check_box("Enable File Attachments", 95), **delta().descriptor()}
        if members.modified:
            fields[names.start] = {
                "label": "Start Time", "viewClass": "TextFieldView", "required": False, "order": 50,
                "placeholder": "1970-01-01T00:00:00Z", "note": "Files that have not changed since then are left out",
            }  # fmt: skip
        title = "Get New and Updated Objects Polling"
        return self._entry(title, "Finds new and changed files", fields, type="polling")

    def _folder_field(self) -> Json:
        field: Json = {"label": "Folder", "required": False, "order": 98, "prompt": "All folders"}
        note = "Files in it, and in the folders in it"
        model = self.store.folders
        if model is None:
            return {**field, "viewClass": "TextFieldView", "note": note}
        return {**field, "viewClass": "MultiSelectView", "model": model.__name__, "note": note}


def _is_by_page(cfg: Mapping[str, Any]) -> bool:
    fields = PollFields()
    return choice(cfg, fields.emit, *fields.individually, *fields.pages) in fields.pages
