"""Formats: bunyan's JSON, readable lines, and streams that fail."""

import io
import logging

import pytest

from shipmate.logs import log
from shipmate.logs.log import Redactor, message_logger
from tests.unit.logs.canaries import Coded, Log


def test_levels_are_written_as_bunyan_does(as_json: Log) -> None:
    logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
    logger.trace("t")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "x")
    assert [line["level"] for line in as_json.lines] == [10, 20, 30, 40, 50, 60]


def test_a_json_line_is_what_bunyan_writes(as_json: Log) -> None:
    logger = message_logger("component", thread_id="t", message_id="m", parent_message_id=None)
    logger.info("two\nlines \u2028 %s", {"a": 1}, extra={"count": 3, "level": "mine", "v": 1, "threadId": "other"})
    assert as_json.stream.getvalue().count("\n") == 1
    assert as_json.stream.getvalue().isascii()
    line = as_json.lines[0]
    assert line.pop("time").endswith("Z")
    assert isinstance(line.pop("pid"), int)
    assert line.pop("hostname")
    assert line == {
        "name": "component",
        "ELASTICIO_FLOW_ID": "f1",
        "tag": "f1",
        "threadId": "other",
        "messageId": "m",
        "count": 3,
        "level_": "mine",
        "v_": 1,
        "level": 30,
        "msg": "two\nlines \u2028 {'a': 1}",
        "v": 0,
    }


@pytest.mark.parametrize(
    ("logger", "name", "field"),
    [
        ("shipmate", "sailor", "shipmate"),
        ("shipmate.amqp", "sailor", "shipmate.amqp"),
        ("shipmates", "component", "shipmates"),
        ("urllib3.connectionpool", "component", "urllib3.connectionpool"),
        ("component", "component", None),
    ],
)
def test_lines_are_named_after_runtime_or_component(logger: str, name: str, field: str | None, as_json: Log) -> None:
    logging.getLogger(logger).info("x")
    assert as_json.lines[0]["name"] == name
    assert as_json.lines[0].get("logger") == field


def test_an_exception_is_the_err_member(as_json: Log) -> None:
    logger = logging.getLogger("component")
    for error in (Coded("boom"), ValueError("boom"), SystemExit(3)):
        try:
            raise error
        except BaseException:
            logger.exception("failed")
    logger.error("failed", extra={"err": {"name": "Mine"}})
    logger.error("failed", exc_info=True)
    coded, plain, left, mine, none = (line.get("err", {}) for line in as_json.lines)
    assert (coded["message"], coded["name"], coded["code"]) == ("boom", "Coded", "coded")
    assert "Traceback" in coded["stack"]
    assert "code" not in plain
    assert "code" not in left
    assert mine == {"name": "Mine"}
    assert none == {}


def test_a_terminal_shows_time_level_logger_message_and_fields() -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logging.getLogger("component").info(
            "made", extra={"id": 7, "name_": "a b", "empty": "", "plain": "x", "none": None}
        )
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("component").exception("failed")
    first, second, *rest = stream.getvalue().splitlines()
    assert first[8] == "."
    assert first[12:] == " INFO  component: made id=7 name_='a b' empty='' plain=x none=None"
    assert second[12:] == " ERROR component: failed"
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1] == "ValueError: boom"


def test_what_a_stream_cannot_encode_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logging.getLogger().info("ü \ud800")
    assert raw.getvalue().endswith(b"\\xfc \\ud800\n")


def test_a_stream_that_is_gone_does_not_reach_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        stream.close()
        logging.getLogger().info("x")
    assert "Logging error" in capsys.readouterr().err
