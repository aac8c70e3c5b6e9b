"""What a step publishes for what its function does: bodies, headers, routing keys, and the fate of the input."""

import json
import signal
from typing import Any

import pika
import pytest

from shipmate.container.amqp import fields
from shipmate.emulator import Platform, StepQueues
from tests.container import Launch, eventually

pytestmark = pytest.mark.usefixtures("measured")

FIXED = {
    "execId": "exec",
    "taskId": "flow",
    "workspaceId": "workspace",
    "containerId": "container",
    "userId": "user",
    "stepId": "step",
    "compId": "component",
    "function": "commands",
}


def commands(*steps: list[Any], **more: Any) -> dict[str, Any]:
    """Return a message with commands for the component."""
    return {"body": {"do": list(steps), **more}}


def is_settled(queues: StepQueues, dead: int = 0) -> None:
    """Wait until the input is empty and so many of it were rejected."""
    eventually(lambda: queues.depth("input") == 0 and queues.depth("dead") == dead, queues)


def test_what_a_function_returns_is_data_with_all_headers(launch: Launch, queues: StepQueues) -> None:
    """Contract 5.2, 5.3: kept headers, fixed headers, times as numbers, the sender's id as parent."""
    container = launch(
        ADDITIONAL_VARS_FOR_HEADERS="ELASTICIO_FIRST_ONE, MY_VAR,UNSET", FIRST_ONE="f", bare={"MY_VAR": "m"}
    )
    headers = {
        "messageId": "m0",
        "threadId": "th1",
        "X-Eio-Meta-Foo": "bar",
        "parentMessageId": "old",
        "execId": "another",
        "custom": "dropped",
        "retry": 3,
    }
    queues.publish({"body": {"return": {"body": {"x": 1}}}}, headers=headers)
    (data,) = queues.take("data")
    assert data.message == {"id": data.headers["messageId"], "body": {"x": 1}, "headers": {}}
    start, end = data.headers["start"], data.headers["end"]
    assert 1_700_000_000_000 < start <= end
    assert dict(data.headers) == {
        **FIXED,
        "x-eio-meta-foo": "bar",
        "threadId": "th1",
        "parentMessageId": "m0",
        "messageId": data.headers["messageId"],
        "firstOne": "f",
        "myVar": "m",
        "start": start,
        "end": end,
        "protocolVersion": 1,
    }
    properties = data.properties
    assert (properties.content_type, properties.content_encoding, properties.delivery_mode) == (
        "application/json",
        "utf8",
        1,
    )
    absent = ("priority", "correlation_id", "message_id", "expiration", "type", "timestamp", "app_id", "reply_to")
    assert [name for name in absent if getattr(properties, name) is not None] == []
    is_settled(queues)
    assert container.stop() == 0


