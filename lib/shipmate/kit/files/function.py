"""What all functions of a file store share: their ids, their schemas, and the fields of their entries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from shipmate.invocation.message import Message
from shipmate.kit.files.declaration import FileApi, FileNames, Json, StoreDeclaration
from shipmate.kit.files.names import add_file
from shipmate.kit.files.open_store import OpenStore
from shipmate.kit.values import flag

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

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
    def api(self) -> FileApi:
        """The API, for `shipmate validate`."""
        return self.store.api

    @property
    def names(self) -> FileNames:
        """The ids of fields and members."""
        return self.store.names

    def using(self, **changes: Any) -> Self:
        """Return the same function with other ids: ``drive.get.using(path="fileId")``."""
        return type(self)(replace(self.store, names=replace(self.names, **changes)))

    def body(self, context: "Context", cfg: Mapping[str, Any], metadata: Mapping[str, Any]) -> Json:
        """Return the body of a message about a file, with its attachment if the step's check box is set.

        Args:
            context: The context of the call.
            cfg: The configuration of the call.
            metadata: The metadata of the file as the API returns them.
        """
        opened = OpenStore(self.store, context, cfg)
        found = opened.body(metadata)
        if flag(cfg, self.names.attach_file):
            attach(opened, metadata, "", found, {}, self.names)
        return found

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> Json:
        """Return the schemas of the input and the output: ``{"in": {...}, "out": {...}}``."""
        raise NotImplementedError

    def _place(self, msg: Message) -> str:
        """Return the path in a message.

        Raises:
            ValueError: There is none.
        """
        return text(msg, self.names.path)

    def _path_schema(self) -> Json:
        return {self.names.path: {"type": "string", "title": "Path", "required": True}}

    def _file_schema(self, *, is_attached: bool) -> Json:
        url = {self.names.attachment_url: {"type": "string", "title": "Attachment URL"}}
        known = self.store.emits or {"type": "object", "properties": _FILE}
        return {**known, "properties": {**known.get("properties", {}), **(url if is_attached else {})}}

    def _entry(self, title: str, help_text: str, fields: Json, **more: Any) -> Json:
        """Return an entry of ``component.json`` without ``main``."""
        own = {}
        for name, described in self.store.settings.items():
            model = described.get("model")
            own[name] = {**described, **({"model": model.__name__} if callable(model) else {})}
        described = {"title": title, "help": {"description": help_text}, "dynamicMetadata": True, **more}
        return {**described, "fields": {**own, **fields}}

    def __getattr__(self, name: str) -> Any:
        """Return the select model of a field."""
        store = self.__dict__.get("store")
        if store is not None:
            for model in (store.folders, *(each.get("model") for each in store.settings.values())):
                if callable(model) and model.__name__ == name:
                    return model
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def attach(
    opened: OpenStore, found: Mapping[str, Any], path: str, body: Json, files: dict[str, Any], names: FileNames
) -> None:
    """Store a file, and note it in the body and among the attachments of a message."""
    stored = opened.attach(found, opened.values(found, path))
    add_file(files, stored.name, stored.attachment)
    body[names.attachment_url] = stored.attachment["url"]
    if opened.emits_facts:
        body["size"] = stored.attachment["size"]


def text(msg: Message, name: str) -> str:
    """Return a member of a message as text.

    Raises:
        ValueError: There is none.
    """
    value = msg["body"].get(name)
    if not isinstance(value, str) or not value.strip("/ "):
        raise ValueError(f"{name}: expected text, found none")
    return value.strip()


def check_box(label: str, order: int) -> Json:
    """Return the field of a yes or no."""
    return {"label": label, "viewClass": "CheckBoxView", "required": False, "order": order}


def select(label: str, model: Mapping[str, str], prompt: str, order: int) -> Json:
    """Return the field of a choice."""
    return {
        "label": label, "viewClass": "SelectView", "required": False, "model": dict(model), "prompt": prompt,
        "order": order,
    }  # fmt: skip
