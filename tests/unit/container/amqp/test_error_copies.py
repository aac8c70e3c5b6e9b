"""The copy of an error is published for a caller who waits, and its loss is no failure of the step."""

import logging

import pytest

from shipmate.container.amqp.error_copies import publish_error_copy
from shipmate.container.amqp.publisher import RoutedPublication
from shipmate.container.transport import Publication
from shipmate.errors import EmitUnconfirmed
from tests.unit.container.amqp.test_routing import METADATA, routing

ERROR = Publication("error", {**METADATA, "reply_to": "answers"}, b"envelope", None, bare_error=b"bare")


def test_only_an_error_has_a_copy() -> None:
    published: list[RoutedPublication] = []
    publish_error_copy(routing(), Publication("data", METADATA, b"body", None), published.append)
    publish_error_copy(routing(), ERROR, published.append)

    assert [each.routing_key for each in published] == ["answers"]


@pytest.mark.parametrize("is_left_to_broker", [True, False])
def test_a_lost_copy_fails_only_while_the_process_stops(
    caplog: pytest.LogCaptureFixture, is_left_to_broker: bool
) -> None:
    def publish(_: RoutedPublication) -> None:
        raise EmitUnconfirmed("not confirmed", is_left_to_broker=is_left_to_broker)

    if is_left_to_broker:
        with pytest.raises(EmitUnconfirmed):
            publish_error_copy(routing(), ERROR, publish)
        return
    with caplog.at_level(logging.WARNING):
        publish_error_copy(routing(), ERROR, publish)
    assert caplog.messages == ["could not publish the copy of an error to reply_to: not confirmed"]
