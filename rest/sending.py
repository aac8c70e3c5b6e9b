"""Repeats requests if a repetition may succeed and does nothing twice."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests

from rest.answers import ApiError
from rest.urls import shown
from shipmate import OAuth2Session

# Idempotent methods. Source: RFC 9110 §9.2.2.
SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# Server errors that do not pass. Source: RFC 9110 §15.6.2, §15.6.6.
_NEVER_HELPS: Final = frozenset({501, 505})
_NO_ANSWER: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def pause(seconds: float) -> None:
    """Wait; a signal handler that raises ends the wait."""
    threading.Event().wait(seconds)


@dataclass(frozen=True)
class Retries:
    """How often which requests are repeated, and the longest pause before a repetition."""

    count: int = 3
    repeats_unsafe: bool = False
    longest_pause_seconds: float = 60.0
    wait: Callable[[float], object] = pause

    @classmethod
    def from_cfg(cls, cfg: dict[str, Any]) -> "Retries":
        """Read the fields ``retries``, ``retry_unsafe`` and ``max_wait``."""
        count = number(cfg, "retries", cls.count, lowest=0, highest=10)
        longest = number(cfg, "max_wait", int(cls.longest_pause_seconds), lowest=0, highest=600)
        return cls(count, is_checked(cfg.get("retry_unsafe")), longest)

    def allow(self, method: str, status: int | None) -> bool:
        """Tell whether a request may be repeated after this status; None stands for no answer.

        After 429 the API has done nothing. After any other failure it may have handled the request.
        """
        if status == 429:
            return True
        is_temporary = status is None or (status >= 500 and status not in _NEVER_HELPS)
        return is_temporary and (method in SAFE_TO_REPEAT or self.repeats_unsafe)

    def pause_seconds(self, retry_after: str | None, attempt: int) -> float:
        """Return the seconds to wait: those of a valid Retry-After header, or twice as many after each attempt."""
        text = (retry_after or "").strip()
        if text.isdecimal():
            seconds = float(text[:9])
        else:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                seconds = 0.5 * 2.0**attempt
        return min(max(seconds, 0.0), self.longest_pause_seconds)


def send(api: OAuth2Session, method: str, url: str, retries: Retries, **kwargs: Any) -> requests.Response:
    """Send a request, and repeat it as ``retries`` allows.

    Raises:
        ApiError: The API did not answer.
    """
    attempt = 0
    while True:
        is_last = attempt == retries.count
        retry_after = None
        try:
            response = api.request(method, url, **kwargs)
        except _NO_ANSWER as error:
            if is_last or not retries.allow(method, None):
                # Not chained: the texts of these exceptions have the query.
                raise ApiError(f"{method} {shown(url)} got no answer ({type(error).__name__})") from None
        else:
            if is_last or not retries.allow(method, response.status_code):
                return response
            retry_after = response.headers.get("Retry-After")
            response.close()
        retries.wait(retries.pause_seconds(retry_after, attempt))
        attempt += 1


def number(cfg: dict[str, Any], name: str, default: int, *, lowest: int, highest: int) -> int:
    """Return the whole number in a text field, the default if the field is empty.

    Raises:
        ValueError: The text is no number from ``lowest`` to ``highest``.
    """
    given = cfg.get(name)
    text = str(default if given is None else given).strip() or str(default)
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ValueError(f"{name}: expected a number from {lowest} to {highest}, found {text!r}")
    return int(text)


def is_checked(value: Any) -> bool:
    """Tell whether a check box is set: older flows have ``"on"``."""
    return value is True or (isinstance(value, str) and value.lower() in ("on", "true"))
