"""What becomes of a request: the message, the attachments, the answer."""

import gzip
import hashlib
import hmac
import json
import socket
from base64 import b64encode
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.flow.gateway import Gateway, Hook
from tests.webhooks import FlowBehind, running

JSON = {"content-type": "application/json"}
FORM_TYPE = "application/x-www-form-urlencoded"
FIELD = b"\r\n--b\r\nContent-Disposition: form-data; "


def body_of(data: bytes | str, content_type: str, *, path: str = "", is_raw: bool = False) -> Any:
    """Return the body of the message that a request makes."""
    with running(is_raw=is_raw) as (flow, caller):
        response, content = caller.call(path=path, body=data, headers={"content-type": content_type})
        assert response.status == 200, content
        return flow.message["body"]


def refusal(data: bytes | str, content_type: str) -> tuple[int, str]:
    with running() as (flow, caller):
        response, content = caller.call(body=data, headers={"content-type": content_type})
        assert flow.messages == []
        return response.status, json.loads(content)["error"]


def test_a_request_becomes_a_message() -> None:
    with running() as (flow, caller):
        response, content = caller.call(path="/sales/orders?a=1", body='{"mail": "x"}', headers={**JSON, "X-Tag": "t"})

    answer = json.loads(content)
    headers = flow.headers[0]
    assert response.status == 200
    assert answer == {"requestId": headers["threadId"], "message": "thank you"}
    assert len(answer["requestId"]) == 32
    assert headers == {
        "messageId": flow.message["id"], "threadId": answer["requestId"], "x-eio-meta-trace-id": answer["requestId"],
    }  # fmt: skip
    http_headers = flow.message.pop("headers")
    assert http_headers["x-tag"] == "t"
    del flow.message["id"]
    assert flow.message == {
        "attachments": {},
        "metadata": {},
        "method": "POST",
        "url": "/hook/f1/sales/orders?a=1",
        "originalUrl": "/hook/f1/sales/orders?a=1",
        "query": {"a": "1"},
        "params": {"taskId": "f1"},
        "pathSuffix": "/sales/orders",
        "additionalUrlPath": "/sales/orders",
        "taskId": "f1",
        "body": {"mail": "x"},
    }


def test_the_body_of_a_get_is_its_query() -> None:
    with running() as (flow, caller):
        response, _ = caller.call("GET", "?a=1&b[c]=2")

    assert response.status == 200
    assert flow.message["body"] == flow.message["query"] == {"a": "1", "b": {"c": "2"}}


def test_head_answers_and_begins_nothing() -> None:
    with running() as (flow, caller):
        response, content = caller.call("HEAD")

    assert (response.status, content, flow.messages) == (200, b"", [])


def test_other_methods_are_refused() -> None:
    with running() as (flow, caller):
        response, _ = caller.call("DELETE")

    assert (response.status, response.getheader("Allow"), flow.messages) == (405, "GET, HEAD, POST", [])


def test_an_unknown_flow_is_not_found() -> None:
    with running() as (flow, caller):
        caller.path = "/hook/other"
        response, content = caller.call(body="{}", headers=JSON)

    assert response.status == 404
    assert "error" in json.loads(content)
    assert flow.messages == []


def test_a_flow_that_stops_is_not_found() -> None:
    with running() as (flow, caller):
        assert flow.gateway is not None
        flow.gateway.stop_accepting()
        response, _ = caller.call(body="{}", headers=JSON)

    assert response.status == 404


def test_headers_of_the_platform_are_left_out() -> None:
    """With them a caller would choose the next step, or read stored bodies."""
    sent = {
        "X-EIO-Routing-Key": "k", "x-ipaas-object-storage-id": "o", "Reply_To": "r", "x-eio-signature": "s", "a": "1",
    }  # fmt: skip
    with running() as (flow, caller):
        caller.call(body="{}", headers={**JSON, **sent})

    headers = flow.message["headers"]
    assert headers["a"] == "1"
    assert not {name.lower() for name in sent if name != "a"} & set(headers)


