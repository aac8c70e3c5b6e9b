"""Replies of steps: what the caller gets."""

import json
from http.client import HTTPResponse
from typing import Any

import pytest

from shipmate.flow.gateway import Limits, StepFailure, StepReply, StoredFile, reply_from
from tests.webhooks import read_all, running

JSON = {"content-type": "application/json"}


def answered(message: dict[str, Any], files: dict[str, StoredFile] | None = None) -> tuple[HTTPResponse, bytes]:
    """Return the answer that a reply makes."""
    with running(has_reply=True) as (flow, caller):
        flow.files = files or {}
        flow.reply = lambda _, headers: StepReply(message)
        return caller.call(body="{}", headers=JSON)


def test_the_caller_gets_status_headers_and_body_of_the_reply() -> None:
    headers = {"Content-Type": "application/json", "x-eio-status-code": 201, "ETag": "1", "x-eio-routing-key": "r"}

    response, content = answered({"body": {"id": 7}, "headers": headers})

    assert (response.status, json.loads(content)) == (201, {"id": 7})
    assert response.getheader("etag") == "1"
    assert response.getheader("content-type") == "application/json"
    assert not {"x-eio-routing-key", "x-eio-status-code"} & {name.lower() for name, _ in response.getheaders()}


def test_text_is_sent_as_it_is() -> None:
    response, content = answered({"body": "grüße", "headers": {"Content-Type": "text/html"}})

    assert content.decode() == "grüße"
    assert response.getheader("content-type") == "text/html"


def test_an_http_reply_has_its_status_in_a_member() -> None:
    response, content = answered({"statusCode": 418, "body": [1], "headers": {"a": "1"}})

    assert (response.status, content, response.getheader("a")) == (418, b"[1]", "1")


def test_a_file_is_sent_with_its_type() -> None:
    data = bytes(range(256)) * 2000

    response, content = answered(
        {"body": {}, "headers": {"x-ipaas-object-storage-id": "o1"}}, {"o1": StoredFile(data, "image/png")}
    )

    assert (response.status, content, response.getheader("content-type")) == (200, data, "image/png")


def test_a_file_that_is_gone_is_an_error() -> None:
    assert answered({"body": {}, "headers": {"x-ipaas-object-storage-id": "o1"}})[0].status == 500


def test_a_status_without_body_has_none() -> None:
    response, content = answered({"statusCode": 204, "body": "x"})

    assert (response.status, content, response.getheader("content-length")) == (204, b"", None)


@pytest.mark.parametrize("status", [100, 1000, "x", None, {}])
def test_a_reply_without_a_valid_status_is_an_error(status: Any) -> None:
    assert answered({"statusCode": status, "body": "x"})[0].status == 500


def test_a_header_of_a_reply_begins_no_other_header(caplog: pytest.LogCaptureFixture) -> None:
    headers = {"a": "1\r\nset-cookie: x", "b\r\nc": "1", "d": "ü", "": "x", "e": {"f": 1}, "content-length": 7}

    response, content = answered({"body": "text", "headers": headers})

    names = {name.lower() for name, _ in response.getheaders()}
    assert content == b"text"
    assert names == {"content-type", "content-length", "date", "d"}
    assert "left out" in caplog.text


def test_a_repeated_header_is_a_list() -> None:
    response, _ = answered({"body": "x", "headers": {"set-cookie": ["a=1", "b=2"]}})

    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_the_error_of_a_step_answers_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    error = {"name": "ValueError", "message": "no such list", "stack": "trace"}
    with running(has_reply=True) as (flow, caller):
        flow.reply = lambda _, headers: reply_from(
            {"x-eio-error-response": True, "compId": "crm", "function": "upsert", "stepId": "step_2", "threadId": "t1"},
            error,
        )
        response, content = caller.call(body="{}", headers=JSON)

    assert response.status == 200
    assert response.getheader("x-execution-id") == "t1"
    assert json.loads(content) == {
        "message": "Component crm failed when executing function upsert (step=step_2)",
        "error": {"message": "no such list", "stack": "trace"},
    }
    assert "step step_2 failed" in caplog.text


