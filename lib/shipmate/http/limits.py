"""The limits of answers: decoded bytes, and the time from the request to the last byte.

The time-outs of sockets hold for one read, so a server that sends a byte now and then is never too slow. Here every
read of the socket, those of headers included, gets at most the time that is left.
"""

import io
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, Final

from shipmate.errors import ResponseTooSlow

_current: Final = threading.local()


def current() -> "within | None":
    """Return the limits of this thread's innermost block, None outside of all."""
    limits: within | None = getattr(_current, "limits", None)
    return limits


class within:
    """Holds the requests of this thread to limits while the block runs.

    Raises:
        ResponseTooSlow: The time was over before the block ended.
    """

    def __init__(
        self,
        max_bytes: int | None,
        seconds: float,
        *,
        is_released: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the limits.

        Args:
            max_bytes: The most decoded bytes of a body, None for any number.
            seconds: The time from the start of the block to the last byte of the body.
            is_released: Whether the time limit ends with the block; else it holds for a body that is read later.
            clock: Returns monotonic seconds.
        """
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._is_released = is_released
        self._clock = clock
        self._end = math.inf
        self._has_begun = False
        self._before: within | None = None

    @property
    def remaining_seconds(self) -> float:
        """The time that is left, below 0 when it is over."""
        return self._end - self._clock()

    def begin(self) -> float:
        """Start the clock before the block, and return the moment of the end in monotonic seconds."""
        self._has_begun = True
        self._end = self._clock() + self.seconds
        return self._end

    def pause(self) -> None:
        """Stop the clock; `begin` starts it again with the whole time."""
        self._end = math.inf

    def __enter__(self) -> "within":
        """Start the clock unless it runs, and hold the requests of this thread to the limits."""
        if not self._has_begun:
            self.begin()
        self._before = current()
        _current.limits = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Report a failure after the end of the time as what it is."""
        _current.limits = self._before
        self._has_begun = False
        if isinstance(error, OSError):  # like all exceptions of requests
            self.require_time(error)
        if self._is_released:
            self._end = math.inf

    def require_time(self, error: Exception) -> None:
        """Raise `ResponseTooSlow` in place of an error if the time is over."""
        if self.remaining_seconds <= 0:
            # Without the cause: the exceptions of requests hold the whole request.
            raise ResponseTooSlow(
                f"expected a complete answer within {self.seconds:g} seconds, found none: the limit is "
                "total_timeout_seconds of the request or SHIPMATE_MAX_RESPONSE_SECONDS"
            ) from None


class LimitedReader(HTTPResponse):
    """The response of http.client, whose reads keep the time limit of `within`."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        """Read from a socket."""
        super().__init__(sock, *args, **kwargs)
        limits = current()
        if limits is not None:
            self.fp = io.BufferedReader(_TimedSocket(self.fp.detach(), sock, limits))


class _TimedSocket(io.RawIOBase):
    """The bytes of a socket, as long as there is time."""

    def __init__(self, raw: io.RawIOBase, sock: Any, limits: within) -> None:
        self._raw = raw
        self._sock = sock
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining, usual = self._limits.remaining_seconds, self._sock.gettimeout()
        if remaining <= 0:
            raise TimeoutError("timed out")
        if (usual is not None and usual <= remaining) or remaining == math.inf:
            return self._raw.readinto(buffer)
        self._sock.settimeout(remaining)
        try:
            return self._raw.readinto(buffer)
        finally:
            with suppress(OSError):  # it was closed meanwhile
                self._sock.settimeout(usual)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()
