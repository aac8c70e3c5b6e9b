"""Hostile callers of a webhook: too large, too slow, malformed, too many."""

import contextlib
import gc
import gzip
import json
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.flow.gateway import Limits, StepReply
from shipmate.flow.gateway.forms import parse_form
from shipmate.flow.gateway.multipart import parameters, parse_multipart
from shipmate.flow.gateway.request import BadRequest, parse_head
from shipmate.flow.gateway.xml_body import parse_xml
from tests.webhooks import read_all, running

SMALL = Limits(request_bytes=1000, head_seconds=0.3, body_seconds=0.3)
JSON = {"content-type": "application/json"}
HEAD = b"POST /hook/f1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def status(answer: bytes) -> int:
    """Return the status of a raw answer, 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        HEAD + b"Content-Length: 999999999999999\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1f4\r\n" + b"x" * 500 + b"\r\n") * 3 + b"0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    ],
    ids=["length", "huge-length", "chunks", "huge-chunk"],
)
def test_a_body_above_the_limit_is_refused_before_it_is_kept(request_: bytes) -> None:
    with running(limits=SMALL) as (flow, caller):
        assert status(caller.raw(request_)) == 413
        assert flow.messages == []


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_packed_body_is_not_unpacked_beyond_the_limit(pack: Callable[[bytes], bytes]) -> None:
    headers = {**JSON, "content-encoding": "gzip" if pack is gzip.compress else "deflate"}
    with running(limits=Limits(request_bytes=100_000)) as (_, caller):
        response, _ = caller.call(body=pack(b" " * 10_000_000), headers=headers)

    assert response.status == 413


@pytest.mark.parametrize(
    ("coding", "data", "expected"), [("gzip", b"no gzip", 400), ("br", b"x", 415), ("gzip, gzip", b"x", 415)]
)
def test_a_packed_body_that_is_none_is_refused(coding: str, data: bytes, expected: int) -> None:
    with running() as (_, caller):
        assert caller.call(body=data, headers={**JSON, "content-encoding": coding})[0].status == expected


def test_a_packed_body_that_is_cut_off_is_refused() -> None:
    with running() as (_, caller):
        response, _ = caller.call(body=gzip.compress(b'{"a": 1}')[:-8], headers={**JSON, "content-encoding": "gzip"})

    assert response.status == 400


def test_a_head_above_the_limit_is_refused() -> None:
    with running() as (_, caller):
        assert status(caller.raw(HEAD + b"A: " + b"x" * 200_000 + b"\r\n\r\n")) == 431
        assert status(caller.raw(HEAD + b"A: 1\r\n" * 101 + b"\r\n")) == 431


def test_a_slow_head_does_not_keep_the_connection() -> None:
    with running(limits=SMALL) as (_, caller), caller.connect() as connection:
        connection.sendall(HEAD)

        assert read_all(connection) == b""


def test_a_slow_body_does_not_keep_the_connection() -> None:
    with running(limits=SMALL) as (flow, caller), caller.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{")

        assert status(read_all(connection)) == 408
        assert flow.messages == []


def test_a_caller_who_drips_bytes_gets_no_more_time() -> None:
    """The limit is for the whole head, not for each byte."""
    with running(limits=SMALL) as (_, caller), caller.connect() as connection:
        begun = time.monotonic()
        connection.settimeout(0.05)
        is_open = True
        while is_open and time.monotonic() - begun < 5:
            with contextlib.suppress(ConnectionError):
                connection.send(b"A")
            try:
                is_open = connection.recv(1) != b""
            except TimeoutError:
                continue
            except ConnectionError:
                is_open = False

    assert not is_open


def test_a_cut_off_body_makes_no_message() -> None:
    with running() as (flow, caller):
        with caller.connect() as connection:
            connection.sendall(HEAD + b"Content-Length: 10\r\n\r\n{}")
            connection.shutdown(1)
            answer = read_all(connection)

    assert status(answer) == 400
    assert flow.messages == []


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /hook/f1\r\n\r\n",
        b"GET  /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1 x\r\nHost: x\r\n\r\n",
        b"GET hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hook/f1\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hook/f1\nA: b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\xc3\xa4T /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nA: 1\nX-Eio-Routing-Key: k\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nA: 1\rB\r\n\r\n",
        b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"Content-Length: +2\r\n\r\n{}",
        HEAD + b"Content-Length: 0x2\r\n\r\n{}",
        HEAD + b"Content-Length: \r\n\r\n{}",
        HEAD + b"Content-Length: \xd9\xa2\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 100_000,
    ],
)
def test_a_malformed_request_is_refused_and_closes_the_connection(request_: bytes) -> None:
    """What two programs could read in two ways must not hide a second request."""
    with running(limits=Limits(body_seconds=0.3)) as (flow, caller):
        with caller.connect() as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(request_)
            answer = read_all(connection)

    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer
    assert flow.messages == []


def test_another_version_of_http_is_refused() -> None:
    with running() as (_, caller):
        assert status(caller.raw(b"GET /hook/f1 HTTP/2.0\r\nHost: x\r\n\r\n")) == 505


@pytest.mark.parametrize(
    "path",
    [
        "/", "//hook/f1", "/hook", "/hook/", "/hook/f1x", "/hook/../hook/f1", "/hook//f1", "/hook/f1%2f..",
        "/hook/%2e%2e/f1", "/HOOK/f1", "/hook%2ff1", "/hook/f1%00", "/x/f1", "/etc/passwd", "/hook/" + "f" * 5000,
    ],
)  # fmt: skip
def test_another_path_is_not_found(path: str) -> None:
    with running() as (flow, caller):
        caller.path = path
        response, content = caller.call("GET")

    assert response.status == 404
    assert path.encode() not in content or path == "/"
    assert flow.messages == []


def test_a_path_leads_to_no_file_and_reaches_the_flow_as_text() -> None:
    with running() as (flow, caller):
        response, _ = caller.call("GET", "/../../etc/passwd%00?a[__proto__]=1")

    assert response.status == 200
    assert flow.message["pathSuffix"] == "/../../etc/passwd%00"
    assert flow.message["body"] == {"a": {"__proto__": "1"}}


ENTITIES = "".join(f'<!ENTITY y{n} "{f"&y{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE a [<!ENTITY y0 "xxxxxxxxxx">{ENTITIES}]><a>&y9;</a>'


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><a/>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        "<!DOCTYPE a><a/>",
        "<a>&x;</a>",
        "<a>" * 101 + "</a>" * 101,
        "<a>" * 1_000_000,
        '<a x="1" x="2"/>',
        "<a/><b/>",
        "",
        "\x00",
    ],
    ids=range(12),
)
def test_hostile_xml_is_refused(document: str) -> None:
    with running() as (flow, caller):
        response, content = caller.call(body=document, headers={"content-type": "application/xml"})

    assert response.status == 400
    assert "XML" in json.loads(content)["error"]
    assert flow.messages == []


def form(parts: bytes, boundary: str = "b") -> int:
    with running() as (flow, caller):
        response, _ = caller.call(body=parts, headers={"content-type": f"multipart/form-data; boundary={boundary}"})
        assert len(flow.messages) == (response.status == 200)
        return response.status


@pytest.mark.parametrize(
    "parts",
    [
        b"",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--b--',
        b"--b\r\n" + b"A: b\r\n" * 10_000 + b"\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 2000 + b"--b--",
    ],
    ids=range(9),
)
def test_a_hostile_form_is_refused(parts: bytes) -> None:
    assert form(parts) == 400


def test_a_hostile_boundary_is_refused() -> None:
    assert form(b"--x--", "x" * 71) == 400
    assert form(b"----", "") == 400


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\x1b[2J.csv", "ab[2J.csv"),
        ("C:\\x\\y.txt", "y.txt"),
        ("x" * 5000, "x" * 200),
        ("__proto__", "__proto__"),
    ],
)
def test_the_name_of_a_file_is_no_path(filename: str, name: str) -> None:
    part = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{filename}"\r\n\r\nx\r\n--b--'.encode()

    (parsed,) = parse_multipart(part, "b")

    assert parsed.filename == name


@pytest.mark.parametrize(
    "read",
    [
        lambda size: parameters("form-data; " + 'a="\\"' * size),
        lambda size: parameters("form-data; " + "a*=" * size),
        lambda size: parameters(";" * size),
        lambda size: parse_form("a" + "[b]" * size + "=1"),
        lambda size: parse_form("a[" * size + "=1"),
        lambda size: list(parse_multipart(b"--b\r\n" * size, "b")),
        lambda size: list(parse_multipart(b"\r\n--" * size, "b")),
        lambda size: parse_head(b"GET " + b" " * size + b"\r\n\r\n"),
        lambda size: parse_xml(b"<a>" + b"<b c='1'/>" * size + b"</a>"),
        lambda size: parse_xml(b"<a " + b"".join(b"a%d='' " % n for n in range(size)) + b"/>"),
    ],
    ids=range(10),
)
@pytest.mark.no_cover
def test_the_time_to_read_grows_with_the_size_only(read: Callable[[int], object]) -> None:
    """Ten times the size must not take a hundred times as long."""

    def seconds(size: int) -> float:
        gc.disable()  # a search for garbage looks at the objects of all tests before
        begun = time.thread_time()
        with contextlib.suppress(BadRequest):
            read(size)
        taken = time.thread_time() - begun
        gc.enable()
        return taken

    seconds(1000)
    assert min(seconds(30_000) for _ in range(3)) < 40 * max(min(seconds(3_000) for _ in range(3)), 0.001)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parse_head(data + b"\r\n\r\n")


@given(st.binary(max_size=200), st.text(max_size=100), st.text(max_size=100))
def test_any_body_is_read_or_refused(data: bytes, query: str, header: str) -> None:
    parse_form(query)
    parameters(header)
    with contextlib.suppress(BadRequest):
        parse_xml(data)
    with contextlib.suppress(BadRequest):
        list(parse_multipart(b"--b" + data + b"--b--", "b"))


def test_connections_beyond_the_limit_are_refused_and_the_others_work() -> None:
    limits = Limits(connections=5)
    with running(limits=limits) as (flow, caller), contextlib.ExitStack() as stack:
        held = [stack.enter_context(caller.connect()) for _ in range(5)]
        for each in held:  # each has a task once it is answered
            each.sendall(b"HEAD /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(15) == b"HTTP/1.1 200 OK"
        refused = [stack.enter_context(caller.connect()) for _ in range(3)]
        answers = []
        for each in refused:
            each.shutdown(1)
            answers.append(status(read_all(each)))
        held[0].sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert flow.arrived.acquire(timeout=10)

    assert answers == [429] * 3


def test_a_flood_of_connections_is_cut_off() -> None:
    with running(limits=Limits(connections=2)) as (_, caller), contextlib.ExitStack() as stack:
        opened = [stack.enter_context(caller.connect()) for _ in range(50)]

        assert [read_all(each) for each in opened[4:]] == [b""] * 46


def test_all_bodies_together_have_a_limit() -> None:
    limits = Limits(request_bytes=1000, held_bytes=1500)
    body = b'"' + b"x" * 898 + b'"'
    request = HEAD + b"Content-Length: 900\r\n\r\n" + body
    with running(limits=limits) as (_, caller), caller.connect() as first:
        first.sendall(request[:-1])
        while status(caller.raw(request.replace(b"Host: x", b"Host: x\r\nConnection: close"))) == 200:
            pass  # the first body has not arrived yet
        first.sendall(request[-1:])
        assert first.recv(15) == b"HTTP/1.1 200 OK"
        response, _ = caller.call(body=body, headers=JSON)

    assert response.status == 200, "the bytes of the others are given back"


def test_a_caller_who_reads_nothing_does_not_keep_the_connection() -> None:
    limits = Limits(connections=1, write_seconds=0.2)
    with running(has_reply=True, limits=limits) as (flow, caller), caller.connect() as connection:
        flow.reply = lambda _, headers: StepReply({"body": "x" * 20_000_000})
        connection.sendall(b"GET /hook/f1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert flow.arrived.acquire(timeout=10)
        while caller.status("HEAD") in (429, None):
            pass  # the first connection is still open

        assert len(read_all(connection)) < 20_000_000
