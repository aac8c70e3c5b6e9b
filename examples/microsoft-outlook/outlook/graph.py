"""Sends requests to Microsoft Graph, and reads its answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from logging import Logger
from typing import Any, Final

import requests

from outlook.errors import refusal
from outlook.provider import MICROSOFT, POLICY
from outlook.urls import path_in, shown
from shipmate import ApiError, Context, Policy
from shipmate.kit import to_attachment
from shipmate.kit.files.transfer import StoredFile
from shipmate.kit.objects.connection import Connection

# An item keeps this kind of id when it is moved. Source: https://learn.microsoft.com/graph/outlook-immutable-id
_IMMUTABLE_IDS: Final = 'IdType="ImmutableId"'
_MOST_PAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Graph:
    """Microsoft Graph for one account."""

    api: Connection = field(repr=False)
    log: Logger

    @classmethod
    def connect(cls, context: Context, cfg: Mapping[str, Any], policy: Policy = POLICY) -> "Graph":
        """Return Graph for the account in ``cfg``; nothing is sent yet."""
        return cls(MICROSOFT.connect(context, cfg, policy=policy), context.logger)

    def get(self, path: str, *, prefer: tuple[str, ...] = (), **params: Any) -> dict[str, Any]:
        """Return the object at a path.

        Args:
            path: The path below Graph's address, as `path_of` or `path_in` returns it.
            prefer: Further preferences, as ``odata.maxpagesize=50``.
            **params: The query; ``select`` stands for ``$select``.

        Raises:
            ApiError: Graph refuses the request.
        """
        query = {f"${name}": value for name, value in params.items()}
        return _object(self.send("GET", path, prefer=prefer, params=query))

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a collection, page after page.

        Raises:
            ApiError: As for `get`; or there are too many pages.
        """
        page = self.get(path, **params)
        for _ in range(_MOST_PAGES):
            yield from items(page, path)
            if not (link := page.get("@odata.nextLink")):
                return
            page = self.get(path_in(link))
        raise ApiError(f"GET {shown(path)}: expected at most {_MOST_PAGES} pages, found more")

    def post(self, path: str, body: Any = None, *, is_repeatable: bool = False) -> dict[str, Any]:
        """Send an object and return the object in the answer, an empty one by default.

        Args:
            path: The path below Graph's address.
            body: The object; None sends an empty body.
            is_repeatable: Whether the request may be sent twice.

        Raises:
            ApiError: Graph refuses the request; it may have done it if the error ``is_unclear``.
        """
        return _object(self.send("POST", path, body=body, repeatable=is_repeatable))

    def send(self, method: str, path: str, *, prefer: tuple[str, ...] = (), **options: Any) -> requests.Response:
        """Send a request, a few times if necessary, and return its successful answer.

        Raises:
            ApiError: Graph refuses the request; it may have done it if the error ``is_unclear``.
        """
        headers = {"Prefer": ", ".join((_IMMUTABLE_IDS, *prefer))}
        response = self.api.send(method, path, headers=headers, allow_redirects=False, **options)
        if response.status_code >= 300:
            raise refusal(response)
        return response

    def stored(self, context: Context, path: str, name: str, kind: str) -> StoredFile:
        """Store a file of Graph as an attachment, in pieces.

        Raises:
            ApiError: Graph refuses the request.
        """
        headers = {"Prefer": _IMMUTABLE_IDS}
        return to_attachment(
            context, self.api.session, self.api.url(path), name=name, content_type=kind, headers=headers
        )


def _object(response: requests.Response) -> dict[str, Any]:
    if not response.content:
        return {}
    try:
        value = response.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        place = f"{response.request.method} {shown(response.url)}"
        raise ApiError(f"{place}: expected a JSON object as the answer, found something else")
    return value


def items(page: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the items of one page.

    Raises:
        ApiError: The page has no list of objects.
    """
    value = page.get("value")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ApiError(f"GET {shown(path)}: expected a list of objects in value, found something else")
    return value


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item without the members of the OData protocol.

    >>> plain({"@odata.etag": "W/1", "id": "a"})
    {'id': 'a'}
    """
    return {name: value for name, value in item.items() if not name.startswith("@odata.")}
