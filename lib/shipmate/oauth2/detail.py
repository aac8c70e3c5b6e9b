"""The provider's own words in an answer without a token, for logs and errors. Pure; no I/O."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from shipmate.oauth2.token_response import Failure, Misconfigured, Refused

_LONGEST_DETAIL: Final = 300


def with_shown_detail(answer: Failure, redact: Callable[[str], str]) -> Failure:
    """Return an answer whose detail has no secret, no line break and no control character, and 300 characters at most.

    Args:
        answer: The answer.
        redact: Removes secrets from a text.
    """
    # Redacted before it is cut: the rest of a cut token would not be recognised.
    line = " ".join(redact(answer.detail).split())
    text = "".join(letter if letter.isprintable() else "?" for letter in line)
    return replace(answer, detail=text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + "...")


def said(answer: Failure) -> str:
    """Return what an answer says: its error code or the reason, and the detail.

    >>> said(Refused("invalid_grant", "Token revoked")), said(Misconfigured("invalid_client"))
    ('invalid_grant: Token revoked', 'invalid_client')
    """
    reason = answer.code if isinstance(answer, Refused | Misconfigured) else answer.reason
    return f"{reason}: {answer.detail}" if answer.detail else reason
