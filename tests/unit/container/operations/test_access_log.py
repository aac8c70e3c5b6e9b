"""The access line: what is in it, and that it belongs to its own message."""

import logging
from collections.abc import Iterator

import pytest

from shipmate import observation
from shipmate.container.operations.access_log import AccessLog
from shipmate.errors import BadSetting
from shipmate.logs.log import delivery_fields, message_fields
from shipmate.settings import OperationsSettings
from tests.unit.logs.canaries import Log


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log(as_json=True)
    with log.configured:
        yield log


def test_the_line_has_outcome_time_events_size_and_ids(log: Log) -> None:
    """It is written when the message ends, with the ids of its own message, whatever its thread does then."""
    with delivery_fields({"threadId": "t1", "messageId": "m1", "deliveryTag": 7}):
        with AccessLog().message({"messageId": "m1"}, "t1", 512) as message:
            for event in ("data", "snapshot", "data"):
                message.emitted(event)
    assert log.lines == []

    with delivery_fields({"threadId": "t2", "deliveryTag": 8}), message_fields("t2", "m2", "p2"):
        message.settled("success")
        logging.getLogger("shipmate.step").info("consuming")

    line, other = log.lines
    assert (line["logger"], line["code"], line["level"], line["msg"]) == (
        "shipmate.access", "access", 30, "a message is done",
    )  # fmt: skip
    assert (line["outcome"], line["events"], line["bytes"]) == ("success", {"data": 2, "snapshot": 1}, 512)
    assert 0 <= line["seconds"] < 5
    assert (line["threadId"], line["messageId"], line["deliveryTag"]) == ("t1", "m1", 7)
    assert "parentMessageId" not in line
    assert (other["threadId"], other["messageId"], other["deliveryTag"]) == ("t2", "m2", 8)


@pytest.mark.parametrize(("value", "is_on"), [(None, False), ("", False), ("false", False), ("true", True)])
def test_nothing_is_observed_unless_it_is_asked_for(value: str | None, is_on: bool) -> None:
    """The cost without it is that of an empty method."""
    settings = OperationsSettings.from_environ({} if value is None else {"SHIPMATE_ACCESS_LOG": value})
    assert settings == OperationsSettings(has_access_log=is_on)
    assert settings.is_asked_for is is_on


def test_another_value_is_an_error() -> None:
    with pytest.raises(BadSetting, match=r"^SHIPMATE_ACCESS_LOG: expected true or false, found 'yes'$"):
        OperationsSettings.from_environ({"SHIPMATE_ACCESS_LOG": "yes"})


def test_the_size_reaches_each_of_several_observers(log: Log) -> None:
    """Metrics and the line are combined."""
    before = observation.current
    observation.use(AccessLog(), AccessLog())
    try:
        observation.current.message({}, "t", 3).settled("left")
    finally:
        observation.current = before

    assert [(line["outcome"], line["bytes"]) for line in log.lines] == [("left", 3), ("left", 3)]
