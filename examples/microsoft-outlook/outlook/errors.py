"""The errors of Microsoft Graph, in words for the reader of the flow's errors.

Source: https://learn.microsoft.com/graph/errors
"""

import time
from typing import Final
from urllib.parse import urlsplit

import requests

from outlook.urls import BASE_URL
from shipmate import ApiError
from shipmate.http.headers import retry_after_seconds

_LONGEST_REASON: Final = 300
_DEEPEST_ERROR: Final = 5
# The codes are compared in lower case: Exchange and the gateway before it spell them differently.
_HINTS: Final = {
    "invalidauthenticationtoken": "Graph refuses a token that was just refreshed: sign in again",
    "erroraccessdenied": "The account, or the consent to the app, does not cover this",
    "accessdenied": "The account, or the consent to the app, does not cover this",
    "authorization_requestdenied": "The account, or the consent to the app, does not cover this",
    "erroritemnotfound": "It is not in this mailbox, or not any more",
    "errorinvalididmalformed": "This is not the id of an item in this mailbox",
    "mailboxnotenabledforrestapi": "The account has no mailbox in Exchange Online",
    "errorduplicatetransactionid": "Another event was created with this transactionId",
    "errorquotaexceeded": "The mailbox is full",
}
# Exchange has names of its own.
_RESYNC: Final = frozenset({"syncstatenotfound", "errorsyncstatenotfound", "resyncrequired"})


def needs_resync(error: ApiError) -> bool:
    """Tell whether a delta token has expired, so that the round must start again."""
    return error.status == 410 or error.api_code.lower() in _RESYNC


def refusal(response: requests.Response) -> ApiError:
    """Return the error that an answer with an error status describes."""
    codes, reason, request_id = _described(response)
    # In an error of a delta query the outermost code says that it has expired, else the innermost one says most.
    code = next((each for each in codes if each.lower() in _RESYNC), codes[-1] if codes else "")
    place = urlsplit(response.request.url or "").path.removeprefix(urlsplit(BASE_URL).path)
    name = codes[-1] if codes else response.reason or ""
    text = f"{response.request.method} {place} answered {response.status_code} {name}".rstrip()
    hint = next((_HINTS[each.lower()] for each in reversed(codes) if each.lower() in _HINTS), "")
    said = ". ".join(part.rstrip(".") for part in (reason, hint) if part)
    text = f"{text}: {said}" if said else text
    # Microsoft's support asks for it.
    text = f"{text} (request-id {request_id})" if request_id else text
    if (seconds := retry_after_seconds(response.headers.get("Retry-After"), time.time())) is not None:
        text = f"{text}; Graph asks to wait {seconds:.0f} seconds"
    return ApiError(text, status=response.status_code, reason=reason, api_code=code, request_id=request_id)


def _described(response: requests.Response) -> tuple[list[str], str, str]:
    """Return the codes, the outermost first, the reason, and the id of the request."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return [], "", ""
    codes: list[str] = []
    reason = request_id = ""
    for _ in range(_DEEPEST_ERROR):
        if not isinstance(error, dict):
            break
        code = error.get("code")
        if isinstance(code, str) and code and code not in codes:
            codes.append(code)
        reason = reason or _line(error.get("message"))
        request_id = request_id or _line(error.get("request-id"))
        # The gateway writes innerError, OData innererror.
        error = error.get("innerError") or error.get("innererror")
    return codes, reason, request_id


def _line(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
