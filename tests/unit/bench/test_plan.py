"""What is measured."""

import json

import pytest

from bench.plan import MESSAGES, PREFETCHES, WAITING_PREFETCHES, WAITS_MS, Case, Plan, body_of


@pytest.mark.parametrize("size_bytes", MESSAGES)
def test_a_body_has_exactly_the_size_that_is_asked_for(size_bytes: int) -> None:
    """The table says 10 kB, so it is 10 kB that every runtime got."""
    assert len(json.dumps(body_of(size_bytes), separators=(",", ":"))) == size_bytes


def test_the_whole_plan_has_every_prefetch_with_every_size() -> None:
    """No combination is left out because it looks bad; at prefetch 1 the size changes little but Node's waits."""
    cases = list(Plan(rounds=3, functions=("echo",)).cases())

    throughput = {(case.prefetch, case.size_bytes) for case in cases if case.measure == "throughput"}
    assert throughput == {(1, 1_000), *((prefetch, size) for prefetch in PREFETCHES[1:] for size in MESSAGES)}
    assert {case.measure for case in cases} == {"throughput", "latency", "start"}


def test_the_plan_begins_with_the_main_job_at_once_and_after_each_wait() -> None:
    """A call for each message is what components do; the echo shows the loop alone."""
    cases = list(Plan(rounds=3).cases())
    calls = [case for case in cases if case.function == "oauth2"]

    assert cases[: len(calls)] == calls
    assert {(case.prefetch, case.wait_ms) for case in calls} == {
        *((prefetch, 0) for prefetch in PREFETCHES),
        *((prefetch, wait_ms) for prefetch in WAITING_PREFETCHES for wait_ms in WAITS_MS),
    }
    assert {case.function for case in cases} == {"oauth2", "echo"}


@pytest.mark.parametrize("case", [case for case in Plan(rounds=3).cases() if case.wait_ms], ids=lambda case: case.name)
def test_a_case_that_waits_has_as_many_messages_as_its_rate_allows(case: Case) -> None:
    """Answers come in groups of the prefetch: parts of a group would make the rate look higher or lower."""
    assert case.limit_per_second == case.prefetch / (case.wait_ms / 1000)
    assert case.messages / case.limit_per_second <= 3
    assert case.messages % case.prefetch == case.warm_up % case.prefetch == 0
    assert case.warm_up >= 2 * case.prefetch


@pytest.mark.parametrize("case", [case for case in Plan(rounds=3).cases() if case.wait_ms], ids=lambda case: case.name)
def test_a_token_expires_within_each_run_that_waits(case: Case) -> None:
    """A refresh belongs to the job; with fewer uses, messages could use up the new token before others repeat."""
    assert case.token_uses is not None
    assert 3 * case.prefetch <= case.token_uses < case.messages


def test_a_function_that_does_not_wait_has_no_limit() -> None:
    """Nothing but the machine limits it."""
    assert Case("throughput", 20, 1_000, 10).limit_per_second is None


def test_the_quick_plan_measures_the_same_things_with_one_size_and_one_wait() -> None:
    """A short run answers the same questions, with fewer points."""
    cases = list(Plan(rounds=3, is_quick=True).cases())

    assert {case.size_bytes for case in cases} == {1_000}
    assert {case.wait_ms for case in cases} == {0, 50}
    assert {case.function for case in cases} == {"oauth2", "echo"}
    assert {case.measure for case in cases} == {"throughput", "latency", "start"}


def test_the_plan_of_one_function_measures_that_function_alone() -> None:
    """The scenario with a token has nothing of the echo in it."""
    assert {case.function for case in Plan(rounds=3, functions=("oauth2",)).cases()} == {"oauth2"}


def test_the_comparison_of_the_transports_refreshes_no_token() -> None:
    """Without a lock the pause before a refresh would be most of the time."""
    cases = list(Plan(rounds=3, is_of_transports=True).cases())
    (calls,) = [case for case in cases if case.function == "oauth2"]
    assert calls.token_uses is not None
    assert calls.token_uses > calls.messages + calls.warm_up
    assert {case.measure for case in cases} == {"throughput", "latency", "start"}
