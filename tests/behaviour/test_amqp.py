"""What a step does at RabbitMQ alone: routing keys, copies of errors, replies, rebounds, and what is not routed."""

import json
import time
import uuid
from threading import Thread

import pytest

from shipmate.emulator import Platform, RabbitMQNode, StepQueues
from tests.container import eventually
from tests.station import AmqpStation, StartAmqp, commands

MORE_THAN_A_FRAME = 200_000


def test_persistence_is_a_setting(start_amqp: StartAmqp) -> None:
    """Contract 3.5: delivery mode 2 where it is asked for."""
    done = start_amqp(AMQP_PERSISTENT_MESSAGES="true").deliver({"body": {"return": {"body": 1}}})
    assert done.data[0].properties.delivery_mode == 2


def test_a_message_that_is_too_large_is_named_with_a_full_stop(start_amqp: StartAmqp) -> None:
    """Contract 6.1."""
    done = start_amqp(OUTGOING_MESSAGE_SIZE_LIMIT=200).deliver(commands(["emit", "data", {"body": "x" * 200}]))
    assert done.errors[0].error["message"].endswith(" exceeds limit of 200.")


def test_the_copy_of_an_error_goes_to_the_caller_who_waits(start_amqp: StartAmqp) -> None:
    """Contract 6.2: the encrypted error alone."""
    station = start_amqp()
    done = station.deliver(commands(["raise", "it failed"]), headers={"reply_to": station.reply_to})
    (error,), (reply,) = done.errors, done.replies
    assert reply.headers["x-eio-error-response"] is True
    assert reply.headers["messageId"] != error.headers["messageId"]
    assert json.loads(station.cipher.decode(reply.body, 1)) == error.error


def test_error_copies_can_be_switched_off(start_amqp: StartAmqp) -> None:
    """Contract 2.4: NO_ERROR_REPLIES."""
    station = start_amqp(NO_ERROR_REPLIES="true")
    done = station.deliver(commands(["raise", "it failed"]), headers={"reply_to": station.reply_to})
    assert [each.error["message"] for each in done.errors] == ["it failed"]
    assert done.replies == []
    assert not done.is_success


def test_a_rebound_comes_back_after_its_time(start_amqp: StartAmqp) -> None:
    """A numeric text is no iteration; the broker delivers the message again."""
    station = start_amqp(REBOUND_INITIAL_EXPIRATION=1, REBOUND_LIMIT=1)
    message = commands(["emit", "rebound", "later"])
    station.queues.publish(message, headers={"reboundIteration": "7"})
    station.wait_until_settled(2)
    (error,) = station.queues.take("error")
    assert error.error["message"] == "Rebound limit exceeded"
    assert error.error_input == message


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, "r" * MORE_THAN_A_FRAME), ({"reboundIteration": -7}, "again")],
    ids=["a long reason", "a number below zero"],
)
def test_a_rebound_is_published_whatever_it_says(start_amqp: StartAmqp, headers: dict[str, int], reason: str) -> None:
    """The reason is a header, which a page of HTML does not fit into; a time to live is a whole number."""
    done = start_amqp().deliver(commands(["emit", "rebound", reason]), headers=headers)
    (rebound,) = done.rebounds
    assert rebound.headers["reboundReason"] == reason[:10_000]
    assert rebound.headers["reboundIteration"] == 1
    assert rebound.properties.expiration == "15000"
    assert done.is_success


def test_an_answer_that_nobody_waits_for_is_an_error(start_amqp: StartAmqp) -> None:
    """Contract 6.6."""
    done = start_amqp().deliver(commands(["emit", "httpReply", {"statusCode": 200, "body": "x", "headers": {}}]))
    (error,) = done.errors
    assert error.error["message"] == (
        "Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers"
    )
    assert not done.is_success


