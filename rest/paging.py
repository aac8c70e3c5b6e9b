"""Reads a collection page by page."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urljoin

import requests

from rest.answers import ApiError, describe, read_body, require_success
from rest.moments import moment
from rest.sending import Retries, number, send
from rest.urls import following, on_host, resolve
from shipmate import OAuth2Session
from shipmate.session.answers import member_at

PAGINGS: Final = ("link", "next_url", "offset")
# A snapshot as a whole must stay below 5 KB.
_LONGEST_POSITION: Final = 1000

Position = str | int | None
"""The position of a page: path and query, or an offset; None is the first page."""


@dataclass(frozen=True)
class Record:
    """One record of a page."""

    value: Any
    identity: str
    """A text that differs for every record of the collection, and for every version of a record."""
    index: int
    changed: Any = None
    """The time of the last change, None if the collection has no such field."""


@dataclass(frozen=True)
class Page:
    """One page: its records, its own position, and the position of the next page, None on the last."""

    records: list[Record]
    place: str
    next: Position


@dataclass(frozen=True)
class Collection:
    """A collection of the API, and its kind of paging."""

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
        """A short hash of the collection, by which a snapshot of another collection is recognised."""
        facts = {name: value for name, value in asdict(self).items() if name != "page_size"}
        return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=8).hexdigest()

    def read(
        self, api: OAuth2Session, cfg: dict[str, Any], retries: Retries, *, position: Position, since: Any
    ) -> Page:
        """Read the page at a position.

        Args:
            api: The session.
            cfg: The configuration.
            retries: Which requests are repeated.
            position: The position of the page.
            since: The time of the last known change; sent if the collection has a parameter for it.

        Raises:
            ApiError: The API refuses, or its answer has no list of records.
        """
        params: dict[str, str] = {}
        if isinstance(position, str):  # with all parameters
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
        values = member_at(content, self.records_field)
        if not isinstance(values, list):
            where = self.records_field or "the answer itself"
            raise ApiError(f"{describe(response)}: expected a list of records in {where}, found something else")
        asked = (response.history or [response])[0].request.url or ""
        records = list(self._records(values))
        return Page(records, following(asked, asked), self._next(response, asked, content, position, len(values)))

    def _next(self, response: requests.Response, asked: str, content: Any, position: Position, count: int) -> Position:
        if self.paging == "offset":
            # Only an empty page is the last one: an API may return fewer records than the limit.
            return int(position or 0) + count if count else None
        link = (
            response.links.get("next", {}).get("url") if self.paging == "link" else member_at(content, self.next_field)
        )
        if not link:
            return None
        if not isinstance(link, str):
            raise ApiError(f"next_field: expected a URL as text in {self.next_field}, found something else")
        found = following(asked, urljoin(response.url, link))
        if len(found) > _LONGEST_POSITION:
            raise ApiError(f"the next page: expected at most {_LONGEST_POSITION} characters, found {len(found)}")
        return found

    def _records(self, values: list[Any]) -> Iterator[Record]:
        """Yield the records with their identities; equal records are counted, and so differ."""
        counts: Counter[str] = Counter()
        for index, value in enumerate(values):
            key = member_at(value, self.id_field) if self.id_field else None
            changed = member_at(value, self.since_field) if self.since_field else None
            if self.since_field and (isinstance(changed, bool) or not isinstance(changed, str | int | float)):
                raise ApiError(f"since_field: expected a time in {self.since_field} of each record, found none")
            if self.since_field:
                try:
                    moment(changed)
                except ValueError as error:
                    raise ApiError(f"since_field: the times in {self.since_field}: {error}") from None
            text = json.dumps([value if key is None else key, changed], sort_keys=True)
            yield Record(value, f"{text} {counts[text]}", index, changed)
            counts[text] += 1
