"""Reads a collection page by page."""

import hashlib
import json
from typing import Any, Final

import requests

from rest.answers import read_body
from rest.api import connect
from shipmate import ApiError, Context
from shipmate.jsonvalue import member_at
from shipmate.kit import Answer
from shipmate.kit.values import choice, text
from shipmate.urls import shown

_FIELDS: Final = ("base_url", "path", "records_field", "id_field", "since_field", "since_param")

Position = str | int | None
"""The position of a page: path and query, or an offset; None is the first page."""


class Collection:
    """A collection of the API, and its kind of paging."""

    def __init__(self, context: Context, cfg: dict[str, Any]) -> None:
        """Read the trigger's fields; nothing is sent yet."""
        self.fields = {name: text(cfg, name) for name in _FIELDS}
        self.fields["paging"] = choice(cfg, "paging", "link", "next_url", "offset")
        self.fields["next_field"] = text(cfg, "next_field", "next")
        if not self.fields["path"]:
            raise ValueError("path: expected the path of a collection, found nothing")
        self._api = connect(context, cfg)

    @property
    def name(self) -> str:
        """A short hash of the collection, by which a snapshot of another collection is recognised."""
        return hashlib.blake2b(json.dumps(self.fields, sort_keys=True).encode(), digest_size=8).hexdigest()

    def read(self, position: Position, since: Any, limit: int) -> Answer:
        """Return the page at a position.

        Args:
            position: The position of the page.
            since: The time of the last known change; sent if the collection has a parameter for it.
            limit: The records of a page, when paging by offset.

        Raises:
            ApiError: The API refuses, or its answer has no list of records.
        """
        if isinstance(position, str):  # with all parameters
            response = self._api.page(position)
        else:
            params = {"offset": position or 0, "limit": limit} if self.fields["paging"] == "offset" else {}
            if self.fields["since_param"] and since is not None:
                params[self.fields["since_param"]] = since
            response = self._api.get(self.fields["path"], params=params)
        content = read_body(response)
        values = member_at(content, self.fields["records_field"])
        if not isinstance(values, list):
            where = self.fields["records_field"] or "the answer itself"
            raise ApiError(f"GET {shown(response.url)}: expected a list of records in {where}, found something else")
        return Answer(values, next=self._next(response, content, position), place=self._api.position(response))

    def _next(self, response: requests.Response, content: Any, position: Position) -> Position:
        if self.fields["paging"] == "offset":
            # Only an empty page is the last one: an API may return fewer records than the limit.
            count = len(member_at(content, self.fields["records_field"]))
            return int(position or 0) + count if count else None
        by_header = self.fields["paging"] == "link"
        link = response.links.get("next", {}).get("url") if by_header else member_at(content, self.fields["next_field"])
        if link and not isinstance(link, str):
            raise ApiError(f"next_field: expected a URL as text in {self.fields['next_field']}, found something else")
        return self._api.position(response, link) if link else None
