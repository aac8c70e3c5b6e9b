"""What a step publishes for what its function does: bodies, headers, routing keys, and the fate of the input."""

import base64
import json
import signal
from typing import Any

import pika
import pytest

from shipmate.container.amqp import fields
from shipmate.emulator import Platform, StepQueues
from tests.container import Launch, eventually

FIXED = {
    "execId": "exec",
    "taskId": "flow",
    "workspaceId": "workspace",
    "containerId": "container",
    "userId": "user",
    "stepId": "step",
    "compId": "component",
    "function": "told",
}


def told(*steps: list[Any], **more: Any) -> dict[str, Any]:
    """Return a message that tells the component what to do."""
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


def test_persistence_is_a_setting(launch: Launch, queues: StepQueues) -> None:
    """Contract 3.5: delivery mode 2 where it is asked for."""
    launch(AMQP_PERSISTENT_MESSAGES="true")
    queues.publish({"body": {"return": {"body": 1}}})
    assert queues.take("data")[0].properties.delivery_mode == 2


def test_an_input_without_any_headers_is_processed_and_acknowledged(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.2, without DEF-2: no table of headers, no message id; the next message is consumed."""
    container = launch()
    queues.publish_raw(queues.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1), None)
    queues.publish({"body": {"return": {"body": 2}}}, headers={"messageId": None, "threadId": None})
    first, second = queues.take("data", 2)
    assert [each.message["body"] for each in (first, second)] == [1, 2]
    assert "parentMessageId" not in first.headers
    assert "parentMessageId" not in second.headers
    assert len(first.headers["threadId"]) == 36
    is_settled(queues)
    assert container.stop() == 0


def test_messages_without_an_id_get_one_each_and_a_given_id_is_used(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.3, without DEF-1: two messages of one input must not look like one."""
    launch()
    message = {"body": {"n": 1}}
    queues.publish(told(["emit", "data", message], ["emit", "data", message], **{"return": {**message, "id": "mine"}}))
    ids = [each.headers["messageId"] for each in queues.take("data", 3)]
    assert len(set(ids)) == 3
    assert ids[2] == "mine"


@pytest.mark.parametrize("protocol", [1, 2])
def test_both_encodings_are_read_and_written(launch: Launch, queues: StepQueues, protocol: int) -> None:
    """Contract 4.1: the input says how it is encoded, the setting how data is."""
    launch(PROTOCOL_VERSION=protocol)
    for own in (1, 2):
        queues.publish({"body": {"return": {"body": {"größe": "😀", "n": 2**70}}}}, protocol=own)
    for data in queues.take("data", 2):
        assert data.headers["protocolVersion"] == protocol
        assert data.message["body"] == {"größe": "😀", "n": 2**70}
        assert (data.body[:1].isascii() and b"\n" not in data.body) or protocol == 2


def test_unknown_members_survive_and_headers_are_never_missing(launch: Launch, queues: StepQueues) -> None:
    """Contract 4.3: a message is passed on as it is, with headers, and with the address for answers."""
    launch()
    queues.publish({**told(["given"]), "query": {"a": "1"}, "lone": "\ud800"}, headers={"reply_to": "answers"})
    (data,) = queues.take("data")
    given = data.message["body"]
    assert given["msg"] == {
        **told(["given"]),
        "query": {"a": "1"},
        "lone": "\ud800",
        "headers": {"reply_to": "answers"},
    }
    assert given["cfg"] == {"_account": "account", "region": "eu"}
    assert given["snapshot"] == {}
    assert given["variables"] == {"stage": "test"}
    assert data.headers["reply_to"] == "answers"


def test_an_error_and_data_publish_both_and_reject_the_input(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.4: what was emitted before and after an error is published, and the input is rejected."""
    launch(ERROR_RATE_LIMIT=100)
    replies = queues.bind(f"{queues.name}-reply")
    message = told(["emit", "data", {"body": 1}], ["emit", "error", {"message": "no", "name": "Mine"}])
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
        queues.publish(told(["raise", str(number)]), headers={"reply_to": replies})
    assert len(queues.take(replies, 3)) == 3
    assert len(queues.take("error")) == 1


def test_error_copies_can_be_switched_off(launch: Launch, queues: StepQueues) -> None:
    """Contract 2.4: NO_ERROR_REPLIES."""
    launch(NO_ERROR_REPLIES="true")
    replies = queues.bind(f"{queues.name}-reply")
    queues.publish(told(["raise", "it failed"]), headers={"reply_to": replies})
    (error,) = queues.take("error")
    assert (error.error["name"], error.error["message"]) == ("ValueError", "it failed")
    assert error.error["stack"].startswith("Traceback")
    assert "told.py" in error.error["stack"].splitlines()[1]
    is_settled(queues, dead=1)
    assert queues.depth(replies) == 0


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_input_of_an_error_is_always_text(launch: Launch, queues: StepQueues, protocol: int) -> None:
    """Contract 6.2: base64, whatever the input's encoding was."""
    launch()
    queues.publish(told(["exit"]), protocol=protocol)
    (error,) = queues.take("error")
    assert error.error_input == told(["exit"])
    assert error.error["message"] == "The component called sys.exit(3)"


def test_what_cannot_be_decoded_is_an_error_without_input(launch: Launch, queues: StepQueues) -> None:
    """Contract 14: an error tells of it, the input is rejected, and the next one is processed."""
    container = launch(ERROR_RATE_LIMIT=100)
    wrong = [
        b"",
        b"not base64 at all!",
        base64.b64encode(b"0123456789abcdef"),
        queues.cipher.encode(b"no JSON", 1),
        queues.cipher.encode(b"[1]", 1),
        queues.cipher.encode(b"null", 1),
    ]
    for body in wrong:
        queues.publish_raw(body, {"messageId": "m1", "threadId": "t1"})
    queues.publish({"body": {"return": {"body": "fine"}}})
    assert queues.take("data")[0].message["body"] == "fine"
    errors = queues.take("error", len(wrong))
    assert {each.error["name"] for each in errors} == {"Undecodable"}
    assert {each.error_input for each in errors} == {None}
    assert {each.headers["parentMessageId"] for each in errors} == {"m1"}
    is_settled(queues, dead=len(wrong))
    assert container.stop() == 0


def test_error_format_input_is_given_decrypted(launch: Launch, queues: StepQueues) -> None:
    """Contract 4.4, without DEF-14: a step that handles errors gets them, and may itself fail."""
    launch(INPUT_FORMAT="error")
    encode = queues.cipher.encode
    failure = {"name": "E", "message": "m", "stack": "s"}
    envelope = {
        "error": encode(json.dumps(failure).encode(), 1).decode(),
        "errorInput": encode(json.dumps(told(["raise", "again"])).encode(), 1).decode(),
    }
    queues.publish_raw(json.dumps(envelope).encode(), {"messageId": "m1", "protocolVersion": 2, "Custom": "c"})
    queues.publish_raw(b"not JSON", {"messageId": "m2"})
    eventually(lambda: queues.depth("dead") == 1, queues)
    (error,) = queues.take("error")
    assert error.headers["parentMessageId"] == "m2"


def test_a_handler_of_errors_that_fails_publishes_what_it_was_given(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-14: the input of its error is encrypted, too."""
    launch("calls", INPUT_FORMAT="error")
    envelope = {"errorInput": queues.cipher.encode(b'{"body": 1}', 1).decode()}
    queues.publish_raw(json.dumps(envelope).encode(), {"messageId": "m1", "protocolVersion": 2})
    (error,) = queues.take("error")
    assert error.error_input == envelope
    is_settled(queues, dead=1)


def test_a_routing_key_in_the_headers_is_used_and_removed(launch: Launch, queues: StepQueues) -> None:
    """Contract 5.3: in any case of its letters."""
    launch()
    other = queues.bind(f"{queues.name}-other")
    message = {"body": 1, "headers": {"X-EIO-Routing-Key": other, "kept": "k"}}
    queues.publish({"body": {"return": message}})
    (data,) = queues.take(other)
    assert data.message["headers"] == {"kept": "k"}


def test_a_rebound_goes_back_as_it_came(launch: Launch, queues: StepQueues) -> None:
    """Contract 17.5: bytes, properties and headers are the same; the delay is a text."""
    launch(REBOUND_INITIAL_EXPIRATION=600_000)
    message = told(["emit", "rebound", "later"])
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


def test_a_rebound_comes_back_after_its_time(launch: Launch, queues: StepQueues) -> None:
    """A numeric text is no iteration; the broker delivers the message again."""
    launch(REBOUND_INITIAL_EXPIRATION=1, REBOUND_LIMIT=1)
    queues.publish(told(["emit", "rebound", "later"]), headers={"reboundIteration": "7"})
    (error,) = queues.take("error")
    assert error.error["message"] == "Rebound limit exceeded"
    assert error.error_input == told(["emit", "rebound", "later"])
    is_settled(queues, dead=1)


def test_no_rebound_at_all_can_be_allowed(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-23 and DEF-20: 0 is a value, and the limit is an error that rejects the input."""
    launch(REBOUND_LIMIT=0)
    queues.publish(told(["emit", "rebound", "later"]))
    (error,) = queues.take("error")
    assert "end" in error.headers
    is_settled(queues, dead=1)


def test_snapshots_are_published_in_clear_and_given_to_the_next_message(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.4: replaced as a whole, or updated by members; $set and what is no object change nothing."""
    launch(SNAPSHOT_RATE_LIMIT=100)
    queues.publish(
        told(
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
    queues.publish(told(["given"]))
    assert queues.take("data")[0].message["body"]["snapshot"] == {"a": 1, "b": 2}
    assert (queues.depth("snapshot"), queues.depth("error")) == (0, 0)


def test_a_snapshot_that_was_not_published_is_not_given_to_the_next_message(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-27: this process and the platform know the same."""
    launch(SNAPSHOT_ROUTING_KEY=f"{queues.name}-nowhere", AMQP_PUBLISH_RETRY_ATTEMPTS=1)
    queues.publish(told(["try", "snapshot", {"a": 1}], ["try", "updateSnapshot", {"b": 1}]))
    queues.publish(told(["given"]))
    caught, _, given = queues.take("data", 3)
    assert "could not be routed" in caught.message["body"]["caught"]
    assert given.message["body"]["snapshot"] == {}


def test_an_answer_goes_where_it_is_waited_for(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.6: always base64, protocol 1, no end."""
    launch(PROTOCOL_VERSION=2)
    replies = queues.bind(f"{queues.name}-reply")
    value = {"statusCode": 200, "body": "ok", "headers": {"X-Eio-Routing-Key": "k", "content-type": "text/plain"}}
    queues.publish(told(["emit", "httpReply", value]), headers={"reply_to": replies})
    (reply,) = queues.take(replies)
    assert reply.message == {"statusCode": 200, "body": "ok", "headers": {"content-type": "text/plain"}}
    assert reply.headers["protocolVersion"] == 1
    assert "end" not in reply.headers
    is_settled(queues)


def test_an_answer_always_has_headers(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.6: who answers the caller need not look whether there are some."""
    launch()
    replies = queues.bind(f"{queues.name}-reply")
    queues.publish(told(["emit", "httpReply", {"statusCode": 204}]), headers={"reply_to": replies})
    assert queues.take(replies)[0].message == {"statusCode": 204, "headers": {}}


def test_an_answer_that_nobody_waits_for_is_an_error(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.6."""
    launch()
    queues.publish(told(["emit", "httpReply", {"statusCode": 200, "body": "x", "headers": {}}]))
    (error,) = queues.take("error")
    assert error.error["message"] == (
        "Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers"
    )
    is_settled(queues, dead=1)


def test_who_does_not_wait_any_more_is_not_waited_for(launch: Launch, queues: StepQueues) -> None:
    """An answer, or the copy of an error, for an address that is gone is not tried again and again."""
    container = launch(ERROR_RATE_LIMIT=100)
    gone = {"reply_to": f"{queues.name}-gone"}
    queues.publish(told(["emit", "httpReply", {"statusCode": 200, "body": "x", "headers": {}}]), headers=gone)
    (error,) = queues.take("error")
    assert error.error["message"].endswith("message to MQ: it could not be routed to any queue")
    queues.publish(told(["raise", "it failed"]), headers=gone)
    assert queues.take("error")[0].error["message"] == "it failed"
    is_settled(queues, dead=2)
    assert container.stop() == 0


def test_a_message_that_is_too_large_raises_and_counts_once(launch: Launch, queues: StepQueues) -> None:
    """Contract 6.1, 14, without DEF-29: the function is told, may go on, and the input is rejected all the same."""
    launch(OUTGOING_MESSAGE_SIZE_LIMIT=200)
    queues.publish(told(["try", "data", {"body": "x" * 200}]))
    (error,) = queues.take("error")
    assert error.error["message"].startswith("Outgoing message size ")
    assert error.error["message"].endswith(" exceeds limit of 200.")
    (data,) = queues.take("data")
    assert "exceeds limit of 200." in data.message["body"]["caught"]
    is_settled(queues, dead=1)
    assert queues.depth("error") == 0


def test_new_keys_reach_the_platform_and_the_next_message(
    launch: Launch, queues: StepQueues, platform: Platform
) -> None:
    """Contract 6.5, without DEF-12: what was refreshed is what the next message is given."""
    launch()
    queues.publish(told(["emit", "updateKeys", {"oauth": {"access_token": "new-token"}}]))
    is_settled(queues)
    queues.publish(told(["given"]))
    assert queues.take("data")[0].message["body"]["cfg"]["oauth"] == {"access_token": "new-token"}
    assert platform.accounts["account"] == {"oauth": {"access_token": "new-token"}}


def test_keys_that_cannot_be_saved_are_an_error(launch: Launch, queues: StepQueues, platform: Platform) -> None:
    """Contract 6.5: without an account there is nowhere to save them."""
    platform.steps["flow"]["step"]["config"] = {}
    launch()
    queues.publish(told(["emit", "updateKeys", {"oauth": {}}]))
    (error,) = queues.take("error")
    assert "_account" in error.error["message"]
    is_settled(queues, dead=1)


def test_an_emit_that_is_not_waited_for_belongs_to_its_message(launch: Launch, queues: StepQueues) -> None:
    """Contract 15, DEF-9: the input is settled after it, and by it."""
    launch()
    queues.publish(told(["thread", "data", {"body": "from a thread"}], ["emit", "end"]))
    assert queues.depth("error") == 0
    is_settled(queues)


def test_the_first_end_decides_about_the_input(launch: Launch, queues: StepQueues) -> None:
    """Contract 3.4: what fails later is published, and the input is acknowledged all the same."""
    launch()
    queues.publish(told(["emit", "end"], ["emit", "data", {"body": "late"}], ["raise", "too late"]))
    assert queues.take("data")[0].message["body"] == "late"
    assert queues.take("error")[0].error["message"] == "too late"
    is_settled(queues)


def test_nothing_that_a_function_returns_or_prints_disturbs_the_step(launch: Launch, queues: StepQueues) -> None:
    """Contract 7, 13: None is nothing, other things than objects are no messages, and what is printed is tolerated."""
    container = launch()
    queues.publish(told(["print", "plain text"]))
    queues.publish(told(**{"return": ["text"]}))
    (error,) = queues.take("error")
    assert "A message is an object" in error.error["message"]
    is_settled(queues, dead=1)
    container.wait_for("plain text")


@pytest.mark.parametrize("lightweight", [False, True])
def test_a_message_may_lack_its_body(launch: Launch, queues: StepQueues, lightweight: bool) -> None:
    """Contract 7, 15 DEF-26: an empty object is emitted as well, however it is handed over."""
    launch(EMIT_LIGHTWEIGHT_MESSAGE=str(lightweight).lower(), OBJECT_STORAGE_SIZE_THRESHOLD=30)
    queues.publish(told(["emit", "data", {"headers": {"a": 1}}], **{"return": {}}))
    first, second = queues.take("data", 2)
    assert first.message == {"id": first.headers["messageId"], "headers": {"a": 1}}
    assert second.message == {"id": second.headers["messageId"], "headers": {}}
    is_settled(queues)


@pytest.mark.parametrize("value", [None, 0, "", False])
def test_what_is_falsy_in_javascript_is_nothing(launch: Launch, queues: StepQueues, value: Any) -> None:
    """Contract 7: the message ends, and is acknowledged."""
    launch()
    queues.publish(told(**{"return": value}))
    queues.publish(told(**{"return": {"body": "next"}}))
    assert queues.take("data")[0].message["body"] == "next"
    assert queues.depth("error") == 0
    is_settled(queues)


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
    queues.publish(told(**{"return": {"body": 1}}), headers={**kinds, "threadId": 7, "messageId": 8})
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
    queues.publish(told(*[["emit", "data", {"body": number}] for number in range(6)]))
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


def test_a_message_that_no_queue_wants_is_an_error_in_the_end(launch: Launch, queues: StepQueues) -> None:
    """Contract 3.5: after the last attempt the error says which message, and why."""
    launch(AMQP_PUBLISH_RETRY_ATTEMPTS=2, AMQP_PUBLISH_RETRY_DELAY=1)
    queues.publish({"body": {"return": {"id": "m7", "body": 1, "headers": {"x-eio-routing-key": "nowhere"}}}})
    (error,) = queues.take("error")
    assert error.error["message"] == "Failed on publishing m7 message to MQ: it could not be routed to any queue"
    is_settled(queues, dead=1)


def test_confirms_can_be_switched_off(launch: Launch, queues: StepQueues) -> None:
    """Contract 2.4: then nothing is waited for."""
    container = launch(AMQP_PUBLISH_CONFIRM_ENABLED="false")
    queues.publish(told(["emit", "data", {"body": 1}], **{"return": {"body": 2}}))
    assert [each.message["body"] for each in queues.take("data", 2)] == [1, 2]
    is_settled(queues)
    assert container.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("function", ["coroutine", "generator", "async_generator"])
def test_every_kind_of_function_publishes_all_that_it_makes(launch: Launch, queues: StepQueues, function: str) -> None:
    """Coroutines, generators and async generators, for messages side by side; none of them leaves anything behind."""
    container = launch(function, RABBITMQ_PREFETCH_SAILOR=3, DATA_RATE_LIMIT=1000)
    queues.fill({"body": {}} for _ in range(5))
    bodies = [each.message["body"] for each in queues.take("data", 20)]
    assert sorted(bodies) == sorted([0, 1, 2, 3] * 5)
    is_settled(queues)
    assert queues.depth("error") == 0
    assert container.stop() == 0


def test_a_generator_that_fails_in_the_end_has_published_what_it_yielded(launch: Launch, queues: StepQueues) -> None:
    """Each value is out before the generator goes on; the input is rejected."""
    launch("async_generator")
    queues.publish({"body": "fail"})
    assert len(queues.take("data", 4)) == 4
    assert queues.take("error")[0].error["message"] == "failed in the end"
    is_settled(queues, dead=1)