@pytest.mark.parametrize(
    ("data", "content_type", "body"),
    [
        ('{"a": [1]}', "application/json; charset=utf-8", {"a": [1]}),
        ("[1, 2]", "application/vnd.api+json", [1, 2]),
        ("", "application/json", {}),
        (' {"a": 1}', "text/plain", {"a": 1}),
        ("a=1&b[c]=x%20y&d[]=1&d[]=2", FORM_TYPE, {"a": "1", "b": {"c": "x y"}, "d": ["1", "2"]}),
        ("a=%FC", FORM_TYPE, {"a": "\ufffd"}),
        ('<a x="1"><b>1</b><b>2</b><c:d> t </c:d>text</a>', "application/xml", {
            "a": {"_attr": {"x": "1"}, "b": ["1", "2"], "c-d": " t ", "_": "text"},
        }),
        ("<a><b/></a>", "application/soap+xml", {"a": {"b": ""}}),
        ("<a>&lt;&#252;<![CDATA[<x>]]></a>", "text/xml", {"a": "<ü<x>"}),
        ("<a>ü</a>".encode("latin-1"), "text/xml; charset=iso-8859-1", {"a": "ü"}),
    ],
)  # fmt: skip
def test_a_body_is_read_by_its_content_type(data: bytes | str, content_type: str, body: Any) -> None:
    encoded = data.encode() if isinstance(data, str) else data
    assert body_of(encoded, content_type) == body


@pytest.mark.parametrize(("is_raw", "path"), [(True, ""), (False, "?raw=true")])
def test_a_raw_body_stays_text(is_raw: bool, path: str) -> None:
    assert body_of('{"a":  1}', "application/json", path=path, is_raw=is_raw) == {"rawData": '{"a":  1}'}


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("text/csv", "payload.csv"),
        ("text/yaml", "payload.yaml"),
        ("text/html; charset=utf-8", "payload.html"),
        ("application/pdf", "payload.pdf"),
        ("application/zip", "payload.zip"),
        ("application/vnd.ms-excel", "payload.xls"),
        ("image/jpeg", "payload.jpeg"),
        ("text/plain", "payload.txt"),
        ("application/octet-stream", "payload.bin"),
        ("application/x-no-such-type", "payload.bin"),
    ],
)
def test_other_content_becomes_an_attachment(content_type: str, name: str) -> None:
    with running() as (flow, caller):
        caller.call(body=b"a;b\x00", headers={"content-type": content_type})

    assert flow.message["body"] == {}
    assert flow.message["attachments"] == {name: {"content-type": content_type, "size": 4, "url": "http://files/1"}}
    assert flow.stored == {"http://files/1": (b"a;b\x00", content_type)}


FORM = b"".join(
    [
        b"preamble",
        FIELD + b'name="a"\r\n\r\n1',
        FIELD.lower() + b'name="a"\r\n\r\n2',
        FIELD + b'name="t"\r\n\r\n',
        FIELD + b'name="f"; filename="C:\\x\\data.csv"\r\nContent-Type: text/csv\r\n\r\na;b\r\n',
        FIELD + b'name="g"; filename="data.csv"\r\n\r\n\x00\xff',
        b"\r\n--b--\r\nepilogue",
    ]
)


def test_the_fields_of_a_form_are_the_body_and_its_files_attachments() -> None:
    with running() as (flow, caller):
        response, content = caller.call(body=FORM, headers={"content-type": "multipart/form-data; boundary=b"})

    assert response.status == 200, content
    assert flow.message["body"] == {"a": ["1", "2"], "t": ""}
    assert flow.message["attachments"] == {
        "data.csv": {"content-type": "text/csv", "size": 5, "url": "http://files/1"},
        "data-2.csv": {"content-type": "application/octet-stream", "size": 2, "url": "http://files/2"},
    }
    assert [content for content, _ in flow.stored.values()] == [b"a;b\r\n", b"\x00\xff"]


def test_a_packed_body_is_unpacked() -> None:
    with running() as (flow, caller):
        caller.call(body=gzip.compress(b'{"a": 1}'), headers={**JSON, "content-encoding": "gzip"})

    assert flow.message["body"] == {"a": 1}


@pytest.mark.parametrize(
    ("data", "content_type", "status", "text"),
    [
        ('{"a": }', "application/json", 400, "expected JSON, found an error at line 1"),
        ("NaN", "application/json", 400, "expected JSON"),
        ("[" * 5000 + "]" * 5000, "application/json", 400, "nested too deeply"),
        ("<a><b></a>", "application/xml", 400, "expected XML, found an error at line 1, column 9"),
        ("<a>", "application/xml; charset=none-such", 400, "expected XML"),
        ("--c--", "multipart/form-data; boundary=b", 400, "closing boundary"),
        ("x", "multipart/form-data", 400, "expected a boundary"),
        ("&".join(["a=1"] * 1001), FORM_TYPE, 400, "at most 1000 parameters"),
    ],
)
def test_a_malformed_body_is_refused(data: str, content_type: str, status: int, text: str) -> None:
    found, error = refusal(data, content_type)

    assert found == status
    assert text in error


