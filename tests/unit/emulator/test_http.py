"""The emulator's server: routes, journal, faults, start and stop."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from shipmate.emulator import Fault, Journal, Reply, Server
from shipmate.emulator.journal import Request

TIMEOUT = 10


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a started server with one route that counts."""
    with Server() as started:
        calls: list[Request] = []

        def count(request: Request) -> Reply:
            calls.append(request)
            return Reply(200, {"calls": len(calls)})

        started.route("GET", "/count", count)
        started.route("POST", "/count", count)
        yield started


def get(server: Server, path: str, **options: object) -> requests.Response:
    """Ask without following redirects, with a time limit."""
    return requests.request("GET", server.url + path, timeout=TIMEOUT, allow_redirects=False, **options)  # type: ignore[arg-type]


def raw(server: Server, data: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes as they are and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), TIMEOUT) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(4096):
            parts.append(part)
    return b"".join(parts)


def test_a_route_gets_decoded_names_and_the_journal_the_path_as_it_was_sent(server: Server) -> None:
    server.route("GET", "/a/{name}/b", lambda request, name: Reply(200, name))
    assert get(server, "/a/x%2Fy%20z/b?q=1&q=2").text == "x/y z"
    request = server.requests[0]
    assert (request.method, request.path, request.query_string) == ("GET", "/a/x%2Fy%20z/b", "q=1&q=2")
    assert request.query == {"q": "2"}
    assert request.header("user-AGENT") is not None
    assert request.header("X-None") is None


def test_an_unknown_path_is_404_and_an_unknown_method_405(server: Server) -> None:
    assert get(server, "/nothing").status_code == 404
    assert get(server, "/count/deeper").status_code == 404
    refused = requests.delete(server.url + "/count", timeout=TIMEOUT)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST")


def test_head_is_get_without_a_body(server: Server) -> None:
    answer = requests.head(server.url + "/count", timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("reply", "content_type", "body"),
    [
        (Reply(200, b"\x00\xff"), "application/octet-stream", b"\x00\xff"),
        (Reply(200, "é"), "text/plain; charset=utf-8", "é".encode()),
        (Reply(200, [1]), "application/json", b"[1]"),
        (Reply(200), None, b""),
        (Reply(200, b"x", {"content-type": "image/png"}), "image/png", b"x"),
        (Reply(204, "ignored"), "text/plain; charset=utf-8", b""),
        (Reply(599), None, b""),
    ],
)
def test_bodies_of_all_kinds_are_sent(server: Server, reply: Reply, content_type: str | None, body: bytes) -> None:
    server.route("GET", "/reply", lambda request: reply)
    answer = get(server, "/reply")
    assert (answer.status_code, answer.headers.get("Content-Type"), answer.content) == (
        reply.status,
        content_type,
        body,
    )


def test_bodies_arrive_whole_with_a_length_or_in_chunks(server: Server) -> None:
    requests.post(server.url + "/count", data=b"x" * 100_000, timeout=TIMEOUT)
    requests.post(server.url + "/count", data=(part for part in (b"ab", b"c" * 70_000)), timeout=TIMEOUT)
    requests.post(server.url + "/count", json={"n": 1}, timeout=TIMEOUT)
    requests.post(server.url + "/count", data={"a": "1 2"}, timeout=TIMEOUT)
    assert [len(each.body) for each in server.requests] == [100_000, 70_002, 8, 5]
    assert server.requests[2].json() == {"n": 1}
    assert server.requests[3].form == {"a": "1 2"}


def test_chunk_extensions_and_trailers_are_skipped(server: Server) -> None:
    head = b"POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(server, head + b"2;n=1\r\nab\r\n0\r\nX-Trailer: 1\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert server.requests[0].body == b"ab"


@pytest.mark.parametrize("head", [b"Content-Length: many", b"Transfer-Encoding: chunked"])
def test_a_body_with_a_malformed_length_is_400(server: Server, head: bytes) -> None:
    assert raw(server, b"POST /count HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\nzz\r\n").startswith(b"HTTP/1.1 400 ")
    assert server.requests == []


def test_a_request_that_ends_in_its_body_is_not_recorded(server: Server) -> None:
    half = b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    assert raw(server, half, half_close=True) == b""
    assert server.requests == []


