"""What a step makes of the messages that it is given, and publishes for what its function emits."""

import json
from typing import Any

import pytest

from shipmate.emulator import Platform
from tests.station import Start, commands


def test_what_a_function_returns_is_data_with_the_ids_of_its_input(start: Start) -> None:
    """Contract 5.2, 5.3: kept headers in lower case, fixed headers, the sender's id as parent; others are dropped."""
    headers = {"messageId": "m0", "threadId": "t1", "X-Eio-Meta-Foo": "bar", "custom": "dropped", "retry": 3}
    done = start().deliver({"body": {"return": {"body": {"x": 1}}}}, headers=headers)
    (data,) = done.data
    own = {name: data.headers[name] for name in ("messageId", "start", "end")}
    assert data.message == {"id": own["messageId"], "body": {"x": 1}, "headers": {}}
    assert 1_700_000_000_000 < own["start"] <= own["end"]
    assert dict(data.headers) == {
        **own,
        "execId": "exec",
        "taskId": "flow",
        "workspaceId": "workspace",
        "containerId": "container",
        "userId": "user",
        "stepId": "step",
        "compId": "component",
        "function": "commands",
        "x-eio-meta-foo": "bar",
        "threadId": "t1",
        "parentMessageId": "m0",
        "protocolVersion": 1,
    }
    assert done.is_success


def test_an_input_without_any_headers_is_processed(start: Start) -> None:
    """Contract 17.2, without DEF-2: no table of headers, no message id; the next message is processed as well."""
    station = start()
    first = station.deliver_raw(station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1), None)
    second = station.deliver({"body": {"return": {"body": 2}}}, headers={"messageId": None, "threadId": None})
    assert (first.bodies, second.bodies) == ([1], [2])
    assert "parentMessageId" not in first.data[0].headers
    assert "parentMessageId" not in second.data[0].headers
    assert len(first.data[0].headers["threadId"]) == 36
    assert (first.is_success, second.is_success) == (True, True)


def test_messages_without_an_id_get_one_each_and_a_given_id_is_used(start: Start) -> None:
    """Contract 17.3, without DEF-1: two messages of one input must not look like one."""
    message = {"body": {"n": 1}}
    emits = [["emit", "data", message], ["emit", "data", message]]
    done = start().deliver(commands(*emits, **{"return": {**message, "id": "mine"}}))
    ids = [each.headers["messageId"] for each in done.data]
    assert len(set(ids)) == 3
    assert ids[2] == "mine"


@pytest.mark.parametrize("protocol", [1, 2])
def test_both_encodings_are_read_and_written(start: Start, protocol: int) -> None:
    """Contract 4.1: the input says how it is encoded, the setting how data is."""
    station = start(PROTOCOL_VERSION=protocol)
    for own in (1, 2):
        (data,) = station.deliver({"body": {"return": {"body": {"größe": "😀", "n": 2**70}}}}, protocol=own).data
        assert data.headers["protocolVersion"] == protocol
        assert data.message["body"] == {"größe": "😀", "n": 2**70}
        assert (data.body[:1].isascii() and b"\n" not in data.body) or protocol == 2


def test_unknown_members_survive_and_headers_are_never_missing(start: Start) -> None:
    """Contract 4.3: a message is passed on as it is, with headers, and with the address for answers."""
    message = {**commands(["given"]), "query": {"a": "1"}, "lone": "\ud800"}
    (data,) = start().deliver(message, headers={"reply_to": "answers"}).data
    given = data.message["body"]
    assert given["msg"] == {**message, "headers": {"reply_to": "answers"}}
    assert given["cfg"] == {"_account": "account", "region": "eu"}
    assert given["snapshot"] == {}
    assert given["variables"] == {"stage": "test"}
    assert data.headers["reply_to"] == "answers"


def test_a_routing_key_in_the_headers_is_removed_in_any_case_of_its_letters(start: Start) -> None:
    """Contract 5.3: it says where the message goes, and is no header of it."""
    station = start()
    message = {"body": 1, "headers": {"X-EIO-Routing-Key": station.reply_to, "kept": "k"}}
    done = station.deliver({"body": {"return": message}})
    (data,) = done.data + done.replies
    assert data.message["headers"] == {"kept": "k"}
    assert data.routing_key == station.reply_to


def test_a_message_that_is_too_large_raises_and_counts_once(start: Start) -> None:
    """Contract 6.1, 14, without DEF-29: the function is told, may go on, and the input is rejected all the same."""
    done = start(OUTGOING_MESSAGE_SIZE_LIMIT=200).deliver(commands(["try", "data", {"body": "x" * 200}]))
    (error,) = done.errors
    assert error.error["message"].startswith("Outgoing message size ")
    assert " exceeds limit of 200" in error.error["message"]
    (body,) = done.bodies
    assert "exceeds limit of 200" in body["caught"]
    assert not done.is_success


@pytest.mark.parametrize("lightweight", [False, True])
def test_a_message_may_lack_its_body(start: Start, lightweight: bool) -> None:
    """Contract 7, 15 DEF-26: an empty object is emitted as well, however it is handed over."""
    station = start(EMIT_LIGHTWEIGHT_MESSAGE=str(lightweight).lower(), OBJECT_STORAGE_SIZE_THRESHOLD=30)
    done = station.deliver(commands(["emit", "data", {"headers": {"a": 1}}], **{"return": {}}))
    first, second = done.data
    assert first.message == {"id": first.headers["messageId"], "headers": {"a": 1}}
    assert second.message == {"id": second.headers["messageId"], "headers": {}}
    assert done.is_success


