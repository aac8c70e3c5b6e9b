"""An API that keeps files, as an author declares it: its functions get, put, delete and poll."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from shipmate.errors import ApiError
from shipmate.kit.files.pieces import Pieces
from shipmate.kit.files.transfer import HttpSession, StoredFile, refusal, to_attachment
from shipmate.session.answers import member_at
from shipmate.urls import origin, segment

if TYPE_CHECKING:
    import requests

    from shipmate.invocation.context import Context
    from shipmate.kit.files.functions import DeleteFile, GetFile, PollFiles, PutFile

_NOT_FOUND: Final = 404
Json = dict[str, Any]


class Connected(Protocol):
    """The API for the account of one call."""

    session: HttpSession

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        ...


class FileApi(Protocol):
    """An API like `shipmate.kit.Api`."""

    def connect(self, context: "Context", cfg: Mapping[str, Any]) -> Connected:
        """Return the API for the account in ``cfg``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNames:
    """The ids of the functions' fields and members; the defaults are those of newly published components.

    Args:
        path: The member of a message with the path of a file.
        attachment_url: The member with the URL of an attachment, in and out.
        attach_file: The check box that stores the file as an attachment.
        allow_zero: The check box that turns "nothing found" into an empty object.
        conflict: The choice of what happens if there is such a file already.
        if_not_found: The choice of what a deletion without a file emits.
        default_if_not_found: The meaning of an empty ``if_not_found``.
    """

    path: str = "path"
    attachment_url: str = "attachmentUrl"
    attach_file: str = "attachFile"
    allow_zero: str = "allowZeroResults"
    conflict: str = "conflictBehavior"
    if_not_found: str = "ifNotFound"
    default_if_not_found: Literal["throwError", "emitEmpty", "emitNothing"] = "throwError"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMembers:
    """The members of a file's metadata as the API names them, each a path such as ``file.mimeType``.

    Args:
        id: The id.
        name: The name.
        path: The path; empty if metadata has none.
        size: The length in bytes.
        modified: The time of the last change.
        media_type: The media type.
        folder: The member that only folders have.
        version: The member that changes with the content, an etag for example.
    """

    id: str = "id"
    name: str = "name"
    path: str = ""
    size: str = "size"
    modified: str = "modified"
    media_type: str = ""
    folder: str = "folder"
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How an API names the files that have changed: by a token that follows each page.

    Args:
        path: The path of the request.
        token: The parameter with the token; empty if the token is a whole URL, as ``@odata.nextLink`` is.
        next: The member of an answer with the token or URL of the next page.
        last: The member with the token or URL of the next run, if it is another one.
        more: The member that says whether there are further pages now; empty if a page without records is the last.
        records: The member with the files.
        deleted: The member that only deleted files have.
        limit: The parameter with the size of a page; empty without one.
    """

    path: str
    token: str = "token"  # noqa: S105 - the name of a parameter
    next: str = "next"
    last: str = ""
    more: str = ""
    records: str = "value"
    deleted: str = "deleted"
    limit: str = ""


class FileStore:
    """An API that keeps files: ``FileStore(api, metadata="/items/{path}", content="/items/{path}/content")``.

    ``get``, ``put``, ``delete`` and ``poll`` are functions of a component as they are. ``{path}``, ``{id}`` and
    ``{name}`` in paths are percent-encoded; the slashes of a path stay.
    """

    def __init__(
        self,
        api: FileApi,
        *,
        metadata: str,
        content: str,
        upload: tuple[str, str] | None = None,
        pieces: Pieces | None = None,
        delete: str | None = None,
        changes: Changes | None = None,
        members: FileMembers | None = None,
        names: FileNames | None = None,
        conflict_param: str = "",
        max_bytes: int | None = None,
        allows_foreign: bool = True,
    ) -> None:
        """Declare a store; nothing is sent.

        Args:
            api: The API.
            metadata: The path of a file's metadata.
            content: The path of its content.
            upload: The method and the path of an upload; PUT to ``content`` unless given.
            pieces: How large files are uploaded; None if the API takes any size in one request.
            delete: The path of a deletion; that of the metadata unless given.
            changes: How files that have changed are found.
            members: The members of metadata.
            names: The ids of fields and members.
            conflict_param: The parameter with ``replace``, ``fail`` or ``rename``, if the API decides itself;
                otherwise the kit looks first, so that two uploads at once may still replace each other.
            max_bytes: The most bytes of a file.
            allows_foreign: Whether uploads may read https URLs that are no attachments of the object storage.
        """
        self.api = api
        self.names = names or FileNames()
        self.members = members or FileMembers()
        self.changes = changes
        self.pieces = pieces
        self.conflict_param = conflict_param
        self.max_bytes = max_bytes
        self.allows_foreign = allows_foreign
        self.upload_method, self.upload_path = upload or ("PUT", content)
        self._metadata = metadata
        self._content = content
        self._delete = delete or metadata

    @property
    def get(self) -> "GetFile":
        """The function that reads a file's metadata, and stores its content as an attachment."""
        from shipmate.kit.files.functions import GetFile

        return GetFile(self, self.names)

    @property
    def put(self) -> "PutFile":
        """The function that uploads a file."""
        from shipmate.kit.files.functions import PutFile

        return PutFile(self, self.names)

    @property
    def delete(self) -> "DeleteFile":
        """The function that deletes a file."""
        from shipmate.kit.files.functions import DeleteFile

        return DeleteFile(self, self.names)

    @property
    def poll(self) -> "PollFiles":
        """The trigger that finds new and changed files.

        Raises:
            ValueError: The store has no ``changes``.
        """
        from shipmate.kit.files.functions import PollFiles

        if self.changes is None:
            raise ValueError("poll: expected FileStore(changes=Changes(...)), found none")
        return PollFiles(self, self.names)

    def connect(self, context: "Context", cfg: Mapping[str, Any]) -> "OpenStore":
        """Return the store for the account of one call."""
        return OpenStore(self, context, self.api.connect(context, cfg))


