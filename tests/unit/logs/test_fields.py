"""Fields: records carry the ids of the message in work."""

import logging

from shipmate.logs.log import delivery_fields, message_fields
from tests.unit.logs.canaries import Log


def test_other_loggers_carry_the_ids_while_a_message_is_processed(as_json: Log) -> None:
    logger = logging.getLogger("shipmate.oauth2")
    with message_fields("t", "m", None):
        logger.info("during")
    logger.info("after")
    during, after = as_json.lines
    assert (during["threadId"], during["messageId"]) == ("t", "m")
    assert "parentMessageId" not in during
    assert "threadId" not in after


def test_only_the_runtimes_records_name_the_delivery(as_json: Log) -> None:
    with delivery_fields({"deliveryTag": 7}):
        logging.getLogger("shipmate.step").info("runtime")
        logging.getLogger("component").info("author")
    logging.getLogger("shipmate.step").info("after")
    assert [line.get("deliveryTag") for line in as_json.lines] == [7, None, None]
