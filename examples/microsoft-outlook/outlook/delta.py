"""Rounds of a delta query: the new items of a folder since the last round.

A round is a chain of pages; its last page has the link to the next round. The snapshot keeps the link of the next page,
so that after a crash the next run continues at the same page. Links expire: then the round starts again, and takes only
items that are later than the latest item of the last complete round and were not emitted since.

Source: https://learn.microsoft.com/graph/delta-query-overview
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from outlook.errors import needs_resync
from outlook.fields import is_ahead, order_of
from outlook.graph import Graph, items
from outlook.keys import cut, joined, key_of
from outlook.urls import escaped, path_in
from shipmate import ApiError

_LONGEST_LINK: Final = 3000
_PAGE: Final = "odata.maxpagesize=50"


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that can be asked for its changes.

    Args:
        path: Its path, without ``/delta``.
        time: The property with the time of an item.
        version: The property that differs between the versions of an item; without it an item is emitted once.
        query: The query of the first request of a new round, with ``$`` in the names that have one.
        prefer: Further preferences.
        filters: Whether Graph can leave out items that are too old.
    """

    path: str
    time: str
    version: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    prefer: tuple[str, ...] = ()
    filters: bool = False

    def first(self, since: str) -> str:
        """Return path and query of the first request of a new round."""
        query = dict(self.query)
        if self.filters and since:
            query["$filter"] = f"{self.time} ge {since}"
        pairs = "&".join(f"{name}={value}" for name, value in query.items())
        return escaped(f"{self.path}/delta?{pairs}".rstrip("?")).replace("+", "%2B")

    def identity(self, item: Mapping[str, Any]) -> str:
        """Return a text that differs for every item and every version of an item."""
        if "@removed" in item:
            return f"{item.get('id')} removed"
        return f"{item.get('id')} {item.get(self.version)}" if self.version else str(item.get("id"))


@dataclass(slots=True)
class Round:
    """The progress through a source, which the trigger keeps in its snapshot."""

    source: Source
    since: str
    """A new round ignores items before this time."""
    link: str = ""
    """Path and query of the next page."""
    is_whole: bool = True
    """Whether this round reads the whole collection instead of its changes."""
    latest: str = ""
    """The time of the latest item of this round."""
    done: list[str] = field(default_factory=list)
    """Keys of the last emitted items."""

    @classmethod
    def resume(cls, snapshot: Any, source: Source, since: str) -> "Round":
        """Return the progress in a snapshot; a snapshot of another source is ignored.

        Args:
            snapshot: A result of `snapshot`, or an empty object.
            source: The source.
            since: The time to begin at without a snapshot.
        """
        if not isinstance(snapshot, Mapping) or snapshot.get("source") != key_of(source.path):
            return cls(source, since)
        kept = {name: str(snapshot.get(name) or "") for name in ("since", "link", "latest")}
        return cls(source, **kept, is_whole=bool(snapshot.get("is_whole")), done=cut(snapshot.get("done")))

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot for the next run."""
        return {
            "source": key_of(self.source.path),
            "since": self.since,
            "link": self.link,
            "is_whole": self.is_whole,
            "latest": self.latest,
            "done": joined(self.done),
        }

    def read(self, graph: Graph) -> dict[str, Any]:
        """Return the next page; if its link has expired, the round starts again.

        Raises:
            ApiError: Graph refuses the request.
        """
        prefer = (_PAGE, *self.source.prefer)
        if self.link:
            try:
                return graph.get(self.link, prefer=prefer)
            except ApiError as error:
                if not needs_resync(error):
                    raise
            self.link, self.latest, self.is_whole = "", "", True
        return graph.get(self.source.first(self.since), prefer=prefer)

    def new(self, page: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the items of a page that have not been emitted yet, each once."""
        found: dict[str, dict[str, Any]] = {}
        for item in items(page, self.source.path):
            key = key_of(self.source.identity(item))
            when = str(item.get(self.source.time) or "")
            is_old = self.is_whole and ("@removed" in item or order_of(self.since) > order_of(when))
            if not is_old and key not in self.done:
                found[key] = item
        return list(found.values())

    def turn(self, page: Mapping[str, Any], emitted: list[dict[str, Any]]) -> bool:
        """Note that the new items of a page are safe; return False if the round is complete.

        Raises:
            ApiError: The page has no usable link to the next one.
        """
        self.done += [key_of(self.source.identity(item)) for item in emitted]
        self.done = cut(joined(self.done))
        times = (str(item.get(self.source.time) or "") for item in items(page, self.source.path))
        # A time in the future would hide all changes until then from a round that starts again.
        self.latest = max(self.latest, *(when for when in times if not is_ahead(when)), "", key=order_of)
        goes_on = bool(page.get("@odata.nextLink"))
        link = path_in(page.get("@odata.nextLink") or page.get("@odata.deltaLink"))
        if len(link) > _LONGEST_LINK:
            raise ApiError(f"the next page: expected a link of at most {_LONGEST_LINK} characters, found {len(link)}")
        if goes_on and link == self.link:
            raise ApiError("the next page: expected another one, found the same again")
        self.link = link
        if not goes_on:
            self.since, self.latest, self.is_whole = max(self.since, self.latest, key=order_of), "", False
        return goes_on
