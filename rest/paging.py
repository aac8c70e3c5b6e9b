"""Walking through the pages of a collection."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urljoin

import requests

from rest.answers import ApiError, describe, find, read_body, require_success
from rest.sending import Retries, number, send
from rest.urls import following, on_host, resolve
from shipmate import OAuth2Session

PAGINGS: Final = ("link", "next_url", "offset")
# With all else that it holds, a snapshot must stay below 5 KB.
_LONGEST_POSITION: Final = 1000

Position = str | int | None
"""Where a page is: path and query, or an offset; None is the first page."""


@dataclass(frozen=True)
class Record:
    """One record of a page."""

    value: Any
    identity: str
    """What tells it from all others of the collection, and from its own earlier versions."""
    index: int
    changed: Any = None
    """When it was changed last, if the collection tells."""


@dataclass(frozen=True)
class Page:
    """One page: its records, where it is, and where the next one is, if there is one."""

    records: list[Record]
    place: str
    next: Position


@dataclass(frozen=True)
class Collection:
    """A collection of the API, and how it pages."""

    base_url: str
    path: str
    paging: str
    records_field: str
    next_field: str
    id_field: str
    since_field: str
    since_param: str
    page_size: int

    @classmethod
    def from_cfg(cls, cfg: dict[str, Any]) -> "Collection":
        """Read the trigger's fields."""
        texts = {name: str(cfg.get(name) or "").strip() for name in cls.__annotations__ if name != "page_size"}
        texts["paging"] = texts["paging"] or PAGINGS[0]
        texts["next_field"] = texts["next_field"] or "next"
        if texts["paging"] not in PAGINGS:
            raise ValueError(f"paging: expected {', '.join(PAGINGS)}, found {texts['paging']!r}")
        if not texts["path"]:
            raise ValueError("path: expected the path of a collection, found nothing")
        return cls(**texts, page_size=number(cfg, "page_size", 100, lowest=1, highest=1000))

    @property
    def name(self) -> str:
        """A short hash: a snapshot of another collection must not be taken for one of this."""
        facts = {name: value for name, value in asdict(self).items() if name != "page_size"}
        return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()

    def read(
        self, api: OAuth2Session, cfg: dict[str, Any], retries: Retries, *, position: Position, since: Any
    ) -> Page:
        """Read the page at a position; ``since`` is sent when the collection can be asked for changes only."""
        params: dict[str, str] = {}
        if isinstance(position, str):  # it has all the parameters in it
            url = on_host(cfg, position)
        else:
            url = resolve(cfg, self.path)
            if self.paging == "offset":
                params = {"offset": str(position or 0), "limit": str(self.page_size)}
            if self.since_param and since is not None:
                params[self.since_param] = str(since)
        response = send(api, "GET", url, retries, params=params)
        require_success(response)
        content = read_body(response)
        values = find(content, self.records_field)
        if not isinstance(values, list):
            where = self.records_field or "the answer itself"
            raise ApiError(f"{describe(response)}: expected a list of records in {where}, found something else")
        asked = (response.history or [response])[0].request.url or ""
        records = list(self._records(values))
        return Page(records, following(asked, asked), self._next(response, asked, content, position, len(values)))

    def _next(self, response: requests.Response, asked: str, content: Any, position: Position, count: int) -> Position:
        if self.paging == "offset":
            # Only an empty page is the end: an API may give fewer records than the limit that it was asked for.
            return int(position or 0) + count if count else None
        link = response.links.get("next", {}).get("url") if self.paging == "link" else find(content, self.next_field)
        if not link:
            return None
        if not isinstance(link, str):
            raise ApiError(f"next_field: expected a URL as text in {self.next_field}, found something else")
        found = following(asked, urljoin(response.url, link))
        if len(found) > _LONGEST_POSITION:
            raise ApiError(f"the next page: expected at most {_LONGEST_POSITION} characters, found {len(found)}")
        return found

    def _records(self, values: list[Any]) -> Iterator[Record]:
        """Tell each record from the others; of two that look the same, the second is another one."""
        counts: Counter[str] = Counter()
        for index, value in enumerate(values):
            key = find(value, self.id_field) if self.id_field else None
            changed = find(value, self.since_field) if self.since_field else None
            if self.since_field and (isinstance(changed, bool) or not isinstance(changed, str | int | float)):
                raise ApiError(f"since_field: expected a time in {self.since_field} of each record, found none")
            text = json.dumps([value if key is None else key, changed], sort_keys=True)
            yield Record(value, f"{text} {counts[text]}", index, changed)
            counts[text] += 1
