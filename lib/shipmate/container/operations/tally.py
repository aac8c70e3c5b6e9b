"""Counts what happens in this process, at a cost of about two microseconds for each message."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self

from shipmate import observation
from shipmate.container.operations.numbers import Count, Histogram, Sum
from shipmate.invocation.events import EVENTS

_SENT: Final = frozenset(EVENTS) - {"end"}
_CUSTOM: Final = "custom"
_FUNCTION_BOUNDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_PUBLISH_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
_REQUEST_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LOCK_BOUNDS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REFUSALS: Final[Mapping[str, str]] = {
    "reauthorization_required": "refused",
    "client_misconfigured": "misconfigured",
}
"""The outcome of a refresh by the code of its error."""


class Tally(observation.Observer):
    """The numbers of one step; any thread counts, and any thread reads."""

    __slots__ = (
        "adopted_keys", "bodies", "clock", "emitted", "errors", "function_seconds", "in_work", "lock_wait_seconds",
        "messages", "phase", "publish_seconds", "reconnects", "refreshes", "request_seconds", "requests", "retries",
        "throttled_seconds",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.monotonic, connections: Iterable[str] = ()) -> None:
        """Begin with zeros.

        Args:
            clock: Counts seconds.
            connections: The names of the transport's connections.
        """
        self.clock = clock
        self.phase: observation.Phase = "starting"
        self.in_work: dict[_Message, None] = {}
        """The messages in work."""
        self.messages = Count(["success", "error", "rebound", "left"])
        self.emitted: Count[str] = Count(name for name in EVENTS if name in _SENT)
        self.errors: Count[str] = Count()
        self.refreshes = Count(["granted", "adopted", "refused", "misconfigured", "busy", "failed"])
        self.requests: Count[tuple[str, str]] = Count()
        self.bodies = Count(["fetched", "stored"])
        self.reconnects = Count(connections)
        self.throttled_seconds = Sum(["data", "error", "snapshot"])
        self.retries = Count([()])
        self.adopted_keys = Count([()])
        self.function_seconds = Histogram(_FUNCTION_BOUNDS)
        self.publish_seconds = Histogram(_PUBLISH_BOUNDS)
        self.lock_wait_seconds = Histogram(_LOCK_BOUNDS)
        self.request_seconds = {name: Histogram(_REQUEST_BOUNDS) for name in ("api", "token_endpoint", "platform")}

    @property
    def oldest_seconds(self) -> float:
        """The age of the oldest message in work, 0 without messages."""
        begun = [each.begun_seconds for each in list(self.in_work)]
        return self.clock() - min(begun) if begun else 0.0

    @property
    def silent_seconds(self) -> float:
        """The longest time since a running function began or emitted, 0 without running functions."""
        since = [seconds for each in list(self.in_work) if (seconds := each.silent_since_seconds) is not None]
        return self.clock() - min(since) if since else 0.0

    def phase_began(self, phase: observation.Phase) -> None:
        """Keep the phase."""
        self.phase = phase

    def message(self, metadata: Mapping[str, Any], thread_id: Any, size_bytes: int = 0) -> observation.Message:
        """Begin to observe a message."""
        message = _Message(self)
        self.in_work[message] = None
        return message

    def http_request(self, target: observation.Target, method: str, url: str) -> observation.HttpRequest:
        """Begin to observe a request."""
        return _HttpRequest(self, target)

    def refresh(self) -> observation.Refresh:
        """Begin to observe a refresh."""
        return _Refresh(self)

    def keys_adopted(self) -> None:
        """Count it."""
        self.adopted_keys.add(())

    def lock_waited(self, seconds: float) -> None:
        """Count the wait."""
        self.lock_wait_seconds.add(seconds)

    def published(self, seconds: float) -> None:
        """Count the publication."""
        self.publish_seconds.add(seconds)

    def publication_retried(self) -> None:
        """Count it."""
        self.retries.add(())

    def throttled(self, event: str, seconds: float) -> None:
        """Add the seconds to the waits of the event."""
        self.throttled_seconds.add((event, seconds))

    def reconnected(self, connection: str) -> None:
        """Count it."""
        self.reconnects.add(connection)

    def body_fetched(self) -> None:
        """Count it."""
        self.bodies.add("fetched")

    def body_stored(self) -> None:
        """Count it."""
        self.bodies.add("stored")

    def error(self, code: str, formatted: Mapping[str, Any]) -> None:
        """Count the code."""
        self.errors.add(code)


class _Message(observation.Message):
    __slots__ = ("_called_seconds", "_tally", "begun_seconds", "silent_since_seconds")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._called_seconds: float | None = None
        """The start of the function, None before and after it."""
        self.begun_seconds = tally.clock()
        self.silent_since_seconds: float | None = None
        """The start of the function or the end of its last emit, None while it does not run or waits in one."""

    def function_called(self) -> None:
        self._called_seconds = self.silent_since_seconds = self._tally.clock()

    def function_ended(self) -> None:
        if (called := self._called_seconds) is not None:
            self._called_seconds = self.silent_since_seconds = None
            tally = self._tally
            tally.function_seconds.add(tally.clock() - called)

    def function_waits(self) -> None:
        self.silent_since_seconds = None

    def function_continues(self) -> None:
        if self._called_seconds is not None:
            self.silent_since_seconds = self._tally.clock()

    def emitted(self, event: str) -> None:
        self._tally.emitted.add(event if event in _SENT else _CUSTOM)

    def settled(self, outcome: observation.Outcome) -> None:
        tally = self._tally
        tally.messages.add(outcome)
        tally.in_work.pop(self, None)


class _HttpRequest(observation.HttpRequest):
    __slots__ = ("_begun_seconds", "_class", "_tally", "_target")

    def __init__(self, tally: Tally, target: observation.Target) -> None:
        self._tally = tally
        self._target = target
        self._class = "error"

    def __enter__(self) -> Self:
        self._begun_seconds = self._tally.clock()
        return self

    def answered(self, status: int) -> None:
        self._class = f"{status // 100}xx" if 200 <= status < 600 else "error"

    def __exit__(self, *_: object) -> None:
        tally = self._tally
        tally.requests.add((self._target, self._class))
        tally.request_seconds[self._target].add(tally.clock() - self._begun_seconds)


class _Refresh(observation.Refresh):
    __slots__ = ("_outcome", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._outcome = "failed"
        """The outcome after the last fact, unless an error follows."""

    def answered(self, answer: str) -> None:
        self._outcome = answer

    def adopted(self) -> None:
        self._outcome = "adopted"

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        outcome = self._outcome
        if error is not None:
            outcome = _REFUSALS.get(getattr(error, "code", ""), "busy" if outcome == "busy" else "failed")
        self._tally.refreshes.add(outcome)