def test_a_function_that_rejects_its_request_is_400_and_one_that_fails_500(server: Server) -> None:
    server.route("POST", "/json", lambda request: Reply(200, request.json()))
    server.route("POST", "/broken", lambda request: Reply(200, 1 // 0))
    server.route("POST", "/mistake", lambda request: Reply(200, int("")))
    assert requests.post(server.url + "/json", data=b"{", timeout=TIMEOUT).status_code == 400
    refused = requests.post(server.url + "/mistake", timeout=TIMEOUT)
    assert (refused.status_code, "invalid literal for int()" in refused.json()["error_description"]) == (400, True)
    assert requests.post(server.url + "/broken", timeout=TIMEOUT).json() == {"error": "emulator_failed"}


def test_faults_are_used_by_the_next_requests_of_their_path_in_order(server: Server) -> None:
    server.script("/count", Fault(status=503, body={"e": 1}, headers={"Retry-After": "2"}), Fault(status=500))
    server.script(None, Fault(status=418), method="GET")
    server.script("/elsewhere", Fault(status=500))
    assert requests.post(server.url + "/count", timeout=TIMEOUT).headers["Retry-After"] == "2"
    assert [get(server, path).status_code for path in ("/count", "/other", "/count")] == [500, 418, 200]
    assert [each.status for each in server.requests] == [503, 500, 418, 200]


def test_a_fault_can_be_repeated_and_forgotten(server: Server) -> None:
    server.script("/count", Fault(status=500), times=3)
    assert [get(server, "/count").status_code for _ in range(2)] == [500, 500]
    server.clear_script()
    assert get(server, "/count").status_code == 200


def test_a_fault_can_redirect(server: Server) -> None:
    server.script(None, Fault(redirect="/elsewhere"), Fault(redirect="http://other.test/", status=307))
    first, second = get(server, "/count"), get(server, "/count")
    assert (first.status_code, first.headers["Location"]) == (302, "/elsewhere")
    assert (second.status_code, second.headers["Location"]) == (307, "http://other.test/")


def test_a_fault_after_processing_fails_a_request_that_was_processed(server: Server) -> None:
    server.script(None, Fault(status=502), Fault(status=502, after_processing=True))
    assert [get(server, "/count").status_code for _ in range(2)] == [502, 502]
    assert get(server, "/count").json() == {"calls": 2}


def test_a_connection_can_be_dropped_before_the_answer(server: Server) -> None:
    server.script(None, Fault(drop="before"), Fault(drop="before", after_processing=True))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            get(server, "/count")
    assert [each.status for each in server.requests] == [0, 0]
    assert get(server, "/count").json() == {"calls": 2}


def test_a_connection_can_be_dropped_in_the_middle_of_the_body(server: Server) -> None:
    server.script(None, Fault(drop="middle"), Fault(drop="middle", status=200, body="x" * 1000))
    for _ in range(2):
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            get(server, "/count")
    assert get(server, "/count").json() == {"calls": 2}


def test_an_answer_without_a_body_is_cut_in_its_head(server: Server) -> None:
    server.script(None, Fault(drop="middle", status=200))
    whole = raw(server, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert whole.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in whole


def test_a_held_request_goes_on_when_its_event_is_set(server: Server) -> None:
    hold = threading.Event()
    server.script("/count", Fault(hold=hold, delay_seconds=0.001))
    with ThreadPoolExecutor() as pool:
        held = pool.submit(get, server, "/count")
        assert server.wait_for(1)[0].status is None
        assert get(server, "/count").json() == {"calls": 1}
        hold.set()
        assert held.result(TIMEOUT).json() == {"calls": 2}


@pytest.mark.parametrize("fault", [Fault(hold=threading.Event()), Fault(delay_seconds=300)])
def test_stop_does_not_wait_for_held_requests_or_idle_connections(fault: Fault) -> None:
    server = Server().start()
    idle = requests.Session()
    idle.get(server.url + "/x", timeout=TIMEOUT)
    server.script("/held", fault)

    def ask() -> int:
        try:
            return get(server, "/held").status_code
        except requests.ConnectionError:
            return 0

    with ThreadPoolExecutor() as pool:
        held = pool.submit(ask)
        server.wait_for(2)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        assert held.result(TIMEOUT) in (0, 404)
    with pytest.raises(requests.ConnectionError):
        idle.get(server.url + "/x", timeout=TIMEOUT)
    idle.close()


def test_a_server_can_be_started_and_stopped_again_and_keeps_its_port() -> None:
    server = Server()
    server.stop()
    with pytest.raises(RuntimeError, match="start"):
        _ = server.url
    url = server.start().start().url
    server.stop()
    server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=TIMEOUT)
    with server:
        assert server.url == url
        assert get(server, "/x").status_code == 404


def test_a_shared_journal_numbers_over_all_servers_and_keeps_them_apart() -> None:
    journal = Journal()
    with Server(name="a", journal=journal) as first, Server(name="a", journal=journal) as second:
        for server in (first, second, first):
            get(server, "/x")
        assert [(each.sequence, each.server) for each in journal.requests] == [(1, "a"), (2, "a-2"), (3, "a")]
        assert [each.sequence for each in first.requests] == [1, 3]
        assert len(second.wait_for(1)) == 1
        assert len(journal.wait_for(3)) == 3
    assert repr(journal) == "Journal(['a GET /x', 'a-2 GET /x', 'a GET /x'])"


def test_waiting_for_requests_that_do_not_come_fails_with_the_count(server: Server) -> None:
    get(server, "/x")
    with pytest.raises(TimeoutError, match=r"expected 2 requests within 0\.01 s, found 1"):
        server.wait_for(2, 0.01)


def test_thirty_two_clients_at_once_are_served(server: Server) -> None:
    everybody = threading.Barrier(32)

    def meet(request: Request) -> Reply:
        everybody.wait(TIMEOUT)
        return Reply(200)

    server.route("GET", "/meet", meet)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: get(server, "/meet").status_code, range(32)))
    assert answers == [200] * 32


def test_the_bearer_token_of_a_request_is_read_whatever_the_case(server: Server) -> None:
    for value in ("bearer abc", "Basic abc"):
        get(server, "/x", headers={"Authorization": value})
    assert [each.bearer for each in server.requests] == ["abc", None]
