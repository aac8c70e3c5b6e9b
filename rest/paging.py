"""Reads a collection page by page."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urljoin

import requests

from rest.answers import ApiError, describe, read_body, require_success
from rest.sending import Retries, send
from rest.urls import following, on_host, resolve
from shipmate import OAuth2Session
from shipmate.jsonvalue import member_at
from shipmate.kit import Answer

PAGINGS: Final = ("link", "next_url", "offset")

Position = str | int | None
"""The position of a page: path and query, or an offset; None is the first page."""


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

    @classmethod
    def from_cfg(cls, cfg: dict[str, Any]) -> "Collection":
        """Read the trigger's fields."""
        texts = {name: str(cfg.get(name) or "").strip() for name in cls.__annotations__}
        texts["paging"] = texts["paging"] or PAGINGS[0]
        texts["next_field"] = texts["next_field"] or "next"
        if texts["paging"] not in PAGINGS:
            raise ValueError(f"paging: expected {', '.join(PAGINGS)}, found {texts['paging']!r}")
        if not texts["path"]:
            raise ValueError("path: expected the path of a collection, found nothing")
        return cls(**texts)

    @property
    def name(self) -> str:
        """A short hash of the collection, by which a snapshot of another collection is recognised."""
        return hashlib.blake2b(json.dumps(asdict(self), sort_keys=True).encode(), digest_size=8).hexdigest()

    def read(
        self, api: OAuth2Session, cfg: dict[str, Any], retries: Retries, *, position: Position, since: Any, limit: int
    ) -> Answer:
        """Read the page at a position.

        Args:
            api: The session.
            cfg: The configuration.
            retries: Which requests are repeated.
            position: The position of the page.
            since: The time of the last known change; sent if the collection has a parameter for it.
            limit: The records of a page, when paging by offset.

        Raises:
            ApiError: The API refuses, or its answer has no list of records.
        """
        params: dict[str, str] = {}
        if isinstance(position, str):  # with all parameters
            url = on_host(cfg, position)
        else:
            url = resolve(cfg, self.path)
            if self.paging == "offset":
                params = {"offset": str(position or 0), "limit": str(limit)}
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
        following_page = self._next(response, asked, content, position, len(values))
        return Answer(values, next=following_page, place=following(asked, asked))

    def _next(self, response: requests.Response, asked: str, content: Any, position: Position, count: int) -> Position:
        if self.paging == "offset":
            # Only an empty page is the last one: an API may return fewer records than the limit.
            return int(position or 0) + count if count else None
        by_header = self.paging == "link"
        link = response.links.get("next", {}).get("url") if by_header else member_at(content, self.next_field)
        if not link:
            return None
        if not isinstance(link, str):
            raise ApiError(f"next_field: expected a URL as text in {self.next_field}, found something else")
        return following(asked, urljoin(response.url, link))
