"""The declaration of an API that keeps files: the facts that all its functions share."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from shipmate.kit.files.pieces import Pieces
from shipmate.kit.files.transfer import HttpSession
from shipmate.urls import segment

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

Json = dict[str, Any]
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


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
        folder: The choice of the folders that are polled, with those in them.
        start: The time since which files are polled.
        if_not_found: The choice of what a deletion without a file emits.
        default_if_not_found: The meaning of an empty ``if_not_found``.
    """

    path: str = "path"
    attachment_url: str = "attachmentUrl"
    attach_file: str = "attachFile"
    allow_zero: str = "allowZeroResults"
    conflict: str = "conflictBehavior"
    folder: str = "folder"
    start: str = "startTime"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDeclaration:
    """What an author declares in `FileStore`, whose arguments it has."""

    api: FileApi
    metadata: str
    content: str
    upload: tuple[str, str]
    pieces: Pieces | None
    delete: str
    changes: Changes | None
    members: FileMembers
    names: FileNames
    conflict_param: str
    max_bytes: int | None
    allows_foreign: bool
    folders: "Callable[[Context, Mapping[str, Any]], Mapping[str, str]] | None" = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    emits: Json | None = None


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Return a path with its values, percent-encoded; the slashes of ``{path}`` stay.

    >>> filled("/items/{path}/content", {"path": "a/b c?.csv"}), filled("/files/{id}", {"id": "a/b"})
    ('/items/a/b%20c%3F.csv/content', '/files/a%2Fb')

    Raises:
        ValueError: A value is missing or empty, or has a part ``.`` or ``..``.
    """

    def encoded(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name)
        if value is None or value == "":
            raise ValueError(f"{name}: expected a value, found none")
        parts = str(value).strip("/").split("/") if name == "path" else [str(value)]
        try:
            return "/".join(segment(part) for part in parts)
        except ValueError:
            raise ValueError(
                f"{name}: expected the place of a file, found one with a part that is empty, . or .."
            ) from None

    return _PLACEHOLDER.sub(encoded, template)
