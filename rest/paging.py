"""Walking through the pages of a collection."""

from dataclasses import dataclass
from typing import Any

import requests

from rest.answers import ApiError, describe, read_body, require_success
from rest.sending import Retries, send
from rest.urls import resolve

LARGEST_PAGE = 200


@dataclass(frozen=True)
class Page:
    """One page: its records, and where the next one is, if there is one."""

    records: list[Any]
    next: str | int | None


@dataclass(frozen=True)
class Collection:
    """A collection of the API, and how it pages."""

    path: str
    paging: str
    records_field: str
    next_field: str
    page_size: int

    @classmethod
    def from_cfg(cls, cfg: dict[str, Any]) -> "Collection":
        """Read the trigger's fields."""
        paging = cfg.get("paging") or "link"
        if paging not in ("link", "next_url", "offset"):
            raise ValueError(f"paging: expected link, next_url or offset, found {paging!r}")
        if not cfg.get("path"):
            raise ValueError("path: expected the path of a collection, found nothing")
        size = str(cfg.get("page_size") or 100)
        if not size.isdecimal() or not 1 <= int(size) <= LARGEST_PAGE:
            raise ValueError(f"page_size: expected a number from 1 to {LARGEST_PAGE}, found {size!r}")
        return cls(str(cfg["path"]), paging, cfg.get("records_field") or "", cfg.get("next_field") or "next", int(size))

    @property
    def start(self) -> str | int:
        """Where the first page is."""
        return 0 if self.paging == "offset" else self.path

    def read(self, api: Any, cfg: dict[str, Any], position: str | int, retries: Retries) -> Page:
        """Read the page at a position."""
        target, params = self.path, None
        if isinstance(position, int):
            params = {"offset": str(position), "limit": str(self.page_size)}
        else:
            target = position
        response = send(api, "GET", resolve(cfg, target), retries, params=params)
        require_success(response)
        content = read_body(response)
        records = find(content, self.records_field)
        if not isinstance(records, list):
            where = self.records_field or "the answer itself"
            raise ApiError(f"{describe(response)}: expected a list of records in {where}, found something else")
        return Page(records, self._next(response, content, position, len(records)))

    def _next(self, response: requests.Response, content: Any, position: str | int, count: int) -> str | int | None:
        if isinstance(position, int):
            # A page that is not full is the last one for now; new records will make it longer.
            return position + count if count >= self.page_size else None
        if self.paging == "link":
            return response.links.get("next", {}).get("url")
        following = find(content, self.next_field)
        return following if isinstance(following, str) and following else None


def find(content: Any, dotted: str) -> Any:
    """Return what is at ``data.items`` of nested objects, None when nothing is there.

    >>> find({"data": {"items": [7]}}, "data.items")
    [7]
    """
    for name in filter(None, dotted.split(".")):
        content = content.get(name) if isinstance(content, dict) else None
    return content
