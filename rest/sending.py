"""Sending a request again when that may help and cannot do something twice."""

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

# Doing it twice is the same as doing it once. Source: RFC 9110 §9.2.2.
SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# A server that cannot do it now will not be able to in a minute. Source: RFC 9110 §15.6.2, §15.6.6.
_NEVER_HELPS: Final = frozenset({501, 505})
_NO_ANSWER: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def pause(seconds: float) -> None:
    """Wait in a way that signals can interrupt."""
    threading.Event().wait(seconds)


@dataclass(frozen=True)
class Retries:
    """How often a request is repeated, which, and how long is waited before at most."""

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
        """Tell whether a request may be repeated after this status; None is no answer at all.

        429 says that nothing was done. After anything else the API may have done its part.
        """
        if status == 429:
            return True
        is_temporary = status is None or (status >= 500 and status not in _NEVER_HELPS)
        return is_temporary and (method in SAFE_TO_REPEAT or self.repeats_unsafe)

    def pause_seconds(self, retry_after: str | None, attempt: int) -> float:
        """Return how long to wait: as the API asks, or longer each time; what it says badly it has not said."""
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
    """Send a request, and send it again as often as ``retries`` says.

    Raises:
        ApiError: There was no answer.
    """
    attempt = 0
    while True:
        is_last = attempt == retries.count
        retry_after = None
        try:
            response = api.request(method, url, **kwargs)
        except _NO_ANSWER as error:
            if is_last or not retries.allow(method, None):
                # Not chained: the text of such errors has the query in it.
                raise ApiError(f"{method} {shown(url)} got no answer ({type(error).__name__})") from None
        else:
            if is_last or not retries.allow(method, response.status_code):
                return response
            retry_after = response.headers.get("Retry-After")
            response.close()
        retries.wait(retries.pause_seconds(retry_after, attempt))
        attempt += 1


def number(cfg: dict[str, Any], name: str, default: int, *, lowest: int, highest: int) -> int:
    """Return the whole number in a text field, the default when it is empty."""
    given = cfg.get(name)
    text = str(default if given is None else given).strip() or str(default)
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ValueError(f"{name}: expected a number from {lowest} to {highest}, found {text!r}")
    return int(text)


def is_checked(value: Any) -> bool:
    """Tell whether a check box is set: older flows say ``"on"``."""
    return value is True or (isinstance(value, str) and value.lower() in ("on", "true"))
