"""What becomes of an error of the API, as the fields of a step say, and what its text says. Pure; no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import requests

from shipmate.errors import ApiError, InvalidField
from shipmate.session.answers import body_of, code_of, headers_of, reason_of, request_id_of
from shipmate.session.policy import Failure, Policy
from shipmate.session.status_ranges import StatusRanges
from shipmate.session.values import choice, text
from shipmate.urls import shown

Reaction = Literal["byComponent", "rebound", "throwError", "emit"]

_REACTIONS: Final[tuple[Reaction, ...]] = ("byComponent", "rebound", "throwError", "emit")
_FIELDS: Final = frozenset({"errorPolicy", "errorCodes", "ignoreErrorCodes"})
_DEFAULT_CODES: Final = "408, 423, 429, 500-599"
NO_STATUS: Final = 0
"""The status of a request without an answer."""


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """The fields ``errorPolicy``, ``errorCodes`` and ``ignoreErrorCodes`` of a step or a credential."""

    reaction: Reaction = "byComponent"
    """For the statuses in ``codes``: sent again and then raised, rebound, raised at once, or emitted."""
    codes: StatusRanges = field(default_factory=lambda: StatusRanges.parse(_DEFAULT_CODES, name="errorCodes"))
    ignored: StatusRanges = field(default_factory=StatusRanges)
    """The statuses that are emitted like a success, whatever the reaction is."""
    has_codes: bool = False
    """Whether a person has given the codes."""

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "ErrorPolicy":
        """Read the fields; those that are missing or empty have their defaults.

        >>> policy = ErrorPolicy.from_fields({"errorPolicy": "emit", "errorCodes": "404, 500-599"})
        >>> policy.verdict(404), policy.verdict(400), policy.verdict(200)
        ('emit', 'throwError', 'success')

        Raises:
            InvalidField: A field has no such value.
        """
        if _FIELDS.isdisjoint(fields):
            return _USUAL
        reaction = choice(fields, "errorPolicy", *_REACTIONS)
        codes = _codes(fields, "errorCodes")
        return cls(
            next(each for each in _REACTIONS if each == reaction),
            codes if codes else _USUAL.codes,
            _codes(fields, "ignoreErrorCodes"),
            has_codes=bool(codes),
        )

    def applied_to(self, policy: Policy) -> Policy:
        """Return the policy of retries: the statuses with another reaction than ``byComponent`` are not repeated."""
        if self.reaction != "byComponent":
            return replace(policy, repeat="none")
        return replace(policy, statuses=self.codes) if self.has_codes else policy

    def verdict(self, status: int) -> Literal["success", "emit", "throwError", "rebound"]:
        """Return what becomes of an answer; 0 is the status of a request without an answer."""
        if NO_STATUS < status < 400:
            return "success"
        if status in self.ignored:
            return "emit"
        if self.reaction in ("rebound", "emit") and (status == NO_STATUS or status in self.codes):
            return "rebound" if self.reaction == "rebound" else "emit"
        return "throwError"


_USUAL: Final = ErrorPolicy()


def message_body(response: requests.Response) -> dict[str, Any]:
    """Return an answer as the body of a message: ``{"statusCode": 200, "HTTPHeaders": {...}, "responseBody": ...}``."""
    return {
        "statusCode": response.status_code,
        "HTTPHeaders": headers_of(response),
        "responseBody": body_of(response),
    }


def api_error(response: requests.Response, redact: Callable[[str], str]) -> ApiError:
    """Return the error for an answer with an error status.

    Args:
        response: The answer.
        redact: Removes secrets from a text.
    """
    request = response.request
    place = f"{request.method} {shown(request.url or '')} answered {response.status_code} {response.reason or ''}"
    reason, api_code, request_id = (redact(text) for text in _said(response))
    if api_code == str(response.status_code):
        api_code = ""  # some APIs repeat the status in the body
    extras = ", ".join(
        f"{name} {text}" for name, text in (("code", api_code), ("request", request_id)) if text and text not in reason
    )
    text = redact(place.strip()) + (f": {reason}" if reason else "") + (f" ({extras})" if extras else "")
    return ApiError(text, status=response.status_code, reason=reason, api_code=api_code, request_id=request_id)


def judged(error: ApiError, policy: Policy, failure: Failure) -> ApiError:
    """Return an error that says whether the request may be sent again; what its reader has said about that counts.

    Args:
        error: The error of the last attempt.
        policy: The rules for sending a request again.
        failure: The last attempt.
    """
    error.is_repeatable = error.is_repeatable or policy.allows(failure)
    error.is_unclear = not error.is_repeatable and policy.may_pass(failure) and not policy.is_harmless(failure)
    if error.is_unclear:
        error.args = (f"{error}; it may have been done all the same, look before you repeat it",)
    return error


def _said(response: requests.Response) -> tuple[str, str, str]:
    return reason_of(response), code_of(response), request_id_of(response)


def _codes(fields: Mapping[str, Any], name: str) -> StatusRanges:
    codes = StatusRanges.parse(text(fields, name), name=name)
    if any(low < 300 for low, _ in codes.ranges):
        raise InvalidField(f"{name}: expected statuses from 300 on, found a smaller one")
    return codes
