"""Codes: a line of the runtime carries the code of its text."""

import io
import logging

from shipmate.logs import log
from shipmate.logs.log import Redactor
from tests.unit.logs.canaries import CANARY, Log


def test_a_line_of_the_runtime_has_the_code_of_its_text(as_json: Log) -> None:
    """Whatever its values are; a line of a component keeps its own fields."""
    logging.getLogger("shipmate.amqp").warning("the %s to the broker was lost: %s", "connection", CANARY)
    logging.getLogger("component").warning("the %s to the broker was lost: %s", "connection", "x", extra={"code": 7})
    logging.getLogger("shipmate.amqp").debug("a text without a code")
    lost, own, other = as_json.lines

    assert lost["code"] == "connection_lost"
    assert own["code"] == 7
    assert "code" not in other


def test_a_reader_sees_no_codes() -> None:
    """The text is there; a component's own field stays."""
    stream = io.StringIO()
    with log.configure(logging.INFO, Redactor(), stream=stream, as_json=False):
        logging.getLogger("shipmate.amqp").warning("the broker blocks publishing")
        logging.getLogger("component").info("made", extra={"code": 7})
    first, second = stream.getvalue().splitlines()

    assert first.endswith("shipmate.amqp: the broker blocks publishing")
    assert second.endswith("component: made code=7")
