"""The rules for repeating requests to Graph. Pure; no I/O.

Source: https://learn.microsoft.com/graph/throttling
"""

import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import requests
from urllib3.exceptions import NewConnectionError

NO_ANSWER: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
TIMEOUTS_SECONDS: Final = (10.0, 60.0)
_THROTTLED: Final = 429
_TEMPORARY: Final = frozenset({500, 502, 503, 504, 509})


def pause(seconds: float) -> None:
    """Wait; a signal handler that raises ends the wait."""
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent, and with which pauses; longer pauses become rebounds.

    A message that waits blocks a worker, so the pauses are a few seconds at most.
    """

    attempts: int = 3
    longest_pause_seconds: float = 10.0

    def pause_seconds(self, attempt: int, retry_after_seconds: float | None) -> float | None:
        """Return the seconds to wait after an attempt, the first is number 1; None means no further attempt."""
        if attempt >= self.attempts:
            return None
        wanted = 2.0 ** (attempt - 1) if retry_after_seconds is None else retry_after_seconds
        return wanted if wanted <= self.longest_pause_seconds else None


PATIENCE: Final = Patience()


def nothing_was_done(status: int | None, error: Exception | None = None) -> bool:
    """Tell whether a request certainly had no effect: it was throttled, or there was no connection."""
    # requests wraps the error of urllib3: here, that there was no connection.
    cause = getattr(error.args[0], "reason", None) if error is not None and error.args else None
    return status == _THROTTLED or isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError)


def is_temporary(status: int | None) -> bool:
    """Tell whether the same request may succeed later; None stands for no answer."""
    return status is None or status == _THROTTLED or status in _TEMPORARY


def retry_after_seconds(response: requests.Response) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, None for a missing or malformed header."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
