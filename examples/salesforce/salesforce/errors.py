"""Reads the refusals of Salesforce, and tells its temporary errors from the others."""

from collections.abc import Iterator
from typing import Any, Final

import requests

from shipmate import ApiError
from shipmate.jsonvalue import member_at

# Salesforce has not handled the request. Source: REST API Developer Guide, Status Codes and Error Responses.
_BUSY_CODES: Final = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})
_BUSY_STATUSES: Final = frozenset({429, 503})
_LONGEST: Final = 500


def refusal(response: requests.Response) -> ApiError:
    """Return the error for an answer: ``"REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]"``."""
    status, problems = response.status_code, list(_problems(response))
    text = "; ".join(map(_line, problems)) or f"HTTP {status} {response.reason or ''}".strip()
    busy = status in _BUSY_STATUSES or any(each["errorCode"] in _BUSY_CODES for each in problems)
    code = problems[0]["errorCode"] if problems else ""
    return ApiError(f"Salesforce is busy: {text}" if busy else text, status=status, api_code=code, is_repeatable=busy)


def _problems(response: requests.Response) -> Iterator[dict[str, Any]]:
    """Yield the errors of an answer, in any of the shapes that Salesforce uses."""
    try:
        body = response.json()
    except ValueError:
        return
    if response.status_code == 300:
        # An external ID of several records: the answer lists their URLs.
        message = "expected at most one record with this external id, found several"
        ids = [url.rpartition("/")[2] for url in body if isinstance(url, str)]
        yield {"errorCode": "AMBIGUOUS_EXTERNAL_ID", "message": message, "records": ids}
        return
    for each in body if isinstance(body, list) else [body]:
        if isinstance(each, dict):
            # Its OAuth2 endpoints use the standard shape. Source: RFC 6749 §5.2.
            code, said = each.get("errorCode", each.get("error")), each.get("message", each.get("error_description"))
            if isinstance(code, str) or isinstance(said, str):
                # The REST API misspells the name.
                result = each.get("duplicateResult") or each.get("duplicateResut")
                groups = [member_at(group, "matchRecords") or () for group in member_at(result, "matchResults") or ()]
                records = [str(member_at(match, "record.Id")) for group in groups for match in group]
                yield {**each, "errorCode": code or "", "message": said or "", "records": records}


def _line(problem: dict[str, Any]) -> str:
    message = " ".join(str(problem["message"]).split())
    line = f"{problem['errorCode']}: {message if len(message) <= _LONGEST else message[:_LONGEST] + '…'}".strip(": ")
    # Most messages name the fields.
    if missing := [str(field) for field in problem.get("fields") or () if str(field) not in message]:
        line += f" (fields: {', '.join(missing)})"
    return f"{line} (records: {', '.join(problem['records'])})" if problem["records"] else line
