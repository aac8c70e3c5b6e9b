"""Runs queries and reads their results page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import requests

from salesforce.answers import SalesforceError, content
from salesforce.client import Salesforce

LARGEST_PAGE: Final = 2000
SMALLEST_PAGE: Final = 200
"""Salesforce takes no smaller ones. Source: REST API Developer Guide, Query Options Header."""

# The query is in the URL; Salesforce accepts 16,384 bytes for URL and headers.
_LONGEST_QUERY: Final = 15_000

Record = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One page of a result."""

    records: list[Record]
    next: str | None
    """The path of the next page, if there is one."""
    asked_at: datetime
    """When Salesforce answered, by its own clock."""


def first_page(client: Salesforce, soql: str, *, size: int = LARGEST_PAGE, with_deleted: bool = False) -> Page:
    """Run a query and return the first page of its result.

    Raises:
        ValueError: The query is too long.
        Busy, SalesforceError: Salesforce does not answer with records.
    """
    if len(quote(soql)) > _LONGEST_QUERY:
        raise ValueError(f"expected a query of at most {_LONGEST_QUERY} characters, escaped: choose fewer fields")
    return _page(client.get("queryAll" if with_deleted else "query", headers=_sized(size), q=soql))


def next_page(client: Salesforce, path: str, *, size: int = LARGEST_PAGE) -> Page:
    """Return the page at the path of a next page."""
    return _page(client.follow(path, headers=_sized(size)))


def pages(client: Salesforce, soql: str, *, with_deleted: bool = False) -> Iterator[Page]:
    """Run a query and yield the pages of its result, read one by one."""
    page = first_page(client, soql, with_deleted=with_deleted)
    yield page
    while page.next is not None:
        page = next_page(client, page.next)
        yield page


def plain(value: Any) -> Any:
    """Return a record without ``attributes``, which hold its type and URL.

    >>> plain({"attributes": {"type": "Contact"}, "Id": "003", "Account": {"attributes": {}, "Name": "Acme"}})
    {'Id': '003', 'Account': {'Name': 'Acme'}}
    """
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if name != "attributes"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def _sized(size: int) -> dict[str, str]:
    return {"Sforce-Query-Options": f"batchSize={max(size, SMALLEST_PAGE)}"}


def _page(response: requests.Response) -> Page:
    body = content(response)
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise SalesforceError("expected records in the answer to a query, found none", status=response.status_code)
    # A missing path is an error at the next page, which is better than an early end.
    following = None if body.get("done", True) else str(body.get("nextRecordsUrl"))
    return Page([record for record in records if isinstance(record, dict)], following, _time(response))


def _time(response: requests.Response) -> datetime:
    try:
        when = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError, TypeError):
        return datetime.now(UTC)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
