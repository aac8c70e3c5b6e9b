"""When a request is sent again."""

import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shipmate.emulator import Fault
from shipmate.errors import BadInput, InvalidOption
from shipmate.session.policy import Failure, Policy
from tests.unit.session.conftest import QUICK, Desk, in_threads

STEADY = Policy(jitter=0.0)


def pause(policy: Policy, failure: Failure, attempt: int = 1, elapsed: float = 0.0, now: float = 0.0) -> float | None:
    return policy.pause_seconds(failure, attempt, elapsed_seconds=elapsed, chance=1.0, now=now)


# --- decisions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "repeats"),
    [
        (Failure("GET", 503), True),
        (Failure("PUT", None), True),
        (Failure("POST", 503), False),
        (Failure("POST", None), False),
        (Failure("POST", 429), True),
        (Failure("POST", 503, is_marked=True), True),
        (Failure("POST", None, was_sent=False), True),
        (Failure("GET", 404), False),
        (Failure("GET", 501), False),
    ],
)
def test_only_what_is_safe_to_repeat_is_repeated(failure: Failure, repeats: bool) -> None:
    assert (pause(STEADY, failure) is not None) is repeats


def test_a_status_that_means_refused_lets_every_method_be_sent_again() -> None:
    """Podio answers 420 to an account that has sent too many requests."""
    refused = Policy(refusals="429, 420")
    assert pause(refused, Failure("POST", 420)) is not None
    assert pause(refused, Failure("POST", 429)) is not None
    assert pause(refused, Failure("POST", 503)) is None
    assert not refused.is_unclear(Failure("DELETE", 420))
    assert pause(Policy(), Failure("POST", 420)) is None
    assert pause(Policy(statuses="500"), Failure("GET", 429)) is None


def test_all_and_none_repeat_all_and_none() -> None:
    assert pause(Policy(repeat="all"), Failure("POST", 503)) is not None
    assert pause(Policy(repeat="none"), Failure("GET", 503)) is None
    assert pause(Policy(statuses="404"), Failure("GET", 404)) is not None


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [("geometric", [2, 4, 8]), ("arithmetic", [2, 4, 6]), ("none", [2, 2, 2])],
)
def test_pauses_grow_as_the_backoff_says(backoff: Any, pauses: list[float]) -> None:
    policy = Policy(delay_seconds=2, backoff=backoff, jitter=0.0)
    assert [pause(policy, Failure("GET", 503), attempt) for attempt in (1, 2, 3, 4)] == [*pauses, None]


def test_retry_after_counts_in_both_forms_up_to_the_longest_pause() -> None:
    date = "Thu, 01 Jan 1970 00:02:00 GMT"
    assert pause(STEADY, Failure("GET", 503, "7")) == 7
    assert pause(STEADY, Failure("GET", 503, date), now=90.0) == 30
    assert pause(STEADY, Failure("GET", 503, date), now=900.0) == 0
    assert pause(STEADY, Failure("GET", 503, "86400")) == 60
    assert pause(STEADY, Failure("GET", 503, "soon")) == 0.5
    assert pause(Policy(jitter=0.0, retry_after=False), Failure("GET", 503, "7")) == 0.5


def test_no_pause_begins_that_would_end_after_the_budget() -> None:
    policy = Policy(budget_seconds=10, jitter=0.0)
    assert pause(policy, Failure("GET", 503, "4"), elapsed=6.0) == 4
    assert pause(policy, Failure("GET", 503, "4"), elapsed=6.1) is None


@given(attempt=st.integers(1, 50), chance=st.floats(0, 1), retry_after=st.none() | st.text(max_size=12))
def test_a_pause_is_never_negative_nor_longer_than_the_longest(
    attempt: int, chance: float, retry_after: str | None
) -> None:
    policy = Policy(attempts=100, longest_pause_seconds=9.0)
    found = policy.pause_seconds(Failure("GET", 503, retry_after), attempt, elapsed_seconds=0.0, chance=chance, now=0.0)
    assert found is not None
    assert 0 <= found <= 9.0


@pytest.mark.parametrize(
    "options",
    [{"attempts": 0}, {"delay_seconds": -1}, {"backoff": "x"}, {"repeat": "x"}, {"calls_per_second": 0}],
)
def test_impossible_values_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=next(iter(options))):
        Policy(**options)


def test_statuses_that_are_none_are_refused() -> None:
    for text in ("5xx", "99", "600", "500-400", "500-", "-"):
        with pytest.raises(BadInput, match="statuses"):
            Policy(statuses=text)


# --- fields ------------------------------------------------------------------------------------------------


def test_fields_change_the_policy_and_empty_ones_do_not() -> None:
    assert Policy().with_fields({"retries": "", "retriesDelay": None, "other": 1}) == Policy()
    changed = Policy().with_fields({"retries": "2", "retriesDelay": "3000", "callsPerSecond": "5"})
    assert changed == Policy(attempts=3, delay_seconds=3.0, backoff="none", calls_per_second=5.0)
    assert Policy().with_fields({"retries": 0}).attempts == 1


@pytest.mark.parametrize(
    ("field", "value"), [("retries", "11"), ("retries", "many"), ("retriesDelay", "-1"), ("retries", True)]
)
def test_a_field_out_of_range_is_told(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=rf"^{field}: expected a number from 0 to"):
        Policy().with_fields({field: value})


