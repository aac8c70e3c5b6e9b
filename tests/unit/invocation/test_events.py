"""Every event and its value."""

from typing import Any

import pytest

from shipmate.errors import InvalidMessage, UnknownEvent
from shipmate.invocation.executor import Outcome
from shipmate.invocation.sink import PLATFORM
from tests.unit.invocation.functions import (
    SECRET,
    Collected,
    Run,
    body,
)


def test_every_event_reaches_the_sink_with_its_value(run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        context.emit("rebound", ValueError(f"later {SECRET}"))
        context.emit("rebound", "later")
        context.emit("rebound", {"code": 5})
        context.emit("rebound")
        context.emit("snapshot", [1])
        context.emit("updateSnapshot", {"page": 2})
        context.emit("updateKeys", {"oauth": {"access_token": "a"}})
        context.emit("httpReply", {"statusCode": 200})
        context.emit("end", "ignored")

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.seen == [
        ("rebound", "later ***"),
        ("rebound", "later"),
        ("rebound", "{'code': 5}"),
        ("rebound", "Not Available"),
        ("snapshot", [1]),
        ("updateSnapshot", {"page": 2}),
        ("updateKeys", {"oauth": {"access_token": "a"}}),
        ("httpReply", {"statusCode": 200}),
        ("end", None),
    ]
    assert {event.account for event in sink.events} == {None}


@pytest.mark.parametrize(("value", "found"), [([1], "found list"), ({"$set": {"a": 1}}, "found \\$set: emit what")])
def test_a_snapshot_update_without_effect_is_an_error_on_a_developers_machine(run: Run, value: Any, found: str) -> None:
    """A container ignores it, and the component forgets its place."""

    def function(context: Any, *_: Any) -> None:
        with pytest.raises(InvalidMessage, match=found):
            context.emit("updateSnapshot", value)

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.events == []


def test_a_snapshot_update_with_what_is_no_object_is_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Contract §6.4: it is logged, and no failure."""
    sink = Collected()
    sink.rules = PLATFORM
    assert run(lambda context, *_: context.emit("updateSnapshot", [1]), sink) == Outcome(0)
    assert sink.events == []
    assert "updateSnapshot takes an object" in caplog.text


@pytest.mark.parametrize("event", ["updateKeys", "httpReply"])
def test_events_that_need_an_object_refuse_other_values(event: str, run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        with pytest.raises(InvalidMessage, match="needs an object, found list"):
            context.emit(event, [])

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.events == []


def test_a_snapshot_update_with_mongo_operators_is_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def function(context: Any, *_: Any) -> None:
        await context.emit("updateSnapshot", {"$set": {"a": 1}})

    sink = Collected()
    sink.rules = PLATFORM
    assert run(function, sink) == Outcome(0)
    assert sink.events == []
    assert "$set" in caplog.text


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("dta", 'Did you mean "data"'),
        ("xyz", r'There is no event "xyz"\. Known events: data, error'),
        (body(1), "name of an event, found dict"),
        (5, "found int"),
    ],
)
def test_an_unknown_event_is_refused_with_those_that_exist(event: Any, says: str, run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        with pytest.raises(UnknownEvent, match=says):
            context.emit(event, body(1))

    assert run(function, Collected()) == Outcome(0)


def test_what_is_emitted_is_copied_and_left_as_it_was(run: Run) -> None:
    emitted = {"body": {"list": [1]}}

    def function(context: Any, *_: Any) -> None:
        context.emit("data", emitted)
        emitted["body"]["list"].append(2)

    sink = Collected()
    run(function, sink)
    sink.events[0].value["headers"] = {}
    assert sink.events[0].value["body"] == {"list": [1]}
    assert emitted == {"body": {"list": [1, 2]}}