@pytest.mark.parametrize("value", [None, 0, "", False])
def test_what_is_falsy_in_javascript_is_nothing(start: Start, value: Any) -> None:
    """Contract 7: the message ends, and is acknowledged."""
    done = start().deliver(commands(**{"return": value}))
    assert (done.data, done.errors) == ([], [])
    assert done.is_success


def test_other_things_than_objects_are_no_messages(start: Start) -> None:
    """Contract 7: the error says so."""
    done = start().deliver(commands(**{"return": ["text"]}))
    (error,) = done.errors
    assert "A message is an object" in error.error["message"]
    assert not done.is_success


def test_snapshots_are_published_in_clear_and_given_to_the_next_message(start: Start) -> None:
    """Contract 6.4: replaced as a whole, or updated by members; $set and what is no object change nothing."""
    station = start(SNAPSHOT_RATE_LIMIT=100)
    done = station.deliver(
        commands(
            ["emit", "snapshot", {"a": 1}],
            ["emit", "updateSnapshot", {"b": 2}],
            ["emit", "updateSnapshot", {"$set": {"c": 3}}],
            ["emit", "updateSnapshot", "no object"],
        )
    )
    first, second = done.snapshots
    assert (json.loads(first.body), first.headers["snapshotEvent"]) == ({"a": 1}, "snapshot")
    assert (json.loads(second.body), second.headers["snapshotEvent"]) == ({"b": 2}, "updateSnapshot")
    assert not {"end", "protocolVersion"} & set(first.headers)
    assert done.is_success
    (body,) = station.deliver(commands(["given"])).bodies
    assert body["snapshot"] == {"a": 1, "b": 2}


def test_a_rebound_sends_the_message_back_with_its_reason(start: Start) -> None:
    """Contract 6.3: the input itself is done."""
    done = start(REBOUND_INITIAL_EXPIRATION=600_000).deliver(commands(["emit", "rebound", "later"]))
    (rebound,) = done.rebounds
    assert rebound.headers["reboundReason"] == "later"
    assert rebound.headers["end"] > 1_700_000_000_000
    assert done.is_success


def test_no_rebound_at_all_can_be_allowed(start: Start) -> None:
    """Contract 15, DEF-23 and DEF-20: 0 is a value, and the limit is an error that rejects the input."""
    message = commands(["emit", "rebound", "later"])
    done = start(REBOUND_LIMIT=0).deliver(message)
    (error,) = done.errors
    assert error.error["message"] == "Rebound limit exceeded"
    assert error.error_input == message
    assert "end" in error.headers
    assert done.rebounds == []
    assert not done.is_success


def test_an_answer_always_has_headers_and_the_first_encoding(start: Start) -> None:
    """Contract 6.6: who answers the caller need not look whether there are some; protocol 1, no end."""
    station = start(PROTOCOL_VERSION=2)
    done = station.deliver(commands(["emit", "httpReply", {"statusCode": 204}]), headers={"reply_to": station.reply_to})
    (reply,) = done.replies
    assert reply.message == {"statusCode": 204, "headers": {}}
    assert reply.headers["protocolVersion"] == 1
    assert "end" not in reply.headers
    assert done.is_success


def test_new_keys_reach_the_platform_and_the_next_message(start: Start, platform: Platform) -> None:
    """Contract 6.5, without DEF-12: what was refreshed is what the next message is given."""
    station = start()
    keys = {"oauth": {"access_token": "new-token"}}
    assert station.deliver(commands(["emit", "updateKeys", keys])).is_success
    (body,) = station.deliver(commands(["given"])).bodies
    assert body["cfg"]["oauth"] == {"access_token": "new-token"}
    assert platform.accounts["account"] == keys


def test_keys_that_cannot_be_saved_are_an_error(start: Start, platform: Platform) -> None:
    """Contract 6.5: without an account there is nowhere to save them."""
    platform.steps["flow"]["step"]["config"] = {}
    done = start().deliver(commands(["emit", "updateKeys", {"oauth": {}}]))
    (error,) = done.errors
    assert "_account" in error.error["message"]
    assert not done.is_success


def test_an_emit_that_is_not_waited_for_belongs_to_its_message(start: Start) -> None:
    """Contract 15, DEF-9: the input is settled after it, and by it."""
    done = start().deliver(commands(["thread", "data", {"body": "from a thread"}], ["emit", "end"]))
    assert done.errors == []
    assert done.is_success


def test_the_first_end_decides_about_the_input(start: Start) -> None:
    """Contract 3.4: what fails later is published, and the input is acknowledged all the same."""
    done = start().deliver(commands(["emit", "end"], ["emit", "data", {"body": "late"}], ["raise", "too late"]))
    assert done.bodies == ["late"]
    assert [each.error["message"] for each in done.errors] == ["too late"]
    assert done.is_success


@pytest.mark.parametrize("function", ["coroutine", "generator", "async_generator"])
def test_every_kind_of_function_publishes_all_that_it_makes(start: Start, function: str) -> None:
    """Coroutines, generators and async generators, for messages side by side."""
    station = start(function, RABBITMQ_PREFETCH_SAILOR=3, DATA_RATE_LIMIT=1000)
    done = station.deliver_all({"body": {}} for _ in range(5))
    assert sorted(done.bodies) == sorted([0, 1, 2, 3] * 5)
    assert done.errors == []
    assert done.are_successes == [True] * 5


def test_a_generator_that_fails_in_the_end_has_published_what_it_yielded(start: Start) -> None:
    """Each value is out before the generator goes on; the input is rejected."""
    done = start("async_generator").deliver({"body": "fail"})
    assert done.bodies == [0, 1, 2, 3]
    assert [each.error["message"] for each in done.errors] == ["failed in the end"]
    assert not done.is_success
