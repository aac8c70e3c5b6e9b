"""What tests see of a function's events."""

from pathlib import Path

import pytest

from shipmate.logs.redaction import Redactor
from shipmate.testing import Emissions

STACK = """Traceback (most recent call last):
  File "/component/actions/create.py", line 12, in process
    reply.raise_for_status()
  File "/usr/lib/requests/models.py", line 1021, in raise_for_status
    raise HTTPError(message)
requests.exceptions.HTTPError: 404
"""
ERROR = {"name": "HTTPError", "message": "404 for a-secret-token", "stack": STACK}


def redactor() -> Redactor:
    """Return one that knows a secret."""
    made = Redactor()
    made.add("a-secret-token")
    return made


def test_events_are_found_by_their_kind() -> None:
    """In the order in which they were emitted."""
    emissions = Emissions(
        [
            ("data", {"body": 1}),
            ("snapshot", {"a": 1}),
            ("error", ERROR),
            ("updateKeys", {"oauth": {}}),
            ("updateSnapshot", {"b": 2}),
            ("rebound", "busy"),
            ("httpReply", {"statusCode": 200}),
            ("data", {"body": 2}),
        ]
    )

    assert emissions.data == [{"body": 1}, {"body": 2}]
    assert emissions.errors == [ERROR]
    assert emissions.snapshots == [{"a": 1}, {"b": 2}]
    assert emissions.updated_keys == [{"oauth": {}}]
    assert emissions.rebounds == ["busy"]
    assert emissions.http_replies == [{"statusCode": 200}]
    assert emissions.only("error", "rebound").events == [("error", ERROR), ("rebound", "busy")]


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], "nothing: no event was emitted"),
        ([("data", {"body": 1}), ("data", {"body": 2})], "data: {'body': 1}\ndata: {'body': 2}"),
        ([("data", {"body": 1}), ("rebound", "busy"), ("error", ERROR)], "rebound: busy"),
    ],
)
def test_the_message_is_the_only_one_or_the_test_fails(events: list[tuple[str, object]], found: str) -> None:
    """And then it says what came instead."""
    with pytest.raises(AssertionError) as failure:
        Emissions(events).message  # noqa: B018 - looking it up is what raises

    assert str(failure.value).startswith("expected one message, found ")
    assert found in str(failure.value).replace("'busy'", "busy")


def test_the_only_message_is_returned() -> None:
    """Other events are no reason to fail."""
    assert Emissions([("snapshot", {}), ("data", {"body": 1})]).message == {"body": 1}


def test_an_error_is_shown_with_the_place_in_the_component() -> None:
    """Not with that in the library which raised it."""
    events: list[tuple[str, object]] = [("error", ERROR)]

    own = Emissions(events, redactor(), Path("/component")).summary()
    assert own == 'error: HTTPError: 404 for ***\n    File "/component/actions/create.py", line 12, in process'
    assert Emissions(events).summary().endswith('File "/usr/lib/requests/models.py", line 1021, in raise_for_status')
    assert Emissions([("error", {**ERROR, "stack": None})]).summary().endswith("a-secret-token")


def test_of_many_events_the_first_and_the_last_are_shown() -> None:
    """A failed poll of 250 records must not bury the assertion."""
    events = [("data", {"body": number}) for number in range(250)] + [("snapshot", {})]
    lines = Emissions(events).summary().splitlines()
    bodies = [f"data: {{'body': {number}}}" for number in (0, 1, 2, 247, 248, 249)]
    assert lines == [*bodies[:3], "data: ... 244 more", *bodies[3:], "snapshot: {}"]
    assert len(Emissions(events[:7]).summary().splitlines()) == 7


def test_nothing_shown_has_secrets_or_is_endless() -> None:
    """Failures end up in the logs of CI."""
    emissions = Emissions([("updateKeys", {"oauth": {"access_token": "unknown"}}), ("data", {"body": "x" * 1000})])

    assert "unknown" not in emissions.summary()
    assert emissions.summary().endswith("... (1012 characters)")
    assert repr(emissions) == "Emissions(['updateKeys', 'data'])"