def test_a_post_without_content_type_is_refused() -> None:
    with running() as (_, caller):
        response, _ = caller.call(body="{}")

    assert response.status == 415


def test_a_full_queue_asks_for_a_later_request() -> None:
    with running() as (flow, caller):
        flow.is_full = True
        response, _ = caller.call(body="{}", headers=JSON)

    assert response.status == 429


def test_a_message_that_cannot_be_queued_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with running() as (flow, caller):
        flow.failure = RuntimeError("amqp://user:secret@host is gone")
        response, content = caller.call(body="{}", headers=JSON)

    assert response.status == 500
    assert b"secret" not in content
    assert "could not be queued" in caplog.text


def test_a_connection_takes_several_requests() -> None:
    request = b"POST /hook/f1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    last = b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with running() as (flow, caller):
        answers = caller.raw(request + request + last)

    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert len(flow.messages) == 3


def test_a_body_may_come_in_chunks() -> None:
    with running() as (flow, caller):
        caller.call(body=iter([b'{"a"', b": 1}"]), headers=JSON)  # type: ignore[arg-type]

    assert flow.message["body"] == {"a": 1}


def test_a_caller_that_asks_first_is_told_to_continue() -> None:
    head = b"POST /hook/f1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    with running() as (flow, caller), caller.connect() as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        first = connection.recv(25)
        connection.sendall(b"{}")
        assert flow.arrived.acquire(timeout=10)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_taken_port_is_an_error_of_the_operator() -> None:
    behind = FlowBehind()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = Gateway(Hook("f1"), behind.publish, behind, port=taken.getsockname()[1])
        with pytest.raises(BadInput, match="--webhook-port: expected a free port"):
            gateway.start()
        gateway.close()


BASIC = {"type": "BASIC", "basic": {"username": "ada", "password": "pässword"}}
API_KEY = {"type": "API_KEY", "apiKey": {"headerName": "X-Key", "headerValue": "k1"}}
HMAC = {"type": "HMAC", "hmacSecret": "s1"}
OWN_HMAC = {"type": "HMAC_TWO", "hmacSecret": {"headerName": "X-Hub", "headerValue": "s1"}}


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(text.encode()).decode()}


def signature(digest: str, key: str = "s1") -> str:
    return hmac.new(key.encode(), b"{}", getattr(hashlib, digest)).hexdigest()


@pytest.mark.parametrize(
    ("auth", "headers", "status"),
    [
        ({}, {}, 200),
        ({"type": "NO_AUTH"}, {}, 200),
        (BASIC, basic("ada:pässword"), 200),
        (BASIC, basic("ada:wrong"), 401),
        (BASIC, {"authorization": "Basic !"}, 401),
        (BASIC, {"authorization": "Bearer x"}, 401),
        (BASIC, {}, 401),
        (API_KEY, {"x-key": "k1"}, 200),
        (API_KEY, {"x-key": "k2"}, 401),
        (API_KEY, {}, 401),
        (HMAC, {"x-eio-signature": signature("sha512")}, 200),
        (HMAC, {"x-eio-signature": signature("sha256").upper()}, 200),
        (HMAC, {"x-eio-signature": signature("sha512", "s2")}, 400),
        (HMAC, {"x-eio-signature": "short"}, 400),
        (HMAC, {}, 400),
        (OWN_HMAC, {"X-Hub": "sha256=" + signature("sha256")}, 200),
        (OWN_HMAC, {"x-eio-signature": signature("sha256")}, 400),
        ({"type": "BASIC"}, basic(":"), 500),
        ({"type": "HMAC"}, {"x-eio-signature": signature("sha256", "")}, 500),
        ({"type": "NEW"}, {}, 500),
    ],
)
def test_a_caller_needs_the_credentials_of_the_account(
    auth: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    with running(auth) as (flow, caller):
        response, content = caller.call(body="{}", headers={**JSON, **headers})

    assert response.status == status
    assert len(flow.messages) == (status == 200)
    assert b"s1" not in content
    assert b"k1" not in content


def test_the_signature_stays_in_the_message() -> None:
    with running(HMAC) as (flow, caller):
        caller.call(body="{}", headers={**JSON, "x-eio-signature": signature("sha512")})

    assert flow.message["headers"]["x-eio-signature"] == signature("sha512")