class OpenStore:
    """A store for the account of one call."""

    def __init__(self, store: FileStore, context: "Context", connected: Connected) -> None:
        """Send nothing yet."""
        self._store = store
        self._context = context
        self._connected = connected
        self.session = connected.session

    def url(self, template: str, values: Mapping[str, Any]) -> str:
        """Return the URL of a path with its values, percent-encoded.

        Raises:
            ValueError: A value is missing, or leads to another folder.
        """
        return self._connected.url(filled(template, values))

    def followed(self, url: str, following: str) -> str:
        """Return the URL that an answer names as the next one.

        Raises:
            ApiError: It is that of another server.
        """
        before = origin(url)
        if before is not None and origin(following) != before:
            raise ApiError("the next page: expected a URL of the same server, found another")
        # Braces would be placeholders of the session.
        return following.replace("{", "%7B").replace("}", "%7D")

    def metadata(self, values: Mapping[str, Any]) -> Json | None:
        """Return the metadata of a file, None if there is no such file.

        Raises:
            ApiError: The API answers with another error than 404.
        """
        url = self.url(self._store._metadata, values)
        response = self.session.request("GET", url)
        return None if response.status_code == _NOT_FOUND else self.object_in("GET", url, response)

    def object_in(self, method: str, url: str, response: "requests.Response") -> Json:
        """Return the JSON object in an answer.

        Raises:
            ApiError: The answer is an error, or something else.
        """
        if response.status_code >= 400:
            raise refusal(method, url, response)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError(f"{refusal(method, url, response)}: expected the metadata of a file, found something else")
        return found

    def delete(self, values: Mapping[str, Any]) -> bool:
        """Delete a file, and return whether there was one.

        Raises:
            ApiError: The API answers with another error than 404.
        """
        url = self.url(self._store._delete, values)
        response = self.session.request("DELETE", url)
        if response.status_code >= 400 and response.status_code != _NOT_FOUND:
            raise refusal("DELETE", url, response)
        return response.status_code != _NOT_FOUND

    def attach(self, found: Mapping[str, Any], values: Mapping[str, Any]) -> StoredFile:
        """Store the content of a file as an attachment.

        Raises:
            ApiError: The API answers with an error.
            IncompleteContent: The API did not send the whole file.
        """
        members, store = self._store.members, self._store
        kind = member_at(found, members.media_type) if members.media_type else None
        return to_attachment(
            self._context,
            self.session,
            self.url(store._content, values),
            name=str(member_at(found, members.name) or ""),
            content_type=kind if isinstance(kind, str) else None,
            max_bytes=store.max_bytes,
        )

    def values(self, found: Mapping[str, Any], path: str = "") -> Json:
        """Return the values for paths: ``{"path": "a/b.csv", "id": "7", "name": "b.csv"}``."""
        members = self._store.members
        known = path or (str(member_at(found, members.path) or "") if members.path else "")
        name = member_at(found, members.name)
        return {"path": known.strip("/"), "id": member_at(found, members.id), "name": name}

    def described(self, found: Mapping[str, Any], path: str = "") -> Json:
        """Return the body of a message about a file: ``{"name": "b.csv", "path": "a/b.csv", "size": 12, ...}``."""
        members = self._store.members
        values = self.values(found, path)
        folder, _, last = values["path"].rpartition("/")
        body = {
            "id": values["id"],
            "name": values["name"] or last,
            "path": values["path"] or None,
            "directory": folder if values["path"] else None,
            "size": member_at(found, members.size),
            "modifyTime": member_at(found, members.modified),
            "contentType": member_at(found, members.media_type) if members.media_type else None,
        }
        return {name: value for name, value in body.items() if value is not None}

    def is_folder(self, found: Mapping[str, Any]) -> bool:
        """Tell whether metadata is that of a folder."""
        mark = member_at(dict(found), self._store.members.folder) if self._store.members.folder else None
        return mark is not None and mark is not False


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Return a path with its values, percent-encoded; the slashes of ``{path}`` stay.

    >>> filled("/items/{path}/content", {"path": "a/b c?.csv"}), filled("/files/{id}", {"id": "a/b"})
    ('/items/a/b%20c%3F.csv/content', '/files/a%2Fb')

    Raises:
        ValueError: A value is missing or empty, or has a part ``.`` or ``..``.
    """
    for name in ("path", "id", "name"):
        if "{" + name + "}" not in template:
            continue
        value = values.get(name)
        if value is None or value == "":
            raise ValueError(f"{name}: expected a value, found none")
        parts = str(value).strip("/").split("/") if name == "path" else [str(value)]
        try:
            encoded = "/".join(segment(part) for part in parts)
        except ValueError:
            raise ValueError(
                f"{name}: expected the place of a file, found one with a part that is empty, . or .."
            ) from None
        template = template.replace("{" + name + "}", encoded)
    return template


def renamed(path: str, number: int) -> str:
    """Return a path whose name has a number before its extension.

    >>> renamed("a/b.csv", 2), renamed("README", 3)
    ('a/b-2.csv', 'README-3')
    """
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return f"{folder}{slash}" + (f"{stem}-{number}{dot}{extension}" if stem else f"{name}-{number}")
