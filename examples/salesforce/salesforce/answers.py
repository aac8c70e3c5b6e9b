"""Reads the answers of Salesforce, and tells its temporary errors from the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import requests

# Salesforce has not handled the request. Source: REST API Developer Guide, Status Codes and Error Responses.
_BUSY_CODES: Final = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})
_BUSY_STATUSES: Final = frozenset({429, 503})
# A gateway gave up waiting: a repeatable request may be sent again.
GATEWAY_STATUSES: Final = frozenset({502, 504})
_LONGEST: Final = 500


class SalesforceError(Exception):
    """Salesforce has refused a request, or its answer is unreadable; the text begins with the error code, if any.

    Attributes:
        code: Salesforce's code of the first error, such as ``"REQUIRED_FIELD_MISSING"``, or ``""``.
        status: The HTTP status, None without an answer.
    """

    def __init__(self, text: str, *, code: str = "", status: int | None = None) -> None:
        """Store the text, the code and the status."""
        super().__init__(text)
        self.code = code
        self.status = status


class Busy(SalesforceError):
    """Salesforce has not handled the request, or a repetition does no harm: a later try may succeed."""


@dataclass(frozen=True)
class Problem:
    """One error of an answer."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    """Ids of the records that a new record would duplicate."""

    def __str__(self) -> str:
        """Return the error as one line: ``"REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]"``."""
        message = " ".join(self.message.split())
        line = f"{self.code}: {message if len(message) <= _LONGEST else message[:_LONGEST] + '…'}".strip(": ")
        # Most messages name the fields.
        if missing := [field for field in self.fields if field not in message]:
            line += f" (fields: {', '.join(missing)})"
        return f"{line} (records: {', '.join(self.records)})" if self.records else line


def require_success(response: requests.Response, *, is_repeatable: bool) -> None:
    """Raise an error for an answer that is no success.

    Args:
        response: The answer.
        is_repeatable: Whether the request may be sent again after an unknown outcome.

    Raises:
        Busy: The same request may succeed later.
        SalesforceError: The same request will fail again.
    """
    status = response.status_code
    if status < 300:
        return
    problems = list(_problems(response))
    code = problems[0].code if problems else ""
    text = "; ".join(map(str, problems)) or f"HTTP {status} {response.reason or ''}".strip()
    is_busy = status in _BUSY_STATUSES or any(problem.code in _BUSY_CODES for problem in problems)
    if is_busy or (is_repeatable and status in GATEWAY_STATUSES):
        raise Busy(f"Salesforce is busy: {text}", code=code, status=status)
    raise SalesforceError(text, code=code, status=status)


def content(response: requests.Response) -> Any:
    """Return the JSON of an answer.

    Raises:
        SalesforceError: The answer is not JSON.
    """
    try:
        return response.json()
    except ValueError:
        raise SalesforceError(
            "expected JSON in the answer, found something else", status=response.status_code
        ) from None


def _problems(response: requests.Response) -> Iterator[Problem]:
    """Yield the errors of an answer, in any of the shapes that Salesforce uses."""
    try:
        body = response.json()
    except ValueError:
        return
    if response.status_code == 300:
        yield _ambiguous(body)
        return
    for item in body if isinstance(body, list) else [body]:
        if not isinstance(item, dict):
            continue
        # Its OAuth2 endpoints use the standard shape. Source: RFC 6749 §5.2.
        code = item.get("errorCode") or item.get("error")
        message = item.get("message") or item.get("error_description")
        if isinstance(code, str) or isinstance(message, str):
            yield Problem(
                code=code if isinstance(code, str) else "",
                message=message if isinstance(message, str) else "",
                fields=tuple(str(name) for name in item.get("fields") or ()),
                # The REST API misspells the name.
                records=tuple(_ids(item.get("duplicateResult") or item.get("duplicateResut"))),
            )


def _ambiguous(body: Any) -> Problem:
    """Return the error for an external ID of several records: the answer lists their URLs."""
    urls = [url for url in body if isinstance(url, str)] if isinstance(body, list) else []
    return Problem(
        "AMBIGUOUS_EXTERNAL_ID",
        "expected at most one record with this external id, found several",
        records=tuple(url.rpartition("/")[2] for url in urls),
    )


def _ids(found: Any) -> Iterator[str]:
    """Yield the ids of the records in the result of a duplicate rule."""
    if isinstance(found, list):
        for each in found:
            yield from _ids(each)
    elif isinstance(found, dict):
        record = found.get("record")
        if isinstance(record, dict) and isinstance(record.get("Id"), str):
            yield record["Id"]
        for name in ("matchResults", "matchRecords"):
            yield from _ids(found.get(name))
