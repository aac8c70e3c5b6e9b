"""The verdict on a long run: no message lost, no memory or descriptor leaked. Pure functions."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_GROWTH: Final = 1.05
_PART: Final = 0.1
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The resources of a runtime at a moment."""

    done: int
    """Number of outputs so far."""
    seconds: float
    rss_bytes: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counts of messages and refresh tokens after a run."""

    sent: int
    lost: int
    doubled: int
    changed: int
    """Outputs without the body of an input."""
    errors: int
    unacknowledged: int
    reused: int
    """Uses of a spent refresh token."""


def verdict(samples: Sequence[Sample], ledger: Ledger, *, warm_up: int) -> list[str]:
    """Return the failures of a run; none if it has passed.

    Growth is the difference between the last tenth of the run and the tenth after the warm-up.
    """
    return [*_wrong_counts(ledger), *_growth(samples, ledger.sent, warm_up=warm_up)]


def _wrong_counts(ledger: Ledger) -> list[str]:
    counts = {
        "messages were lost": ledger.lost,
        "outputs came twice": ledger.doubled,
        "outputs had another body than any input": ledger.changed,
        "errors were published": ledger.errors,
        "messages were not acknowledged": ledger.unacknowledged,
        "refresh tokens were used twice": ledger.reused,
    }
    return [f"{count} of {ledger.sent} {what}" for what, count in counts.items() if count]


def _growth(samples: Sequence[Sample], total: int, *, warm_up: int) -> list[str]:
    part = total * _PART
    first = [each for each in samples if warm_up <= each.done <= warm_up + part]
    last = [each for each in samples if each.done >= total - part]
    if not first or not last or first[-1].done >= last[0].done:
        return ["the run was too short to measure growth"]
    failures = []
    before, after = (statistics.median(each.rss_bytes for each in part) / _MIB for part in (first, last))
    if after > before * _GROWTH:
        failures.append(f"memory grew by {after / before - 1:.1%}, from {before:.1f} to {after:.1f} MiB")
    failures += _more("threads", lambda sample: sample.threads, first=first, last=last)
    failures += _more("file descriptors", lambda sample: sample.descriptors, first=first, last=last)
    return failures


def _more(what: str, read: Callable[[Sample], int], *, first: Sequence[Sample], last: Sequence[Sample]) -> list[str]:
    # The median, not the maximum: one more may be open for a moment.
    before, after = (statistics.median(map(read, part)) for part in (first, last))
    return [f"{what} grew from {before:g} to {after:g}"] if after > before else []
