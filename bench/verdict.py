"""What a long run must show: nothing lost, nothing grown. Pure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_GROWTH: Final = 1.05
_PART: Final = 0.1
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a runtime holds at a moment."""

    done: int
    """How many outputs have come so far."""
    seconds: float
    rss_bytes: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of the messages and of the refresh tokens."""

    sent: int
    lost: int
    doubled: int
    changed: int
    """How many outputs did not have the body of an input."""
    errors: int
    unacknowledged: int
    reused: int
    """How many times a refresh token came that had been spent."""


def verdict(samples: Sequence[Sample], ledger: Ledger, *, warm_up: int) -> list[str]:
    """Return what speaks against a run: nothing when it has passed.

    The tenth of the run that follows the warm-up is held against the last one.
    """
    return [*_complaints_about(ledger), *_growth(samples, ledger.sent, warm_up=warm_up)]


def _complaints_about(ledger: Ledger) -> list[str]:
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
        return ["the run was too short to tell whether anything grew"]
    complaints = []
    before, after = (statistics.median(each.rss_bytes for each in part) / _MIB for part in (first, last))
    if after > before * _GROWTH:
        complaints.append(f"memory grew by {after / before - 1:.1%}, from {before:.1f} to {after:.1f} MiB")
    complaints += _more("threads", lambda sample: sample.threads, first=first, last=last)
    complaints += _more("file descriptors", lambda sample: sample.descriptors, first=first, last=last)
    return complaints


def _more(what: str, read: Callable[[Sample], int], *, first: Sequence[Sample], last: Sequence[Sample]) -> list[str]:
    # One more may be open for a moment, so it is not the highest number that counts.
    before, after = (statistics.median(map(read, part)) for part in (first, last))
    return [f"{what} grew from {before:g} to {after:g}"] if after > before else []
