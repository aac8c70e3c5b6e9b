"""Sending a request again when the API asks for patience."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests

SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class Retries:
    """How often a request is repeated, and which."""

    count: int = 3
    repeats_unsafe: bool = False
    sleep: Callable[[float], object] = time.sleep

    @classmethod
    def from_cfg(cls, cfg: dict[str, Any]) -> "Retries":
        """Read the fields ``retries`` and ``retry_unsafe``."""
        text = str(cfg.get("retries") or "3").strip() if cfg.get("retries") != 0 else "0"
        if not text.isdecimal() or int(text) > 10:
            raise ValueError(f"retries: expected a number from 0 to 10, found {text!r}")
        return cls(int(text), is_checked(cfg.get("retry_unsafe")))

    def allow(self, method: str, status: int | None) -> bool:
        """Tell whether a request may be repeated after this status; None is no answer at all.

        429 and 503 say that nothing was done. After anything else the API may have done its part.
        """
        if status in (429, 503):
            return True
        is_temporary = status is None or status in (500, 502, 504)
        return is_temporary and (method in SAFE_TO_REPEAT or self.repeats_unsafe)


def send(api: Any, method: str, url: str, retries: Retries, **kwargs: Any) -> requests.Response:
    """Send a request, and send it again as often as ``retries`` says."""
    for attempt in range(retries.count + 1):
        is_last = attempt == retries.count
        try:
            response: requests.Response = api.request(method, url, **kwargs)
        except (requests.ConnectionError, requests.Timeout):
            if is_last or not retries.allow(method, None):
                raise
            retries.sleep(2.0**attempt)
            continue
        if is_last or not retries.allow(method, response.status_code):
            break
        response.close()
        retries.sleep(_pause(response.headers.get("Retry-After"), attempt))
    return response


def is_checked(value: Any) -> bool:
    """Tell whether a check box is set: older flows say ``"on"``."""
    return value is True or (isinstance(value, str) and value.lower() in ("on", "true"))


def _pause(retry_after: str | None, attempt: int) -> float:
    text = (retry_after or "").strip()
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_PAUSE_SECONDS)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError):
        return 2.0**attempt
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