def test_without_a_reply_the_caller_waits_no_longer_than_the_limit() -> None:
    with running(has_reply=True, limits=Limits(reply_seconds=0.05)) as (flow, caller):
        response, content = caller.call(body="{}", headers=JSON)

    assert response.status == 500
    assert "has not replied" in json.loads(content)["error"]
    assert len(flow.messages) == 1


def test_the_first_reply_wins() -> None:
    with running(has_reply=True) as (flow, caller):

        def reply_twice(_: Any, headers: Any) -> StepReply:
            assert flow.gateway is not None
            flow.gateway.on_reply(headers["reply_to"], StepReply({"body": "first"}))
            return StepReply({"body": "second"})

        flow.reply = reply_twice
        contents = [caller.call(body="{}", headers=JSON)[1] for _ in range(2)]

    assert contents == [b"first", b"first"]


def test_a_reply_goes_to_the_caller_who_asked() -> None:
    with running(has_reply=True) as (flow, caller), caller.connect() as one, caller.connect() as two:
        for connection, name in ((one, "1"), (two, "2")):
            connection.sendall(f"GET /hook/f1?n={name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert flow.arrived.acquire(timeout=10)
        assert flow.gateway is not None
        for message, headers in reversed(list(zip(flow.messages, flow.headers, strict=True))):
            flow.gateway.on_reply(headers["reply_to"], StepReply({"body": message["body"]["n"]}))

        assert read_all(one).endswith(b"\r\n\r\n1")
        assert read_all(two).endswith(b"\r\n\r\n2")


def test_a_reply_to_a_caller_who_has_left_is_dropped() -> None:
    with running(has_reply=True) as (flow, caller):
        with caller.connect() as connection:
            connection.sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert flow.arrived.acquire(timeout=10)
        assert flow.gateway is not None
        flow.gateway.on_reply(flow.headers[0]["reply_to"], StepReply({"body": "late"}))
        flow.gateway.on_reply("flow.reply.unknown", StepReply({"body": "stray"}))
        flow.reply = lambda _, headers: StepReply({"body": "next"})

        assert caller.call(body="{}", headers=JSON)[1] == b"next"


def test_a_caller_who_leaves_gives_the_connection_back() -> None:
    with running(has_reply=True, limits=Limits(connections=1)) as (flow, caller):
        with caller.connect() as connection:
            connection.sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert flow.arrived.acquire(timeout=10)
        while (status := caller.status("HEAD")) in (429, None):
            pass  # the gateway has not noticed yet

        assert status == 200


def test_a_request_that_comes_before_the_reply_to_the_last_one_is_kept() -> None:
    request = b"GET /hook/f1?n=%d HTTP/1.1\r\nHost: x\r\n%s\r\n"
    with running(has_reply=True) as (flow, caller), caller.connect() as connection:
        connection.sendall(request % (1, b"") + request % (2, b"Connection: close\r\n"))
        for number in range(2):
            assert flow.arrived.acquire(timeout=10)
            assert flow.gateway is not None
            body = flow.messages[number]["body"]
            flow.gateway.on_reply(flow.headers[number]["reply_to"], StepReply({"body": body}))

        answers = read_all(connection)

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b'{"n":"1"}') < answers.index(b'{"n":"2"}')


def test_callers_who_wait_get_their_reply_after_the_flow_has_stopped_accepting() -> None:
    with running(has_reply=True) as (flow, caller), caller.connect() as connection:
        connection.sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert flow.arrived.acquire(timeout=10)
        assert flow.gateway is not None
        flow.gateway.stop_accepting()
        flow.gateway.on_reply(flow.headers[0]["reply_to"], StepReply({"body": "done"}))

        assert read_all(connection).endswith(b"done")


def test_a_caller_who_waits_at_the_end_learns_that_there_is_no_reply() -> None:
    with running(has_reply=True) as (flow, caller), caller.connect() as connection:
        connection.sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert flow.arrived.acquire(timeout=10)
        assert flow.gateway is not None
        flow.gateway.close()

        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"ended without a reply" in answer


def test_a_reply_after_the_end_of_the_gateway_is_dropped() -> None:
    with running(has_reply=True) as (flow, _):
        pass
    assert flow.gateway is not None
    flow.gateway.on_reply("flow.reply.1", StepFailure("crm", "f", "step_1", "t", {}))
    flow.gateway.close()