@pytest.mark.parametrize(
    ("fields", "expected", "text"),
    [
        ({"retries": "15"}, Policy(attempts=11), "retries: expected a number from 0 to 10, found '15'; 10 is used"),
        ({"retries": "abc"}, Policy(), "retries: expected a number from 0 to 10, found 'abc'; the default is used"),
        ({"retries": "-3"}, Policy(attempts=1), "found '-3'; 0 is used"),
        ({"retriesDelay": "100000"}, Policy(delay_seconds=60.0, backoff="none"), "found '100000'; 60000 is used"),
        ({"retriesDelay": "soon"}, Policy(), "retriesDelay: expected a number from 0 to 60000, found 'soon'; the def"),
        ({"callsPerSecond": "5000"}, Policy(calls_per_second=1000), "found '5000'; 1000 is used"),
    ],
)
def test_a_message_goes_on_with_a_limited_value(fields: dict[str, Any], expected: Policy, text: str) -> None:
    """Published components accept it, and nobody can change their accounts."""
    notes: list[str] = []
    assert Policy().with_fields(fields, notes.append) == expected
    assert len(notes) == 1
    assert text in notes[0]


def test_a_wrong_number_of_a_secret_is_shown_once_and_refused_when_the_account_is_verified(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The person needs to see it, and can correct it there."""
    fields = {"retries": "15", "retriesDelay": "100000", "timeout": "0", "requestTimeoutPeriod": "9000000"}
    desk.platform.secrets["s"] = {"type": "noauth", "credentials": {"fields": fields}}
    for _ in range(3):
        session = desk.session({"secretId": "s"})
        assert (session.policy.attempts, session.policy.delay_seconds) == (11, 60.0)
        assert session.timeout == (10.0, 1200.0)
    texts = [desk.redactor.redact(record.getMessage()) for record in caplog.records if record.levelname == "WARNING"]
    assert [text.partition("found ")[2] for text in texts] == [
        "'15'; 10 is used",
        "'100000'; 60000 is used",
        "'9000000'; 1200000 is used",
        "'0'; the default is used",
    ]
    desk.call.is_verification = True
    with pytest.raises(BadInput, match=r"^retries: expected a number from 0 to 10"):
        _ = desk.session({"secretId": "s"}).policy


# --- sessions ----------------------------------------------------------------------------------------------


def test_a_get_is_sent_again_and_a_post_only_if_marked(desk: Desk) -> None:
    for method, options, statuses in (
        ("GET", {}, [503, 200]),
        ("POST", {}, [503]),
        ("POST", {"repeatable": True}, [503, 201]),
        ("POST", {"headers": {"Idempotency-Key": "1"}}, [503, 201]),
    ):
        desk.api.script("/me", Fault(status=503))
        before = len(desk.statuses())
        response = desk.session({}).request(method, desk.api.url + "/me", **options)  # type: ignore[arg-type]
        assert desk.statuses()[before:] == statuses
        assert response.status_code == statuses[-1]


def test_a_lost_connection_is_tried_again_until_no_attempt_is_left(desk: Desk) -> None:
    desk.api.script("/me", Fault(drop="before"), Fault(drop="before"))
    assert desk.session({}).get(desk.api.url + "/me").ok
    desk.api.script("/me", *[Fault(drop="before")] * 9)
    with pytest.raises(requests.ConnectionError):
        desk.session({"retries": "1"}).get(desk.api.url + "/me")


def test_a_body_that_cannot_be_sent_twice_is_sent_once(desk: Desk) -> None:
    desk.api.script("/me", Fault(status=503))
    assert desk.session({}).post(desk.api.url + "/me", data=iter([b"x"]), repeatable=True).status_code == 503
    desk.api.script("/me", Fault(status=503))
    assert desk.session({}).post(desk.api.url + "/me", data=lambda: b"again", repeatable=True).status_code == 201
    assert [each.body for each in desk.api.journal.of("api")[1:]] == [b"again", b"again"]


def test_a_stop_of_the_process_ends_a_pause(desk: Desk) -> None:
    desk.api.script("/me", Fault(status=503))
    session = desk.session({}, policy=Policy(delay_seconds=50.0))
    done = threading.Event()
    found: list[int] = []

    def work() -> None:
        found.append(session.get(desk.api.url + "/me").status_code)
        done.set()

    threading.Thread(target=work, daemon=True).start()
    desk.api.journal.wait_for(1, server="api")
    desk.lazy.hurry()
    assert done.wait(10)
    assert found == [503]


def test_threads_of_an_account_share_its_rate(desk: Desk) -> None:
    _ = desk.services
    session = desk.session({"callsPerSecond": "20"})
    begun = time.monotonic()
    in_threads(5, lambda number: session.get(desk.api.url + "/me"))
    assert time.monotonic() - begun >= 4 / 20


def test_context_oauth2_refuses_the_argument_of_the_other_sessions(desk: Desk) -> None:
    from shipmate.oauth2.api import open_session

    session = open_session({}, {}, call=desk.call, services=desk.services.oauth2)
    with pytest.raises(InvalidOption, match="repeatable"):
        session.get(desk.api.url, repeatable=True)


def test_the_policy_may_be_an_option(desk: Desk) -> None:
    assert desk.session({"retries": "2"}, policy=QUICK).policy.attempts == 3
    assert desk.session({}, policy=QUICK).policy is QUICK
