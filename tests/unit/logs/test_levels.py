"""Levels: the one of the log, and those of single loggers."""

import logging

import pytest

from shipmate.errors import BadSetting
from shipmate.logs import log
from shipmate.logs.levels import parse_levels
from shipmate.logs.log import TRACE, message_logger
from tests.unit.logs.canaries import Log


def test_levels_of_loggers_are_names_or_numbers() -> None:
    text = " shipmate.oauth2 = DEBUG ,urllib3=40,component=trace, "
    assert parse_levels(text) == {"shipmate.oauth2": logging.DEBUG, "urllib3": logging.WARNING, "component": TRACE}
    assert parse_levels("") == parse_levels(None) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shipmate", "expected logger=level, separated by commas, such as .*; found 'shipmate'"),
        ("=debug", "expected logger=level, .*; found '=debug'"),
        ("a=", "expected logger=level, .*; found 'a='"),
        ("a=info b=debug", "expected trace, debug, .*; found 'a=info b=debug'"),
        ("a b=debug", "expected logger=level, .*; found 'a b=debug'"),
        ("ok=info,a=loud", "expected trace, debug, info, warn, error or fatal, or 10 to 60, .*; found 'a=loud'"),
        ("a=9", "expected trace, .*; found 'a=9'"),
        ("a=debug,a=info", "expected each logger once; found 'a=info'"),
        ("a\n=loud" + 100 * "x", r"found 'a\\n=loudx{70,80}\.\.\.'"),
    ],
)
def test_a_wrong_part_is_named(text: str, problem: str) -> None:
    """One line says what was expected; a long text is cut."""
    with pytest.raises(BadSetting, match=f"^SHIPMATE_LOG_LEVELS: .*{problem}$"):
        parse_levels(text)


def test_a_logger_with_a_level_of_its_own_ignores_that_of_the_log(as_json: Log) -> None:
    """In both directions, for the loggers below it, and for the logger of a message."""
    names = ("app", "app.part", "component", "other")
    logging.getLogger().setLevel(logging.INFO)
    with log.set_levels({"app": logging.DEBUG, "component": logging.ERROR}):
        for name in names:
            logging.getLogger(name).debug("fine")
        logger = message_logger("component", thread_id="t", message_id=None, parent_message_id=None)
        logger.warning("less")
        logger.error("more")
    for name in names:
        logging.getLogger(name).debug("after")

    assert [(line["logger"], line["msg"]) for line in as_json.lines[:-1]] == [("app", "fine"), ("app.part", "fine")]
    assert as_json.lines[-1]["msg"] == "more"
