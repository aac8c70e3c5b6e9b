"""Runs queries and reads their results page by page."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import requests

from salesforce.client import Salesforce
from shipmate import ApiError
from shipmate.kit import Answer, json_of

LARGEST_PAGE: Final = 2000
# Salesforce takes no smaller ones. Source: REST API Developer Guide, Query Options Header.
_SMALLEST_PAGE: Final = 200
# The query is in the URL; Salesforce accepts 16,384 bytes for URL and headers.
_LONGEST_QUERY: Final = 15_000


def read(
    client: Salesforce,
    soql: str,
    page: str | int | None = None,
    *,
    size: int = LARGEST_PAGE,
    with_deleted: bool = False,
) -> Answer:
    """Return a page of the result of a query: the first one, or the one at a path.

    Raises:
        ValueError: The query is too long.
        ApiError: Salesforce does not answer with records.
    """
    headers = {"Sforce-Query-Options": f"batchSize={max(size, _SMALLEST_PAGE)}"}
    if page is not None:
        return _answer(client.follow(str(page), headers))
    if len(quote(soql)) > _LONGEST_QUERY:
        raise ValueError(f"expected a query of at most {_LONGEST_QUERY} characters, escaped: choose fewer fields")
    place = "queryAll" if with_deleted else "query"
    return _answer(client.send("GET", place, params={"q": soql}, headers=headers))


def pages(client: Salesforce, soql: str, *, with_deleted: bool = False) -> Iterator[list[Any]]:
    """Run a query and yield the records of its pages, read one by one."""
    page: Answer | None = None
    while page is None or page.next is not None:
        page = read(client, soql, page.next if page else None, with_deleted=with_deleted)
        yield [plain(record) for record in page.records]


def plain(value: Any) -> Any:
    """Return a record without ``attributes``, which hold its type and URL.

    >>> plain({"attributes": {"type": "Contact"}, "Id": "003", "Account": {"attributes": {}, "Name": "Acme"}})
    {'Id': '003', 'Account': {'Name': 'Acme'}}
    """
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if name != "attributes"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def _answer(response: requests.Response) -> Answer:
    body = json_of(response)
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list):
        raise ApiError("expected records in the answer to a query, found none", status=response.status_code)
    # A missing path is an error at the next page, which is better than an early end.
    following = None if body.get("done", True) else str(body.get("nextRecordsUrl"))
    try:
        date = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError, TypeError):
        date = None
    return Answer(records, date=date, more=following is not None, next=following)