def test_who_does_not_wait_any_more_is_not_waited_for(start_amqp: StartAmqp) -> None:
    """An answer, or the copy of an error, for an address that is gone is not tried again and again."""
    station = start_amqp(ERROR_RATE_LIMIT=100)
    gone = {"reply_to": f"{station.queues.name}-gone"}
    reply = commands(["emit", "httpReply", {"statusCode": 200, "body": "x", "headers": {}}])
    (error,) = station.deliver(reply, headers=gone).errors
    assert error.error["message"].endswith("message to MQ: it could not be routed to any queue")
    done = station.deliver(commands(["raise", "it failed"]), headers=gone)
    assert [each.error["message"] for each in done.errors] == ["it failed"]
    assert not done.is_success


def test_a_snapshot_that_was_not_published_is_not_given_to_the_next_message(start_amqp: StartAmqp) -> None:
    """Contract 15, DEF-27: this process and the platform know the same."""
    station = start_amqp(SNAPSHOT_ROUTING_KEY="nowhere", AMQP_PUBLISH_RETRY_ATTEMPTS=1)
    first, second = station.deliver(commands(["try", "snapshot", {"a": 1}], ["try", "updateSnapshot", {"b": 1}])).bodies
    assert "could not be routed" in first["caught"]
    assert "could not be routed" in second["caught"]
    assert station.deliver(commands(["given"])).bodies[0]["snapshot"] == {}


def test_a_message_that_no_queue_wants_is_an_error_in_the_end(start_amqp: StartAmqp) -> None:
    """Contract 3.5: after the last attempt the error says which message, and why."""
    station = start_amqp(AMQP_PUBLISH_RETRY_ATTEMPTS=2, AMQP_PUBLISH_RETRY_DELAY=1)
    nowhere = {"id": "m7", "body": 1, "headers": {"x-eio-routing-key": "nowhere"}}
    done = station.deliver({"body": {"return": nowhere}})
    (error,) = done.errors
    assert error.error["message"] == "Failed on publishing m7 message to MQ: it could not be routed to any queue"
    assert not done.is_success


@pytest.mark.parametrize(
    ("settings", "value", "is_success"),
    [
        ({"AMQP_PUBLISH_CONFIRM_ENABLED": "false"}, {"body": 1}, True),
        ({}, {"body": 1, "id": "i" * MORE_THAN_A_FRAME}, False),
    ],
    ids=["without confirms", "what AMQP cannot carry"],
)
def test_an_emit_that_is_over_at_once_is_not_waited_for(
    start_amqp: StartAmqp, settings: dict[str, str], value: dict[str, object], is_success: bool
) -> None:
    """The thread that emits may do the I/O itself, and must not wait for a frame that never comes: 5 s each."""
    station = start_amqp(**settings)
    begun = time.monotonic()
    done = station.deliver(commands(["emit", "data", value]))
    assert time.monotonic() - begun < 3
    assert done.is_success is is_success


@pytest.mark.parametrize("emit", [{"return": {"body": 2}}, {"do": [["emit", "data", {"body": 2}]]}])
def test_a_step_that_stops_goes_on_with_what_the_broker_refuses(
    platform: Platform, rabbitmq: RabbitMQNode, emit: dict[str, object]
) -> None:
    """Its function has done its work, which would be done a second time."""
    with StepQueues(rabbitmq.uri, name=f"full-{uuid.uuid4().hex[:8]}", output_limit=1) as queues:
        station = AmqpStation(platform, queues, AMQP_PUBLISH_RETRY_DELAY=60_000)
        queues.publish({"body": {"return": {"body": 1}}})
        station.wait_until_settled(1)
        queues.publish({"body": emit})
        eventually(lambda: bool(station.step.transport._publisher._retrying), queues)  # type: ignore[attr-defined]
        reader = StepQueues(queues.uri, name=queues.name, output_limit=1)
        bodies: list[int] = []
        taking = Thread(target=lambda: bodies.extend(each.message["body"] for each in reader.take("data", 2)))
        taking.start()
        station.stop()
        taking.join()
        reader.close()
        assert bodies == [1, 2]
