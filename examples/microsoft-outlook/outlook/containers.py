"""Select models: the folders and calendars of a mailbox."""

from collections.abc import Iterator
from typing import Any, Final

from outlook.graph import Graph
from outlook.urls import path_of
from shipmate import ApiError, Context

# Graph accepts these names as ids of folders; the displayed names depend on the mailbox's language.
WELL_KNOWN: Final = {
    "inbox": "Inbox",
    "archive": "Archive",
    "deleteditems": "Deleted items",
    "junkemail": "Junk email",
    "drafts": "Drafts",
    "sentitems": "Sent items",
}
_MOST_FOLDERS: Final = 2000
_DEEPEST: Final = 20
_PAGE_SIZE: Final = 100


def mail_folders(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """List the mail folders, each with its path: ``{"AAMk...": "Inbox / Projects"}``."""
    return _sorted(_tree(Graph.connect(context, cfg), "mailFolders"))


def destinations(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """List the destinations of mail: the folders of every mailbox, then all folders with their paths."""
    return {name: f"{label} (well-known)" for name, label in WELL_KNOWN.items()} | mail_folders(context, cfg)


def contact_folders(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """List the contact folders below the default one, each with its path."""
    return _sorted(_tree(Graph.connect(context, cfg), "contactFolders"))


def calendars(context: Context, cfg: dict[str, Any]) -> dict[str, str]:
    """List the calendars; those of other people have their names."""
    graph = Graph.connect(context, cfg)
    found = graph.pages(path_of("me", "calendars"), select="id,name,owner,isDefaultCalendar", top=_PAGE_SIZE)
    return {str(each["id"]): _calendar_label(each) for each in found}


def _calendar_label(calendar: dict[str, Any]) -> str:
    owner = (calendar.get("owner") or {}).get("name") or ""
    name = str(calendar.get("name") or "")
    if calendar.get("isDefaultCalendar"):
        return f"{name} (default)"
    return f"{name} ({owner})" if owner else name


def _tree(
    graph: Graph, kind: str, parent: str = "", above: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the id of each folder of a kind, below a parent or of all, with the names on its path."""
    if len(above) >= _DEEPEST:
        raise ApiError(f"the folders: expected at most {_DEEPEST} levels, found more")
    path = path_of("me", kind, parent, "childFolders") if parent else path_of("me", kind)
    for folder in graph.pages(path, top=_PAGE_SIZE):
        names = (*above, str(folder.get("displayName") or "?"))
        identity = str(folder["id"])
        yield identity, names
        # Contact folders have no number of children.
        if folder.get("childFolderCount", 1):
            yield from _tree(graph, kind, identity, names)


def _sorted(tree: Iterator[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    found = []
    for each in tree:
        found.append(each)
        if len(found) > _MOST_FOLDERS:
            raise ApiError(f"the folders: expected at most {_MOST_FOLDERS}, found more")
    ordered = sorted(found, key=lambda each: [name.casefold() for name in each[1]])
    return {identity: " / ".join(names) for identity, names in ordered}
