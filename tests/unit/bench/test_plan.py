"""What is measured."""

import json

import pytest

from bench.plan import MESSAGES, PREFETCHES, Plan, body_of


@pytest.mark.parametrize("size_bytes", MESSAGES)
def test_a_body_has_exactly_the_size_that_is_asked_for(size_bytes: int) -> None:
    """The table says 10 kB, so it is 10 kB that every runtime got."""
    assert len(json.dumps(body_of(size_bytes), separators=(",", ":"))) == size_bytes


def test_the_whole_plan_has_every_prefetch_with_every_size() -> None:
    """No combination is left out because it looks bad."""
    cases = list(Plan(rounds=3).cases())

    throughput = {(case.prefetch, case.size_bytes) for case in cases if case.measure == "throughput"}
    assert throughput == {(prefetch, size_bytes) for prefetch in PREFETCHES for size_bytes in MESSAGES}
    assert {case.measure for case in cases} == {"throughput", "latency", "start"}


def test_the_quick_plan_measures_the_same_things_with_one_size() -> None:
    """A short run answers the same questions, with fewer points."""
    cases = list(Plan(rounds=3, is_quick=True).cases())

    assert {case.size_bytes for case in cases} == {1_000}
    assert {case.measure for case in cases} == {"throughput", "latency", "start"}


def test_the_plan_of_another_function_measures_that_function_alone() -> None:
    """The scenario with a token has nothing of the echo in it."""
    assert {case.function for case in Plan(rounds=3, function="oauth2").cases()} == {"oauth2"}
