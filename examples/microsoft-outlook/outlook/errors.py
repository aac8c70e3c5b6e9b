"""The errors of Microsoft Graph, in words for the reader of the flow's errors.

Source: https://learn.microsoft.com/graph/errors
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests

from shipmate import Context, EmitError, TransientError

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


class GraphError(Exception):
    """Graph has refused a request, or its answer is unreadable.

    Attributes:
        status: The HTTP status, None without an answer.
        codes: The codes of the error and of its inner errors, in lower case.
    """

    def __init__(self, text: str, *, status: int | None = None, codes: tuple[str, ...] = ()) -> None:
        """Store the text, which names the request and its outcome."""
        super().__init__(text)
        self.status = status
        self.codes = codes

    @property
    def needs_resync(self) -> bool:
        """Whether a delta token has expired, so that the round must start again."""
        return self.status == 410 or bool(_RESYNC.intersection(self.codes))


class Busy(GraphError):
    """Graph has done nothing, or a repetition does no harm: the message may come again later."""


class Unclear(GraphError):
    """Graph may have done it, and a repetition would do it twice."""


@contextmanager
def rebounding(context: Context) -> Iterator[None]:
    """Rebound the message if Graph, the token endpoint or the platform is unavailable for the moment."""
    try:
        yield
    except (Busy, TransientError) as error:
        # The message of an undelivered event has failed already.
        if isinstance(error, EmitError):
            raise
        context.emit("rebound", str(error))


def refusal(place: str, response: requests.Response) -> GraphError:
    """Return the error that an answer describes.

    Args:
        place: The request: ``"GET /me/messages"``.
        response: The answer, with an error status.
    """
    codes, reason, request_id = _described(response)
    text = f"{place} answered {response.status_code} {codes[-1] if codes else response.reason or ''}".rstrip()
    hint = next((_HINTS[code] for code in (each.lower() for each in reversed(codes)) if code in _HINTS), "")
    said = ". ".join(part.rstrip(".") for part in (reason, hint) if part)
    text = f"{text}: {said}" if said else text
    # Microsoft's support asks for it.
    text = f"{text} (request-id {request_id})" if request_id else text
    return GraphError(text, status=response.status_code, codes=tuple(code.lower() for code in codes))


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
