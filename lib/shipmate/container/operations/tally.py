"""Counts what happens in this process, at a cost of about a microsecond for each message."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Self

from shipmate import observation
from shipmate.invocation.events import EVENTS

_CUSTOM: Final = "custom"
_FUNCTION_BOUNDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_PUBLISH_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
_REQUEST_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LOCK_BOUNDS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_OUTCOMES_OF_REFRESHES: Final[Mapping[str, str]] = {
    "reauthorization_required": "refused",
    "client_misconfigured": "misconfigured",
}
"""The outcome of a refresh by the code of its error."""


class Histogram:
    """Durations by their size; its owner holds a lock."""

    __slots__ = ("bounds", "counts", "seconds")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin empty.

        Args:
            bounds: The longest duration of each bucket but the last, in seconds, ascending.
        """
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0
        """The sum of all durations."""

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def cumulated(self) -> Iterator[tuple[str, int]]:
        """Yield for each bucket its bound and the number of durations that are not longer.

        >>> histogram = Histogram((0.5, 1.0))
        >>> histogram.add(0.7)
        >>> list(histogram.cumulated())
        [('0.5', 0), ('1.0', 1), ('+Inf', 1)]
        """
        total = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            yield bound, total


class Tally(observation.Observer):
    """The numbers of one step; any thread counts, and any thread reads."""

    __slots__ = (
        "adopted_keys", "bodies", "clock", "emitted", "errors", "function_seconds", "in_work", "lock",
        "lock_wait_seconds", "messages", "phase", "publish_seconds", "reconnects", "refreshes", "request_seconds",
        "requests", "retries", "throttled_seconds",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.monotonic, connections: Iterable[str] = ()) -> None:
        """Begin with zeros; a counter that begins with 0 shows its first increase as well.

        Args:
            clock: Counts seconds.
            connections: The names of the connections that the transport keeps.
        """
        self.clock = clock
        self.lock = threading.Lock()
        """Guards all that is counted."""
        self.phase: observation.Phase = "starting"
        self.in_work: dict[_Message, None] = {}
        """The messages in work, in the order in which they began; a dict, since it keeps the order of its keys."""
        self.messages = Counter({"success": 0, "error": 0, "rebound": 0, "left": 0})
        self.emitted = Counter(dict.fromkeys(EVENTS[:-1], 0))  # all but "end", which is not sent
        self.errors: Counter[str] = Counter()
        self.refreshes = Counter({"granted": 0, "adopted": 0, "refused": 0, "misconfigured": 0, "busy": 0, "failed": 0})
        self.requests: Counter[tuple[str, str]] = Counter()
        self.bodies = Counter({"fetched": 0, "stored": 0})
        self.reconnects = Counter(dict.fromkeys(connections, 0))
        self.throttled_seconds: dict[str, float] = {"data": 0.0, "error": 0.0, "snapshot": 0.0}
        self.retries = 0
        self.adopted_keys = 0
        self.function_seconds = Histogram(_FUNCTION_BOUNDS)
        self.publish_seconds = Histogram(_PUBLISH_BOUNDS)
        self.lock_wait_seconds = Histogram(_LOCK_BOUNDS)
        self.request_seconds = {target: Histogram(_REQUEST_BOUNDS) for target in ("api", "token_endpoint", "platform")}

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest message has been in work, 0 without messages."""
        begun = [each.begun_seconds for each in list(self.in_work)]
        return self.clock() - min(begun) if begun else 0.0

    @property
    def silent_seconds(self) -> float:
        """The longest time for which a function has now run without emitting an event; 0 without functions at work."""
        since = [seconds for each in list(self.in_work) if (seconds := each.silent_since_seconds) is not None]
        return self.clock() - min(since) if since else 0.0

    def phase_began(self, phase: observation.Phase) -> None:
        """Keep the phase."""
        self.phase = phase

    def message(self, metadata: Mapping[str, Any], thread_id: Any) -> observation.Message:
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
        with self.lock:
            self.adopted_keys += 1

    def lock_waited(self, seconds: float) -> None:
        """Count the wait."""
        with self.lock:
            self.lock_wait_seconds.add(seconds)

    def published(self, seconds: float) -> None:
        """Count the publication."""
        with self.lock:
            self.publish_seconds.add(seconds)

    def publication_retried(self) -> None:
        """Count it."""
        with self.lock:
            self.retries += 1

    def throttled(self, event: str, seconds: float) -> None:
        """Add the seconds to those of the event."""
        with self.lock:
            self.throttled_seconds[event] = self.throttled_seconds.get(event, 0.0) + seconds

    def reconnected(self, connection: str) -> None:
        """Count it."""
        with self.lock:
            self.reconnects[connection] += 1

    def body_fetched(self) -> None:
        """Count it."""
        with self.lock:
            self.bodies["fetched"] += 1

    def body_stored(self) -> None:
        """Count it."""
        with self.lock:
            self.bodies["stored"] += 1

    def error(self, code: str, formatted: Mapping[str, Any]) -> None:
        """Count the code."""
        with self.lock:
            self.errors[code] += 1


class _Message(observation.Message):
    __slots__ = ("_called_seconds", "_tally", "begun_seconds", "silent_since_seconds")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._called_seconds: float | None = None
        """When the function began; None before and after it."""
        self.begun_seconds = tally.clock()
        self.silent_since_seconds: float | None = None
        """When the function began or last had an event taken, None while it does not run."""

    def function_called(self) -> None:
        self._called_seconds = self.silent_since_seconds = self._tally.clock()

    def function_ended(self) -> None:
        called, self._called_seconds = self._called_seconds, None
        self.silent_since_seconds = None
        if called is not None:
            tally = self._tally
            seconds = tally.clock() - called
            with tally.lock:
                tally.function_seconds.add(seconds)

    def function_waits(self) -> None:
        self.silent_since_seconds = None

    def function_continues(self) -> None:
        if self._called_seconds is not None:
            self.silent_since_seconds = self._tally.clock()

    def emitted(self, event: str) -> None:
        tally = self._tally
        with tally.lock:
            tally.emitted[event if event in tally.emitted else _CUSTOM] += 1

    def settled(self, outcome: observation.Outcome) -> None:
        tally = self._tally
        with tally.lock:
            tally.messages[outcome] += 1
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
        seconds = tally.clock() - self._begun_seconds
        with tally.lock:
            tally.requests[self._target, self._class] += 1
            tally.request_seconds[self._target].add(seconds)


class _Refresh(observation.Refresh):
    __slots__ = ("_outcome", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._outcome = "failed"
        """What the last fact makes of it, unless an error follows."""

    def answered(self, answer: str) -> None:
        self._outcome = answer

    def adopted(self) -> None:
        self._outcome = "adopted"

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        outcome = self._outcome
        if error is not None:
            outcome = _OUTCOMES_OF_REFRESHES.get(getattr(error, "code", ""), "busy" if outcome == "busy" else "failed")
        with self._tally.lock:
            self._tally.refreshes[outcome] += 1
