"""A long run of one runtime with expiring tokens, which looks for leaks and lost messages."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from bench.oauth2_server import WarmUp
from bench.plan import Case
from bench.processes import ProcessTree, VoidRun
from bench.runtimes import Runtime
from bench.station import Station
from bench.verdict import Ledger, Sample, verdict
from shipmate.container.messages.cipher import Undecodable

_FUNCTION: Final = "oauth2"
_WAITING: Final = 500
"""Highest number of messages without an output, so that the input is never empty and never long."""
_SAMPLES: Final = 200
_REFRESHES_PER_WORKER: Final = 8
_USES_PER_WORKER: Final = 3
_ROWS: Final = 20
_STALL_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 0.05
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Soak:
    """The length of a run."""

    messages: int
    prefetch: int

    @property
    def tokens(self) -> WarmUp:
        """The warm-up of the tokens, with enough refreshes that each worker has made one."""
        return WarmUp(_REFRESHES_PER_WORKER * self.prefetch, _USES_PER_WORKER * self.prefetch)

    @property
    def warm_up(self) -> int:
        """The number of messages in the warm-up: a tenth of all, or those of the first refreshes if that is more."""
        return max(self.messages // 10, (self.tokens.refreshes + 1) * self.tokens.uses)


@dataclass(slots=True)
class Books:
    """The sent and received messages, whose bodies are ``{"number": 0}``, ``{"number": 1}``, ..."""

    total: int
    sent: int = 0
    received: int = 0
    changed: int = 0
    seen: bytearray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make a counter for each number."""
        self.seen = bytearray(self.total)

    def receive(self, body: Any) -> None:
        """Count the body of an output."""
        self.received += 1
        number = body.get("number") if isinstance(body, dict) else None
        if isinstance(number, int) and 0 <= number < self.sent:
            self.seen[number] = min(self.seen[number] + 1, 255)
        else:
            self.changed += 1

    @property
    def lost(self) -> int:
        """The number of sent messages without an output."""
        return self.seen[: self.sent].count(0)

    @property
    def doubled(self) -> int:
        """The number of surplus outputs."""
        return sum(count - 1 for count in self.seen if count > 1)


def soak(station: Station, runtime: Runtime, wanted: Soak, *, say: Callable[[str], None]) -> list[str]:
    """Run a runtime for long, print its progress, and return the failures; none if it has passed."""
    station.queues.purge()
    books, samples, failures = Books(wanted.messages), list[Sample](), list[str]()
    say(f"{'messages':>10} {'seconds':>8} {'per second':>10} {'MiB':>7} {'threads':>8} {'files':>6}")
    case = Case("throughput", wanted.prefetch, 1_000, wanted.messages, _FUNCTION)
    with station.start(runtime, case) as tree:
        try:
            _feed(station, tree, books=books, add=lambda sample: _record(samples, sample, say=say, total=books.total))
            tree.stop()
        except VoidRun as reason:
            failures.append(str(reason))
    return [*failures, *verdict(samples, _ledger(station, books, say=say), warm_up=wanted.warm_up)]


def _feed(station: Station, tree: ProcessTree, *, books: Books, add: Callable[[Sample], None]) -> None:
    """Publish inputs and take outputs until all have arrived, and add samples of the runtime.

    Raises:
        VoidRun: The runtime has ended, or no output arrived for a minute.
    """

    def arrived(_channel: Any, _method: Any, _properties: Any, content: bytes) -> None:
        try:
            books.receive(station.decode(content))
        except (Undecodable, ValueError, KeyError, TypeError):
            books.receive(None)

    channel = station.queues.channel
    tag = channel.basic_consume(station.queues.queue("data"), arrived, auto_ack=True)
    every, sampled, begin = max(1, books.total // _SAMPLES), 0, time.perf_counter()
    moved, at = 0, begin
    while books.received < books.total:
        tree.must_live()
        while books.sent < books.total and books.sent - books.received < _WAITING:
            station.publish(station.encode({"number": books.sent}))
            books.sent += 1
        station.queues.wait(_WAIT_SECONDS)
        now = time.perf_counter()
        if books.received > moved:
            moved, at = books.received, now
        elif now - at > _QUIET_SECONDS and books.received + station.queues.depth("error") >= books.total:
            break
        elif now - at > _STALL_SECONDS:
            raise VoidRun(f"no output for {_STALL_SECONDS:.0f} s after {moved} of {books.total}")
        if books.received - sampled >= every or books.received >= books.total:
            sampled = books.received
            add(Sample(sampled, now - begin, tree.rss_bytes(), tree.threads(), tree.descriptors()))
    channel.basic_cancel(tag)


def _record(samples: list[Sample], sample: Sample, *, say: Callable[[str], None], total: int) -> None:
    """Add a sample, and print twenty rows during the run."""
    before = samples[-1].done if samples else -1
    samples.append(sample)
    if sample.done * _ROWS // total > before * _ROWS // total:
        say(
            f"{sample.done:>10,} {sample.seconds:>8.1f} {sample.done / sample.seconds:>10,.0f} "
            f"{sample.rss_bytes / _MIB:>7.1f} {sample.threads:>8} {sample.descriptors:>6}"
        )


def _ledger(station: Station, books: Books, *, say: Callable[[str], None]) -> Ledger:
    """Count the rest of the messages in the queues, and return all counts."""
    queues = station.queues
    errors = queues.drain("error")
    if errors:
        say(f"the first error: {errors[0].error.get('message')}")
    counts = station.service.statistics() if station.service is not None else {}
    say(", ".join(f"{name}: {count:,}" for name, count in counts.items()))
    return Ledger(
        sent=books.sent,
        lost=books.lost,
        doubled=books.doubled + queues.depth("data"),
        changed=books.changed,
        errors=len(errors),
        unacknowledged=queues.depth("input"),
        reused=counts.get("reused", 0),
    )
