"""When a long run has passed, and when it has not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.soak import Books, Soak
from bench.verdict import Ledger, Sample
from bench.verdict import verdict as verdict_of

MIB = 2**20
GOOD = Ledger(sent=1000, lost=0, doubled=0, changed=0, errors=0, unacknowledged=0, reused=0)


def samples_of(
    mib: Callable[[float], float] = lambda part: 40,
    threads: Callable[[float], int] = lambda part: 22,
    files: Callable[[float], int] = lambda part: 30,
) -> list[Sample]:
    """Return the samples of a run of 1000 messages; each is a function of how far the run is, from 0 to 1."""
    parts = [number / 100 for number in range(1, 101)]
    return [Sample(int(part * 1000), part, int(mib(part) * MIB), threads(part), files(part)) for part in parts]


def verdict(samples: list[Sample], ledger: Ledger) -> list[str]:
    """Return what speaks against a run whose first tenth is the warm-up."""
    return verdict_of(samples, ledger, warm_up=100)


def test_a_run_that_stays_as_it_was_passes() -> None:
    """Memory may waver by some percent."""
    assert verdict(samples_of(mib=lambda part: 40 + 1.9 * part), GOOD) == []


def test_what_grows_while_warming_up_is_no_leak() -> None:
    """Threads, connections and caches come with the first messages."""
    grown = samples_of(
        mib=lambda part: 20 if part < 0.1 else 40,
        threads=lambda part: 3 if part < 0.1 else 22,
        files=lambda part: 9 if part < 0.1 else 30,
    )

    assert verdict(grown, GOOD) == []


def test_memory_that_grows_by_more_than_five_percent_fails() -> None:
    """The sentence says by how much, and from where to where."""
    assert verdict(samples_of(mib=lambda part: 40 + 4 * part), GOOD) == [
        "memory grew by 7.9%, from 40.6 to 43.8 MiB",
    ]


def test_a_thread_or_a_file_that_came_to_stay_fails() -> None:
    """They are few and countable, so nothing is tolerated."""
    grown = samples_of(threads=lambda part: 22 + (part > 0.5), files=lambda part: 30 + int(part * 10))

    assert verdict(grown, GOOD) == ["threads grew from 22 to 23", "file descriptors grew from 31 to 39"]


def test_a_file_that_is_open_for_a_moment_is_no_leak() -> None:
    """A refresh opens a connection and closes it again."""
    assert verdict(samples_of(files=lambda part: 31 if part == 0.95 else 30), GOOD) == []


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("lost", "2 of 1000 messages were lost"),
        ("doubled", "2 of 1000 outputs came twice"),
        ("changed", "2 of 1000 outputs had another body than any input"),
        ("errors", "2 of 1000 errors were published"),
        ("unacknowledged", "2 of 1000 messages were not acknowledged"),
        ("reused", "2 of 1000 refresh tokens were used twice"),
    ],
)
def test_every_message_and_every_refresh_token_counts(name: str, complaint: str) -> None:
    """One that is lost among a hundred thousand is one too many."""
    assert verdict(samples_of(), replace(GOOD, **{name: 2})) == [complaint]


def test_a_run_that_was_not_watched_to_its_end_does_not_pass() -> None:
    """Nothing measured is not nothing grown."""
    assert verdict(samples_of()[:50], GOOD) == ["the run was too short to measure growth"]


def test_the_books_tell_lost_doubled_and_changed_messages_apart() -> None:
    """Equal numbers of messages out and in are not enough: one may be lost while another comes twice."""
    books = Books(4, sent=4)
    for body in ({"number": 0}, {"number": 2}, {"number": 2}, {"number": 9}, None):
        books.receive(body)

    assert (books.received, books.lost, books.doubled, books.changed) == (5, 2, 1, 2)


def test_a_run_that_is_hardly_longer_than_its_warm_up_does_not_pass() -> None:
    """What follows the warm-up would be compared with itself."""
    assert verdict_of(samples_of(), GOOD, warm_up=850) == ["the run was too short to measure growth"]


def test_the_warm_up_is_a_tenth_of_a_run_or_long_enough_for_each_worker_to_refresh() -> None:
    """Each worker opens a connection to the platform with its first refresh, and that is no leak."""
    assert Soak(messages=200_000, prefetch=20).warm_up == 20_000
    assert Soak(messages=20_000, prefetch=20).warm_up == (8 * 20 + 1) * 3 * 20
