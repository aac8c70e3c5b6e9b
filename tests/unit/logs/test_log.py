"""The log: levels, loggers of messages, and configuring."""

import io
import logging
import os
import subprocess
import sys

import pytest

from shipmate.logs import log
from shipmate.logs.log import TRACE, Redactor, message_logger, parse_level
from tests.unit.logs.canaries import Log


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("trace", 5),
        ("Debug", 10),
        (" INFO ", 20),
        ("warn", 30),
        ("WARNING", 30),
        ("error", 40),
        ("fatal", 50),
        ("10", 5),
        ("20", 10),
        ("35", 25),
        ("60", 50),
        ("61", 20),
        ("9", 20),
        ("-5", 20),
        ("loud", 20),
        ("", 20),
        (None, 20),
    ],
)
def test_levels_are_read_as_bunyan_writes_them(text: str | None, level: int) -> None:
    assert parse_level(text) == level


def test_levels_below_the_configured_one_are_left_out() -> None:
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
        logger.trace("no")
        logger.debug("no")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_and_restoring_undoes() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogRecordFactory()
    first, second = io.StringIO(), io.StringIO()
    outer = log.configure(logging.INFO, Redactor(), stream=first, as_json=False)
    inner = log.configure(logging.INFO, Redactor(), stream=second, as_json=False)
    logging.getLogger().info("once")
    inner.restore()
    logging.getLogger().info("again")
    outer.restore()
    assert (first.getvalue().count("again"), second.getvalue().count("once")) == (1, 1)
    assert "once" not in first.getvalue()
    assert (root.handlers, root.level, logging.getLogRecordFactory()) == before


def test_a_record_factory_of_others_is_kept() -> None:
    class Own(logging.LogRecord):
        pass

    original = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        with log.configure(logging.INFO, Redactor(), stream=io.StringIO(), as_json=False):
            assert type(logging.getLogRecordFactory()("n", 20, "p", 1, "m", (), None)) is Own
        assert logging.getLogRecordFactory() is Own
    finally:
        logging.setLogRecordFactory(original)


def test_message_loggers_are_standard_but_not_registered(as_json: Log) -> None:
    known = set(logging.Logger.manager.loggerDict)
    logger = message_logger("component", thread_id="t", message_id="m", parent_message_id="p")
    assert isinstance(logger, logging.Logger)
    child = logger.getChild("part")
    child.info("x")
    assert set(logging.Logger.manager.loggerDict) - known <= {"component", "component.part"}
    assert logging.getLogger("component") is not logger
    line = as_json.lines[0]
    assert (line["logger"], line["threadId"], line["messageId"], line["parentMessageId"]) == (
        "component.part",
        "t",
        "m",
        "p",
    )


def test_a_trace_record_names_the_line_that_wrote_it() -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = message_logger("component", thread_id=None, message_id=None, parent_message_id=None)
    logger.setLevel(TRACE)
    logger.addHandler(Keep())
    logger.trace("x")
    assert records[0].filename == "test_log.py"


def test_nothing_heavy_is_imported_for_the_log() -> None:
    code = "import sys, shipmate.logs.log; print({'asyncio', 'requests', 'orjson', 'jsonschema'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def test_a_child_of_a_messages_logger_has_fields_of_its_own(as_json: Log) -> None:
    """Contract 13: it keeps the ids of the message, and does not change its parent."""
    parent = message_logger("component", thread_id="t", message_id=None, parent_message_id=None)
    parent.child({"order": 7}).warning("first")
    parent.warning("second")
    first, second = as_json.lines
    assert (first["order"], first["threadId"], first["name"]) == (7, "t", "component")
    assert (second.get("order"), second["threadId"]) == (None, "t")