def test_an_error_and_data_publish_both_and_reject_the_input(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.4: what was emitted before and after an error is published, and the input is rejected."""
    launch(ERROR_RATE_LIMIT=100)
    replies = queues.bind(f"{queues.name}-reply")
    message = commands(["emit", "data", {"body": 1}], ["emit", "error", {"message": "no", "name": "Mine"}])
    message["body"]["return"] = {"body": 2}
    message_id = queues.publish(message, headers={"reply_to": replies})
    assert [each.message["body"] for each in queues.take("data", 2)] == [1, 2]
    (error,) = queues.take("error")
    assert error.error == {"name": "Mine", "message": "no", "stack": "Not Available"}
    assert error.error_input == message
    assert error.headers["parentMessageId"] == message_id
    assert "protocolVersion" not in error.headers
    assert error.headers["end"] >= error.headers["start"]
    (reply,) = queues.take(replies)
    assert reply.headers["x-eio-error-response"] is True
    assert json.loads(queues.cipher.decode(reply.body, 1)) == error.error
    is_settled(queues, dead=1)


def test_error_copies_do_not_wait_for_the_throttle(launch: Launch, queues: StepQueues) -> None:
    """Contract 6: a caller is answered at once, however many errors wait for their window."""
    launch(ERROR_RATE_LIMIT=1, RATE_INTERVAL=60_000, RABBITMQ_PREFETCH_SAILOR=3)
    replies = queues.bind(f"{queues.name}-reply")
    for number in range(3):
        queues.publish(commands(["raise", str(number)]), headers={"reply_to": replies})
    assert len(queues.take(replies, 3)) == 3
    assert len(queues.take("error")) == 1


def test_a_rebound_goes_back_as_it_came(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.5: bytes, properties and headers are the same; the delay is a text."""
    launch(REBOUND_INITIAL_EXPIRATION=600_000)
    message = commands(["emit", "rebound", "later"])
    headers = {"messageId": "m1", "Custom-Case": "c", "reboundIteration": 1, "parentMessageId": "p", "n": 2**40}
    given = {"priority": 3, "correlation_id": "c1", "delivery_mode": 2, "type": "t", "message_id": "id"}
    queues.publish(message, headers=headers, protocol=2, properties=given)
    (rebound,) = queues.take("rebound")
    assert rebound.message == message
    assert rebound.body == queues.cipher.encode(json.dumps(message, separators=(",", ":")).encode(), 2)
    assert rebound.properties.expiration == "1200000"
    assert rebound.properties.delivery_mode == 1
    assert {name: getattr(rebound.properties, name) for name in given} == {**given, "delivery_mode": 1}
    received = dict(rebound.headers)
    assert received.pop("reboundIteration") == 2
    assert received.pop("reboundReason") == "later"
    assert received.pop("end") > 1_700_000_000_000
    assert {name: received[name] for name in headers if name != "reboundIteration"} == {
        name: value for name, value in headers.items() if name != "reboundIteration"
    }
    assert received["stepId"] == "previous"
    is_settled(queues)


def test_snapshots_are_published_in_clear_and_given_to_the_next_message(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.4: replaced as a whole, or updated by members; $set and what is no object change nothing."""
    launch(SNAPSHOT_RATE_LIMIT=100)
    queues.publish(
        commands(
            ["emit", "snapshot", {"a": 1}],
            ["emit", "updateSnapshot", {"b": 2}],
            ["emit", "updateSnapshot", {"$set": {"c": 3}}],
            ["emit", "updateSnapshot", "no object"],
        )
    )
    first, second = queues.take("snapshot", 2)
    assert (first.message, first.headers["snapshotEvent"]) == ({"a": 1}, "snapshot")
    assert (second.message, second.headers["snapshotEvent"]) == ({"b": 2}, "updateSnapshot")
    assert not {"end", "protocolVersion"} & set(first.headers)
    is_settled(queues)
    queues.publish(commands(["given"]))
    assert queues.take("data")[0].message["body"]["snapshot"] == {"a": 1, "b": 2}
    assert (queues.depth("snapshot"), queues.depth("error")) == (0, 0)


def test_an_answer_goes_where_it_is_waited_for(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.6: always base64, protocol 1, no end."""
    launch(PROTOCOL_VERSION=2)
    replies = queues.bind(f"{queues.name}-reply")
    value = {"statusCode": 200, "body": "ok", "headers": {"X-Eio-Routing-Key": "k", "content-type": "text/plain"}}
    queues.publish(commands(["emit", "httpReply", value]), headers={"reply_to": replies})
    (reply,) = queues.take(replies)
    assert reply.message == {"statusCode": 200, "body": "ok", "headers": {"content-type": "text/plain"}}
    assert reply.headers["protocolVersion"] == 1
    assert "end" not in reply.headers
    is_settled(queues)


def test_new_keys_reach_the_platform_and_the_next_message(
    launch: Launch, queues: StepQueues, platform: Platform
) -> None:
    """Contract 6.5, without DEF-12: what was refreshed is what the next message is given."""
    launch()
    queues.publish(commands(["emit", "updateKeys", {"oauth": {"access_token": "new-token"}}]))
    is_settled(queues)
    queues.publish(commands(["given"]))
    assert queues.take("data")[0].message["body"]["cfg"]["oauth"] == {"access_token": "new-token"}
    assert platform.accounts["account"] == {"oauth": {"access_token": "new-token"}}


@pytest.fixture
def exact_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test's own client read and write fractions, which pika alone truncates and refuses."""

    def encode_value(pieces: list[bytes], value: Any) -> int:
        pieces.append(fields.encode_value(value))
        return len(pieces[-1])

    monkeypatch.setattr(pika.data, "encode_value", encode_value)
    monkeypatch.setattr(pika.data, "decode_value", fields.decode_value)


def test_headers_of_all_kinds_are_forwarded_as_they_came(
    launch: Launch, queues: StepQueues, exact_headers: None
) -> None:
    """Contract 5.1: fractions too, and ids that are numbers."""
    launch()
    kinds = {"x-eio-meta-a": 1.5, "x-eio-meta-b": [1, {"c": -0.5}], "x-eio-meta-d": True}
    queues.publish(commands(**{"return": {"body": 1}}), headers={**kinds, "threadId": 7, "messageId": 8})
    (data,) = queues.take("data")
    assert {name: data.headers[name] for name in kinds} == kinds
    assert (data.headers["threadId"], data.headers["parentMessageId"]) == (7, 8)


def test_a_deeply_nested_body_is_a_body(launch: Launch, queues: StepQueues) -> None:
    """The official runtime reads and writes thousands of levels."""
    launch()
    body = "[" * 2000 + "]" * 2000
    queues.publish_raw(queues.cipher.encode(f'{{"body":{body}}}'.encode(), 1), {"messageId": "m"})
    (data,) = queues.take("data")
    assert body in queues.cipher.decode(data.body, 1).decode()


def test_events_of_a_kind_start_in_windows(launch: Launch, queues: StepQueues) -> None:
    """Contract 6: no more than the limit in each interval, and all of them in order."""
    launch(DATA_RATE_LIMIT=2, RATE_INTERVAL=200)
    queues.publish(commands(*[["emit", "data", {"body": number}] for number in range(6)]))
    data = queues.take("data", 6)
    assert [each.message["body"] for each in data] == list(range(6))
    assert data[5].headers["end"] - data[0].headers["end"] >= 190


def test_a_message_that_no_queue_wants_is_tried_again(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-8: what comes back is a failed publish, and the input stays until it is delivered."""
    container = launch(AMQP_PUBLISH_RETRY_DELAY=10, AMQP_PUBLISH_MAX_RETRY_DELAY=20)
    key = f"{queues.name}-late"
    queues.publish({"body": {"return": {"body": "found", "headers": {"x-eio-routing-key": key}}}})
    container.wait_for("could not be routed", count=3)
    queues.bind(key)
    (data,) = queues.take(key)
    assert data.message["body"] == "found"
    assert data.headers["retry"] >= 3
    is_settled(queues)


def test_confirms_can_be_switched_off(launch: Launch, queues: StepQueues) -> None:
    """Contract 2.4: then nothing is waited for."""
    container = launch(AMQP_PUBLISH_CONFIRM_ENABLED="false")
    queues.publish(commands(["emit", "data", {"body": 1}], **{"return": {"body": 2}}))
    assert [each.message["body"] for each in queues.take("data", 2)] == [1, 2]
    is_settled(queues)
    assert container.stop(signal.SIGINT) == 0


def test_an_async_generator_publishes_all_that_it_yields(launch: Launch, queues: StepQueues) -> None:
    """For messages side by side; it leaves nothing behind that keeps the process from ending."""
    container = launch("async_generator", RABBITMQ_PREFETCH_SAILOR=3, DATA_RATE_LIMIT=1000)
    queues.fill({"body": {}} for _ in range(5))
    bodies = [each.message["body"] for each in queues.take("data", 20)]
    assert sorted(bodies) == sorted([0, 1, 2, 3] * 5)
    is_settled(queues)
    assert queues.depth("error") == 0
    assert container.stop() == 0
