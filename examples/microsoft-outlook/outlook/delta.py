"""Rounds of a delta query: what is new in a folder since the last round.

A round is a chain of pages; its last one has the link with which the next round begins. The snapshot keeps the link of
the page that comes next, so a run that dies goes on at the page where it was. Links expire: then the round begins anew
and takes only what is later than the latest item of the last complete round, and not what was emitted meanwhile.

Source: https://learn.microsoft.com/graph/delta-query-overview
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from outlook.errors import GraphError
from outlook.fields import order_of
from outlook.graph import Graph, items
from outlook.keys import cut, joined, key_of
from outlook.urls import escaped, path_in

_LONGEST_LINK: Final = 3000
_PAGE: Final = "odata.maxpagesize=50"


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that can be asked for its changes.

    Args:
        path: Its path, without ``/delta``.
        time: The property by which items are told to be later than others.
        version: The property that differs between versions of an item; without it an item counts once.
        query: The query of the first request of a round that begins anew, without ``$`` where it has none.
        prefer: Further preferences.
        filters: Whether Graph itself can leave out what is too old.
    """

    path: str
    time: str
    version: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    prefer: tuple[str, ...] = ()
    filters: bool = False

    def first(self, since: str) -> str:
        """Return path and query of the first request of a round that begins anew."""
        query = dict(self.query)
        if self.filters and since:
            query["$filter"] = f"{self.time} ge {since}"
        pairs = "&".join(f"{name}={value}" for name, value in query.items())
        return escaped(f"{self.path}/delta?{pairs}".rstrip("?")).replace("+", "%2B")

    def identity(self, item: Mapping[str, Any]) -> str:
        """Return what tells an item from all others, and from its own earlier versions."""
        if "@removed" in item:
            return f"{item.get('id')} removed"
        return f"{item.get('id')} {item.get(self.version)}" if self.version else str(item.get("id"))


@dataclass(slots=True)
class Round:
    """How far a source has been read: what the trigger keeps in its snapshot."""

    source: Source
    since: str
    """Earlier items are of no interest in a round that begins anew."""
    link: str = ""
    """Path and query of the page that comes next."""
    is_whole: bool = True
    """Whether this round goes through the whole collection, instead of what has changed."""
    latest: str = ""
    """The latest item that this round has seen."""
    done: list[str] = field(default_factory=list)
    """Keys of what has been emitted lately."""

    @classmethod
    def resume(cls, snapshot: Any, source: Source, since: str) -> "Round":
        """Go on from a snapshot; one of another source counts as none.

        Args:
            snapshot: What `snapshot` has returned, or an empty one.
            source: The source.
            since: Where to begin when there is no snapshot.
        """
        if not isinstance(snapshot, Mapping) or snapshot.get("source") != key_of(source.path):
            return cls(source, since)
        kept = {name: str(snapshot.get(name) or "") for name in ("since", "link", "latest")}
        return cls(source, **kept, is_whole=bool(snapshot.get("is_whole")), done=cut(snapshot.get("done")))

    def snapshot(self) -> dict[str, Any]:
        """Return what the next run must know."""
        return {
            "source": key_of(self.source.path),
            "since": self.since,
            "link": self.link,
            "is_whole": self.is_whole,
            "latest": self.latest,
            "done": joined(self.done),
        }

    def read(self, graph: Graph) -> dict[str, Any]:
        """Return the next page; a link that has expired begins the round anew.

        Raises:
            GraphError: Graph refuses.
        """
        prefer = (_PAGE, *self.source.prefer)
        if self.link:
            try:
                return graph.get(self.link, prefer=prefer)
            except GraphError as error:
                if not error.needs_resync:
                    raise
            self.link, self.latest, self.is_whole = "", "", True
        return graph.get(self.source.first(self.since), prefer=prefer)

    def new(self, page: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the items of a page that have not been emitted, each once."""
        found: dict[str, dict[str, Any]] = {}
        for item in items(page, self.source.path):
            key = key_of(self.source.identity(item))
            when = str(item.get(self.source.time) or "")
            is_old = self.is_whole and ("@removed" in item or order_of(self.since) > order_of(when))
            if not is_old and key not in self.done:
                found[key] = item
        return list(found.values())

    def turn(self, page: Mapping[str, Any], emitted: list[dict[str, Any]]) -> bool:
        """Note that the new items of a page are safe; return False when the round is complete.

        Raises:
            GraphError: The page has no usable link to go on with.
        """
        self.done += [key_of(self.source.identity(item)) for item in emitted]
        self.done = cut(joined(self.done))
        times = (str(item.get(self.source.time) or "") for item in items(page, self.source.path))
        self.latest = max(self.latest, *times, "", key=order_of)
        goes_on = bool(page.get("@odata.nextLink"))
        link = path_in(page.get("@odata.nextLink") or page.get("@odata.deltaLink"))
        if len(link) > _LONGEST_LINK:
            raise GraphError(f"the next page: expected a link of at most {_LONGEST_LINK} characters, found {len(link)}")
        if goes_on and link == self.link:
            raise GraphError("the next page: expected another one, found the same again")
        self.link = link
        if not goes_on:
            self.since, self.latest, self.is_whole = max(self.since, self.latest, key=order_of), "", False
        return goes_on
