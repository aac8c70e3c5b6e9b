"""Headers and bodies, read and written without a broker."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.messages.codec import Incoming, MessageCodec, new_id, split_routing_key
from shipmate.settings import FlowSettings, MessageSettings, Secret

FLOW = FlowSettings("flow", "exec", "step", "container", "workspace", "user", "comp", "function")


def codec(**settings: Any) -> MessageCodec:
    """Return a codec with these settings."""
    given = {"password": Secret("password"), "iv": Secret("0123456789abcdef"), **settings}
    return MessageCodec(FLOW, MessageSettings(**given))


@pytest.mark.parametrize(
    ("headers", "thread_id"),
    [
        ({"threadId": "t"}, "t"),
        ({"X-EIO-META-TRACE-ID": "trace"}, "trace"),
        ({"threadId": "t", "x-eio-meta-trace-id": "trace"}, "t"),
        ({"threadId": "", "x-eio-meta-trace-id": "trace"}, "trace"),
    ],
)
def test_the_thread_is_that_of_the_message_or_of_its_trace(headers: dict[str, Any], thread_id: str) -> None:
    """Contract 5.1: the trace id in any case of its letters."""
    assert Incoming.from_metadata(headers).thread_id == thread_id


def test_a_message_without_headers_gets_a_thread_of_its_own() -> None:
    """Contract 5.1."""
    first, second = Incoming.from_metadata({}), Incoming.from_metadata({})
    assert first.thread_id != second.thread_id
    assert (first.message_id, first.step_id, first.reply_to, first.protocol) == (None, None, None, 1)


@pytest.mark.parametrize(
    ("value", "protocol"), [(None, 1), (0, 1), ("", 1), (2, 2), ("2", 2), ("x", 1), ([], 1), ([2], 1), (1.5, 1.5)]
)
def test_the_protocol_is_a_number_or_one(value: Any, protocol: float) -> None:
    """Contract 5.1: what is none counts as absent."""
    assert Incoming.from_metadata({"protocolVersion": value}).protocol == protocol


@pytest.mark.parametrize("value", [7, 2**40, 1.5, True, {"a": 1}, ["a"]])
def test_ids_go_on_in_the_type_that_they_came_in(value: Any) -> None:
    """Contract 5.1, 5.2: a sender may have numbers as ids."""
    for headers in ({"threadId": value, "messageId": value}, {"x-eio-meta-trace-id": value, "messageId": value}):
        made = codec().base_metadata(Incoming.from_metadata(headers), 5)
        assert (made["threadId"], made["parentMessageId"]) == (value, value)


def test_a_header_whose_name_is_no_text_is_dropped() -> None:
    """The client library has bytes for a name that is not UTF-8."""
    headers: dict[Any, Any] = {b"\xff": 1, "threadId": "t"}
    assert Incoming.from_metadata(headers).forwarded == {}


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=5), max_size=8))
def test_the_fixed_headers_always_win(headers: dict[str, str]) -> None:
    """Contract 5.2: whatever came in, and whatever the additional variables are."""
    extra = {"execId": "forged", "parentMessageId": "forged", "messageId": "forged", "more": "m"}
    made = codec(extra_headers=extra).base_metadata(Incoming.from_metadata({**headers, "messageId": "m"}), 5)
    assert made["execId"] == "exec"
    assert made["parentMessageId"] == "m"
    assert made["start"] == 5
    assert "messageId" not in made
    assert made["more"] == "m"


@pytest.mark.parametrize("body", [b'{"body": 1}', b'{"headers": null}', b"{}"])
def test_a_message_always_has_headers(body: bytes) -> None:
    """Contract 4.3."""
    one = codec()
    encrypted = one.encrypted_json(json.loads(body))
    assert one.read(encrypted, {}, Incoming.from_metadata({}))["headers"] == {}


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_input_in_an_error_can_be_read_by_everyone(protocol: int) -> None:
    """Contract 6.2."""
    one = codec(protocol=protocol)
    message = {"body": {"a": "ä"}}
    original = one.data_body(message)
    incoming = Incoming.from_metadata({"protocolVersion": protocol})
    envelope = json.loads(one.error_body(one.encrypted_json({"name": "E"}), original, incoming))
    handler = codec(is_error_input=True)
    read = handler.read(json.dumps(envelope).encode(), {"Some": "header"}, incoming)
    assert read == {"body": {"error": {"name": "E"}, "errorInput": message}, "headers": {"Some": "header"}}


@pytest.mark.parametrize("broken", [b"x\xff\xfey", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_cost_a_character_and_not_the_message(broken: bytes) -> None:
    """Contract 4.1: the official runtime replaces them."""
    one = codec(protocol=2)
    body = one.encrypt(b'{"body":"' + broken + b'"}')
    read = one.read(body, {}, Incoming.from_metadata({"protocolVersion": 2}))
    assert read["body"] == broken.decode("utf-8", "replace")


def test_a_handler_of_errors_is_given_whatever_else_the_envelope_has() -> None:
    """Contract 4.3, 4.4: unknown members survive, and what is empty is not decrypted."""
    envelope = {"error": "", "errorInput": None, "more": {"a": 1}}
    read = codec(is_error_input=True).read(json.dumps(envelope).encode(), {}, Incoming.from_metadata({}))
    assert read["body"] == envelope


def test_a_routing_key_is_no_header() -> None:
    """Contract 5.3; an empty one is none."""
    assert split_routing_key({"a": 1, "x-Eio-Routing-Key": ""}) == ({"a": 1}, None)


def test_ids_are_random_uuids() -> None:
    """Contract 5.5: version 4."""
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {one[14] for one in ids} == {"4"}


def test_a_forked_process_makes_ids_of_its_own() -> None:
    code = """
import os
from shipmate.container.messages.codec import new_id

if child := os.fork():
    os.waitpid(child, 0)
print(new_id(), flush=True)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(set(ran.stdout.split())) == 2
