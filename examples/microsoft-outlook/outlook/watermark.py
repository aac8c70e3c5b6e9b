"""The changes in a collection since the latest known change.

For collections without a delta query. Items are read in the order of their changes. Once the time has advanced, the
next request asks for later items instead of the next page: an item that changes while the pages are read moves to the
end, and paging would then miss another item.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from outlook.fields import is_ahead, order_of
from outlook.graph import Graph, items
from outlook.keys import cut, joined, key_of
from outlook.urls import path_in
from shipmate import ApiError

_TIME: Final = "lastModifiedDateTime"
_PAGE_SIZE: Final = 50
# At most this many items may have changed at the same time, which Graph knows to 100 nanoseconds.
_MOST_AT_ONCE: Final = 600
_MOST_AHEAD: Final = 100


@dataclass(slots=True)
class Watermark:
    """The progress through a collection, which the trigger keeps in its snapshot."""

    path: str
    since: str
    done: list[str] = field(default_factory=list)
    """Keys of the items that were changed at exactly that time and have been emitted."""
    ahead: list[str] = field(default_factory=list)
    """Keys of the emitted items whose time is in the future; as ``since`` it would hide all changes until then."""
    prefer: tuple[str, ...] = ()
    link: str = ""
    """Path and query of the next page, while all items of a page were changed at one moment."""

    @classmethod
    def resume(cls, snapshot: Any, path: str, since: str, prefer: tuple[str, ...] = ()) -> "Watermark":
        """Return the progress in a snapshot; a snapshot of another collection is ignored."""
        if not isinstance(snapshot, Mapping) or snapshot.get("source") != key_of(path):
            return cls(path, since, prefer=prefer)
        return cls(
            path, str(snapshot.get("since") or ""), cut(snapshot.get("done")), cut(snapshot.get("ahead")), prefer
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot for the next run."""
        kept = {"source": key_of(self.path), "since": self.since, "done": joined(self.done, _MOST_AT_ONCE)}
        return {**kept, "ahead": joined(self.ahead, _MOST_AHEAD)} if self.ahead else kept

    def read(self, graph: Graph) -> dict[str, Any]:
        """Return the next page.

        Raises:
            ApiError: Graph refuses the request.
        """
        if self.link:
            return graph.get(self.link, prefer=self.prefer)
        return graph.get(
            self.path, prefer=self.prefer, filter=f"{_TIME} ge {self.since}", orderby=_TIME, top=_PAGE_SIZE
        )

    def new(self, page: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the items of a page that have not been emitted yet.

        Raises:
            ValueError: The time of an item has an unknown form.
        """
        known = {*self.done, *self.ahead}
        found = [item for item in items(page, self.path) if key_of(identity_of(item)) not in known]
        for item in found:
            order_of(str(item.get(_TIME) or ""))
        return found

    def turn(self, page: Mapping[str, Any], emitted: list[dict[str, Any]]) -> bool:
        """Note that the new items of a page are safe; return False on the last page.

        Raises:
            ApiError: The page has no usable link to the next one.
        """
        before = self.since
        new = {key_of(identity_of(item)) for item in emitted}
        for item in items(page, self.path):
            when, key = str(item.get(_TIME) or ""), key_of(identity_of(item))
            if is_ahead(when):
                self.ahead = [*self.ahead, key] if key in new else self.ahead
                continue
            if key in self.ahead:
                self.ahead.remove(key)
            elif key not in new:
                continue
            if order_of(when) > order_of(self.since):
                self.since, self.done = when, []
            if order_of(when) == order_of(self.since):
                self.done.append(key)
        following = page.get("@odata.nextLink")
        if not following:
            self.link = ""
            return False
        link = path_in(following)
        if self.since == before and link == self.link:
            raise ApiError("the next page: expected another one, found the same again")
        self.link = link if self.since == before else ""
        return True


def identity_of(item: Mapping[str, Any]) -> str:
    """Return a text that differs for every item and every version of an item."""
    return f"{item.get('id')} {item.get(_TIME)}"
