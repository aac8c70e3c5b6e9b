"""An API that keeps files, as an author declares it: its functions get, put, delete and poll."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shipmate.kit.files.declaration import Changes, FileApi, FileMembers, FileNames, StoreDeclaration
from shipmate.kit.files.functions import DeleteFile, GetFile, PutFile
from shipmate.kit.files.pieces import Pieces
from shipmate.kit.files.poll_files import PollFiles

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


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
        folders: "Callable[[Context, Mapping[str, Any]], Mapping[str, str]] | None" = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        emits: Mapping[str, Any] | None = None,
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
            folders: The select model of the folders to poll: a function of the context and ``cfg``, in the module of
                the store. Without it a person types the path of one.
            settings: Further fields of all functions in ``component.json``, whose values stand in paths as ``{name}``;
                ``model`` may be a function.
            emits: The schema of the API's metadata. If it is given, messages have the metadata in place of the facts.
            allows_foreign: Whether uploads may read https URLs that are no attachments of the object storage.
        """
        self._declared = StoreDeclaration(
            api=api,
            metadata=metadata,
            content=content,
            upload=upload or ("PUT", content),
            pieces=pieces,
            delete=delete or metadata,
            changes=changes,
            members=members or FileMembers(),
            names=names or FileNames(),
            conflict_param=conflict_param,
            max_bytes=max_bytes,
            allows_foreign=allows_foreign,
            folders=folders,
            settings=settings or {},
            emits=None if emits is None else dict(emits),
        )

    title = "File"

    def available(self) -> dict[str, str]:
        """Return the functions that the declaration allows, and their ids in new components."""
        found = {"get": "getFile", "put": "upsertFile", "delete": "deleteFile"}
        return found | ({"poll": "getNewAndUpdatedFilesPolling"} if self._declared.changes is not None else {})

    @property
    def get(self) -> GetFile:
        """The function that reads a file's metadata, and stores its content as an attachment."""
        return GetFile(self._declared)

    @property
    def put(self) -> PutFile:
        """The function that uploads a file."""
        return PutFile(self._declared)

    @property
    def delete(self) -> DeleteFile:
        """The function that deletes a file."""
        return DeleteFile(self._declared)

    @property
    def poll(self) -> PollFiles:
        """The trigger that finds new and changed files.

        Raises:
            ValueError: The store has no ``changes``.
        """
        if self._declared.changes is None:
            raise ValueError("poll: expected FileStore(changes=Changes(...)), found none")
        return PollFiles(self._declared)
