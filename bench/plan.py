"""The plan of a benchmark: its cases, and their numbers of messages."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bench.figures import CPU, LATENCY, START, THROUGHPUT, Metric

Measure = Literal["throughput", "latency", "start"]

PREFETCHES: Final = (1, 20, 100)
# Messages by size of the body, for about two seconds of a fast runtime.
MESSAGES: Final = {1_000: 15_000, 10_000: 6000, 300_000: 400}
# Milliseconds after which the API answers, besides at once, and the prefetches of these cases.
WAITS_MS: Final = (5, 50, 500)
WAITING_PREFETCHES: Final = (20, 100)
FUNCTIONS: Final = ("oauth2", "echo")
SCENARIOS: Final = (*FUNCTIONS, "proxy")
"""The parts of the benchmark: the functions, and the comparison of the transports."""
_CALLING_MESSAGES: Final = 4000
_ENDLESS_USES: Final = 1_000_000
_WAITING_SECONDS: Final = 3
_LONGEST_SECONDS: Final = 4.0
_LONGEST_WAITING_SECONDS: Final = 6.0
_ONE_AT_A_TIME_PART: Final = 0.4
_WARM_UP_PART: Final = 0.1
_MOST_WARM_UP: Final = 500
_METRICS: Final[dict[Measure, tuple[Metric, ...]]] = {
    "throughput": (THROUGHPUT, CPU),
    "latency": LATENCY,
    "start": START,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement, taken with each runtime in turn."""

    measure: Measure
    prefetch: int
    size_bytes: int
    """Size of the body of a message."""
    messages: int
    """Number of measured messages, after those of the warm-up; fewer if they take too long."""
    function: str = "echo"
    wait_ms: int = 0
    """Time after which the API answers the function's call."""
    token_uses: int | None = None
    """Calls until an access token expires; None for the usual number of the service."""

    @property
    def name(self) -> str:
        """The name in data and on the terminal: ``throughput oauth2 prefetch 20 1 kB wait 50 ms``."""
        wait = f" wait {self.wait_ms} ms" if self.wait_ms else ""
        return f"{self.measure} {self.function} prefetch {self.prefetch} {size(self.size_bytes)}{wait}"

    @property
    def limit_per_second(self) -> float | None:
        """The arithmetic limit, prefetch / wait, in messages per second; None if the API answers at once."""
        return self.prefetch * 1000 / self.wait_ms if self.wait_ms else None

    @property
    def longest_seconds(self) -> float:
        """The most time for the measured messages."""
        return _LONGEST_WAITING_SECONDS if self.wait_ms else _LONGEST_SECONDS

    @property
    def warm_up(self) -> int:
        """The number of messages before the measured ones."""
        least = 2 * self.prefetch if self.wait_ms else 10
        return max(least, min(_MOST_WARM_UP, int(self.messages * _WARM_UP_PART)))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of its runs."""
        return _METRICS[self.measure]


@dataclass(frozen=True, slots=True)
class Plan:
    """The cases to measure, and the number of rounds."""

    rounds: int
    is_quick: bool = False
    """Whether to measure bodies of one size and waits of one length only."""
    functions: Sequence[str] = FUNCTIONS
    is_of_transports: bool = False
    """Whether to compare the transports of one runtime, with fewer cases of each function."""

    def cases(self) -> Iterator[Case]:
        """Yield the cases in their order."""
        if self.is_of_transports:
            # No refresh: without a lock, the pause before one would be most of the time.
            yield Case("throughput", 20, 1_000, _CALLING_MESSAGES, "oauth2", token_uses=_ENDLESS_USES)
        elif "oauth2" in self.functions:
            yield from self._calling()
        if "echo" in self.functions:
            yield from self._throughput()
            yield Case("latency", 1, 1_000, 1000)
            yield Case("start", 20, 1_000, 5000)

    def _calling(self) -> Iterator[Case]:
        for prefetch in PREFETCHES:
            yield Case("throughput", prefetch, 1_000, _CALLING_MESSAGES, "oauth2")
        for wait_ms in (50,) if self.is_quick else WAITS_MS:
            for prefetch in WAITING_PREFETCHES:
                # Full rounds of the prefetch, since the answers come in groups of so many.
                count = min(_CALLING_MESSAGES, prefetch * (_WAITING_SECONDS * 1000 // wait_ms))
                # About two refreshes in a run, and never fewer calls than the waiting messages repeat after one.
                uses = max(3 * prefetch, count // 2)
                yield Case("throughput", prefetch, 1_000, count, "oauth2", wait_ms, uses)

    def _throughput(self) -> Iterator[Case]:
        for prefetch in PREFETCHES:
            # The Node runtime's client leaves Nagle's algorithm on. One message at a time, and from about 2 kB on, it
            # waits 40 ms for TCP: larger bodies would show this wait, and not the work.
            for size_bytes in (1_000,) if self.is_quick or prefetch == 1 else tuple(MESSAGES):
                count = MESSAGES[size_bytes] * (_ONE_AT_A_TIME_PART if prefetch == 1 else 1.0)
                yield Case("throughput", prefetch, size_bytes, int(count))


def size(size_bytes: int) -> str:
    """Return a size in words.

    >>> [size(200), size(300_000)]
    ['200 B', '300 kB']
    """
    return f"{size_bytes // 1000} kB" if size_bytes >= 1000 else f"{size_bytes} B"


def body_of(size_bytes: int) -> dict[str, Any]:
    """Return a body with a given length as JSON: records like those of an API, and a text that fills the rest.

    >>> len(json.dumps(body_of(1000), separators=(",", ":")))
    1000
    """
    body: dict[str, Any] = {"records": [], "filler": ""}
    left = size_bytes - _length(body)
    while left > (needed := _length(record := _record(len(body["records"]))) + 1):
        body["records"].append(record)
        left -= needed
    body["filler"] = "x" * (size_bytes - _length(body))
    return body


def _record(number: int) -> dict[str, Any]:
    return {
        "id": 100_000 + number,
        "name": "Ada Example",
        "email": "ada@example.com",
        "amount": 1234.5,
        "isActive": True,
        "tags": ["new", "eu"],
        "note": None,
    }


def _length(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))
