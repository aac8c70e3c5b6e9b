"""Delta queries: tokens, pages, and the end of a token's life."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from emulated_graph.answers import Refusal, selected
from emulated_graph.mailbox import Item, Mailbox
from shipmate.emulator.journal import Reply, Request

_FILTER = re.compile(r"(\w+) ge (\S+)")


@dataclass
class _State:
    """What a token stands for: the items still to come, and where in the history the next round begins."""

    items: list[Item]
    position: int
    query: dict[str, str]


class Deltas:
    """All delta queries of a server."""

    def __init__(self, mailbox: Mailbox, base_url: str) -> None:
        self._mailbox = mailbox
        self._base_url = base_url
        self._states: dict[str, _State] = {}
        self.page_size: int | None = None
        """The most items on a page, whatever the client prefers."""

    def expire(self) -> None:
        """Let all tokens be past their life."""
        self._states.clear()

    def answer(self, request: Request, collection: str, place: str, items: list[Item]) -> Reply:
        """Return a page.

        Args:
            request: The request.
            collection: The collection as links name it: ``me/mailFolders('AAMk')/messages``.
            place: The folder, as the history knows it.
            items: All items that are in it now.
        """
        with self._mailbox.lock:
            query = request.query
            token = query.get("$skiptoken") or query.get("$deltatoken")
            if token is None:
                state = _State(self._matching(items, query), len(self._mailbox.history), query)
            elif token not in self._states:
                text = "The sync state generation is not found; generation=149;[highest=157][157][155][156]."
                raise Refusal(410, "SyncStateNotFound", text)
            else:
                state = self._states[token]
                if "$deltatoken" in query:
                    state = self._since(place, state)
            return self._page(request, collection, state)

    def _since(self, place: str, state: _State) -> _State:
        history = self._mailbox.history
        wanted = state.query.get("changeType")
        items: list[Item] = []
        for change in history[state.position :]:
            if change.place != place or wanted not in (None, change.kind):
                continue
            if change.kind == "deleted":
                items.append({"id": change.item["id"], "@removed": {"reason": "deleted"}})
            else:
                items += self._matching([change.item], state.query)
        return _State(items, len(history), state.query)

    def _page(self, request: Request, collection: str, state: _State) -> Reply:
        preferred = re.search(r"odata\.maxpagesize=(\d+)", request.header("Prefer") or "")
        size = self.page_size or int(preferred[1] if preferred else 10)
        page, rest = state.items[:size], state.items[size:]
        token = secrets.token_urlsafe(12)
        self._states[token] = _State(rest, state.position, state.query)
        name, parameter = ("nextLink", "$skiptoken") if rest else ("deltaLink", "$deltatoken")
        link = f"{self._base_url}/{collection}/delta?{parameter}={token}"
        value: list[Any] = [selected(item, state.query.get("$select")) for item in page]
        return Reply(200, {f"@odata.{name}": link, "value": value})

    def _matching(self, items: list[Item], query: dict[str, str]) -> list[Item]:
        if not (text := query.get("$filter")):
            return list(items)
        condition = _FILTER.fullmatch(text)
        if condition is None or condition[1] != "receivedDateTime":
            raise Refusal(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
        return [item for item in items if item[condition[1]].rstrip("Z") >= condition[2].rstrip("Z")]
