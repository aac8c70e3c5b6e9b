"""Sends requests to Microsoft Graph; repeats them if that may help and does no harm."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from logging import Logger
from typing import Any, Final

import requests

from outlook.errors import Busy, GraphError, Unclear, refusal
from outlook.patience import (
    NO_ANSWER,
    PATIENCE,
    TIMEOUTS_SECONDS,
    Patience,
    is_temporary,
    nothing_was_done,
    pause,
    retry_after_seconds,
)
from outlook.provider import MICROSOFT
from outlook.urls import BASE_URL, escaped, path_in, shown
from shipmate import Context, OAuth2Session

# An item keeps this kind of id when it is moved. Source: https://learn.microsoft.com/graph/outlook-immutable-id
_IMMUTABLE_IDS: Final = 'IdType="ImmutableId"'
_MOST_PAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Graph:
    """Microsoft Graph for one account."""

    session: OAuth2Session = field(repr=False)
    log: Logger
    patience: Patience
    wait: Callable[[float], object]

    @classmethod
    def connect(cls, context: Context, cfg: Mapping[str, Any], patience: Patience = PATIENCE) -> "Graph":
        """Return Graph for the account in ``cfg``; nothing is sent yet."""
        session = MICROSOFT.session(context, cfg)
        session.timeout = TIMEOUTS_SECONDS
        return cls(session, context.logger, patience, pause)

    def get(self, path: str, *, prefer: tuple[str, ...] = (), **params: Any) -> dict[str, Any]:
        """Return the object at a path.

        Args:
            path: The path below Graph's address, as `path_of` or `path_in` returns it.
            prefer: Further preferences, as ``odata.maxpagesize=50``.
            **params: The query; ``select`` stands for ``$select``.

        Raises:
            GraphError: Graph refuses the request; `Busy` if it may come again later.
        """
        query = {f"${name}": value for name, value in params.items()}
        return self._object("GET", path, prefer=prefer, params=query, is_repeatable=True)

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a collection, page after page.

        Raises:
            GraphError: As for `get`; or there are too many pages.
        """
        page = self.get(path, **params)
        for _ in range(_MOST_PAGES):
            yield from items(page, path)
            if not (link := page.get("@odata.nextLink")):
                return
            page = self.get(path_in(link))
        raise GraphError(f"GET {shown(path)}: expected at most {_MOST_PAGES} pages, found more")

    def content(self, path: str) -> bytes:
        """Return the content at a path, as bytes."""
        return self.send("GET", path, is_repeatable=True).content

    def post(
        self, path: str, body: Any = None, *, prefer: tuple[str, ...] = (), is_repeatable: bool = False
    ) -> dict[str, Any]:
        """Send an object and return the object in the answer, an empty one by default.

        Args:
            path: The path below Graph's address.
            body: The object; None sends an empty body.
            prefer: Further preferences.
            is_repeatable: Whether the request may be sent twice.

        Raises:
            GraphError: Graph refuses the request; `Busy` if it may come again later, `Unclear` if it may have worked.
        """
        sent = {"data": b""} if body is None else {"json": body}
        return self._object("POST", path, prefer=prefer, is_repeatable=is_repeatable, **sent)

    def delete(self, path: str) -> None:
        """Delete the object at a path."""
        self.send("DELETE", path, is_repeatable=True)

    def send(
        self, method: str, path: str, *, is_repeatable: bool, prefer: tuple[str, ...] = (), **kwargs: Any
    ) -> requests.Response:
        """Send a request, a few times if necessary, and return its successful answer.

        Raises:
            GraphError: Graph refuses the request; `Busy` if it may come again later, `Unclear` if it may have worked.
        """
        place = f"{method} {shown(path)}"
        headers = {"Prefer": ", ".join((_IMMUTABLE_IDS, *prefer))}
        for attempt in range(1, self.patience.attempts + 1):
            asked = None
            try:
                response: requests.Response = self.session.request(
                    method, BASE_URL + escaped(path), headers=headers, allow_redirects=False, **kwargs
                )
            except NO_ANSWER as error:
                # Not chained: the text of such errors has the whole URL.
                problem = GraphError(f"{place} got no answer ({type(error).__name__})")
                is_safe = is_repeatable or nothing_was_done(None, error)
            else:
                if 200 <= response.status_code < 300:
                    return response
                problem, asked = refusal(place, response), retry_after_seconds(response)
                response.close()
                is_safe = is_repeatable or nothing_was_done(response.status_code)
            seconds = self.patience.pause_seconds(attempt, asked)
            if not is_temporary(problem.status) or not is_safe or seconds is None:
                raise _final(problem, is_safe=is_safe, asked_seconds=asked)
            self.wait(seconds)
        raise AssertionError("patience ends with the last attempt")

    def _object(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        response = self.send(method, path, **kwargs)
        if not response.content:
            return {}
        try:
            value = response.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise GraphError(f"{method} {shown(path)}: expected a JSON object as the answer, found something else")
        return value


def items(page: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Return the items of one page.

    Raises:
        GraphError: The page has no list of objects.
    """
    value = page.get("value")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise GraphError(f"GET {shown(path)}: expected a list of objects in value, found something else")
    return value


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item without the members of the OData protocol.

    >>> plain({"@odata.etag": "W/1", "id": "a"})
    {'id': 'a'}
    """
    return {name: value for name, value in item.items() if not name.startswith("@odata.")}


def _final(problem: GraphError, *, is_safe: bool, asked_seconds: float | None) -> GraphError:
    """Return the error; its class says whether the message may come again."""
    if not is_temporary(problem.status):
        return problem
    text = str(problem)
    if not is_safe:
        return Unclear(f"{text}; it may have been done all the same, so it is not repeated", status=problem.status)
    if asked_seconds is not None:
        text = f"{text}; Graph asks to wait {asked_seconds:.0f} seconds"
    return Busy(text, status=problem.status, codes=problem.codes)
