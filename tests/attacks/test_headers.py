"""Attacks by the names and values of headers that a message or a caller gives."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

import pytest
import requests

from actions import send_request
from shipmate.emulator import Platform, Reply, Server
from shipmate.errors import InvalidOption, PlatformRefused, UnsafeUrl
from shipmate.oauth2.api import OAuth2
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import NO_AUTH, HeaderAuth, HttpService, RetryPolicy
from shipmate.settings import ApiSettings
from tests.contract.workbench import Workbench
from tests.scripted import read_request, scripted_server

NAMES = [
    "X\x00",
    "X\x7f",
    "X Y",
    " X",
    "X ",
    "X\t",
    "",
    "X:",
    "X\r\nY",
    "Größe",
    "X\x80",
    "X(",
    "X/",
    "X\u2028",
    "a;b",
    "[a]",
]
VALUES = ["a\x00", "\x1b[31m", "a\x7f", "a\r\nX: y", "a\n b", "a\rb", "a\x0bb", "\ta", " a", "€", "a\ud800", "a\x08"]
HOP_BY_HOP = [
    "Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer", "TRANSFER-ENCODING", "Upgrade",
    "Proxy-Authorization", "Proxy-Authenticate", "Authorization", "authorization ", "Cookie", "Host", "Content-Length",
]  # fmt: skip
WRONG = [({name: "secret"}) for name in NAMES] + [{"X-Ok": value} for value in VALUES]


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server that must see no request."""
    with Server() as started:
        started.route("*", "/x", lambda request: Reply({}))
        yield started
        assert started.requests == []


@pytest.mark.parametrize("headers", WRONG, ids=repr)
def test_a_session_sends_no_wrong_header(bench: Workbench, headers: dict[str, Any]) -> None:
    """Neither of the session nor of the request; the error shows no value."""
    bench.keys = bench.provider.issue()
    session = bench.session()
    with pytest.raises(requests.exceptions.InvalidHeader) as refused:
        session.get(bench.api.url + "/me", headers=headers)
    assert "secret" not in str(refused.value)
    session.headers.update(headers)
    with pytest.raises(requests.exceptions.InvalidHeader):
        session.get(bench.api.url + "/me")
    assert bench.calls() == []


LINES = [
    "\r\nX-Evil: y",
    "\nX-Evil: y",
    "\rX-Evil: y",
    " HTTP/1.1\r\nX-Evil: y\r\n\r\nGET /evil",
    "\u010d\u010aX-Evil: y",
    "\x00",
]


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("place", ["path", "query", "params", "name of a parameter", "form", "session"])
def test_a_text_of_a_message_begins_no_header_and_no_request(bench: Workbench, lines: str, place: str) -> None:
    """Whatever part of a request it becomes."""
    bench.keys = bench.provider.issue()
    received: list[bytes] = []

    def serve(sock: socket.socket, number: int) -> None:
        while request := read_request(sock):
            received.append(request)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with scripted_server(serve) as server:
        session, url = bench.session(), server.url + "/a"
        with suppress(requests.RequestException, UnsafeUrl):
            match place:
                case "path":
                    session.get(url + lines)
                case "query":
                    session.get(url + "?b=" + lines)
                case "params":
                    session.get(url, params={"b": lines})
                case "name of a parameter":
                    session.get(url, params={"b" + lines: "c"})
                case "form":
                    session.post(url, data={"b": lines})
                case _:
                    session.params["b"] = lines
                    session.get(url)
    assert len(received) <= 1
    for request in received:
        head, _, _ = request.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0] for line in head.replace(b"\r\n", b"\n").split(b"\n")[1:]]
        assert b"X-Evil" not in names
        assert b"\r" not in head.replace(b"\r\n", b"")
        assert b"\0" not in head


@pytest.mark.parametrize("ending", [b"\r", b"\x00"])
def test_a_cookie_of_a_server_begins_no_header(bench: Workbench, ending: bytes) -> None:
    """A host could write into requests to its neighbours, which share its domain."""
    bench.keys = bench.provider.issue()
    received: list[bytes] = []

    def serve(sock: socket.socket, number: int) -> None:
        while request := read_request(sock):
            received.append(request)
            sock.sendall(
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b" + ending + b"X-Evil: c; Path=/\r\nContent-Length: 0\r\n\r\n"
            )

    with scripted_server(serve) as server:
        session = bench.session()
        for _ in range(2):
            session.get(server.url + "/a")
    assert b"Cookie: a=b" in received[1]
    for line in received[1].split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert not line.startswith(b"X-Evil")


@pytest.mark.parametrize("token", ["a\x00b", "a\r\nX: y", "a\nb", "a\x7f", "€", "a\x1b"])
def test_a_token_is_no_way_to_further_headers(bench: Workbench, token: str) -> None:
    """http.client refuses line breaks as well, but shows the token."""
    bench.keys = {**bench.keys, "access_token": token}
    with pytest.raises(requests.exceptions.InvalidHeader) as refused:
        bench.session().get(bench.api.url + "/me")
    assert token not in str(refused.value)
    assert bench.calls() == []


@pytest.mark.parametrize(
    "header",
    [
        "X Y: {access_token}",
        "Größe: {access_token}",
        "X: {access_token}\x7f",
        "X: {access_token}\x00",
        "X: {access_token}€",
    ],
)
def test_the_header_of_the_token_is_one(header: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidOption, match="header"):
        OAuth2(header=header)


@pytest.mark.parametrize("headers", WRONG, ids=repr)
def test_the_platform_gets_no_wrong_header(server: Server, headers: dict[str, Any]) -> None:
    """Whoever calls it."""
    service = HttpService("service", NO_AUTH, RetryPolicy(attempts=1))
    with pytest.raises(PlatformRefused) as refused:
        service.send("GET", server.url + "/x", headers=headers)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("value", VALUES[:6])
def test_the_content_type_of_a_file_is_a_header(value: str) -> None:
    """A message may name it."""
    with Platform() as platform:
        client = PlatformClient(ApiSettings.from_environ(platform.environ()))
        with pytest.raises(PlatformRefused, match="header Content-Type"):
            client.objects.create(b"", content_type=value)
        with pytest.raises(PlatformRefused, match="header Content-Type"):
            Attachments(lambda: client).upload("a.txt", b"", content_type=value)


@pytest.mark.parametrize("has_proxy", [True, False])
def test_credentials_with_line_breaks_are_not_shown(server: Server, has_proxy: bool) -> None:
    """A variable may end with one by mistake."""
    service = HttpService("service", HeaderAuth("Bearer secret\n"), RetryPolicy(attempts=1))
    with pytest.raises(PlatformRefused) as refused:
        service.get_object(server.url + "/x", "answer", has_proxy=has_proxy)
    assert "secret" not in str(refused.value)


class Run:
    """A context without a session."""

    def session(self, cfg: dict[str, Any], **options: Any) -> Any:
        return self

    headers: ClassVar[dict[str, str]] = {}


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_a_message_sets_no_header_of_the_connection(name: str) -> None:
    """``Connection: authorization`` makes a proxy remove the token."""
    msg: Any = {"body": {"url": "/x", "headers": {name: "authorization"}}}
    with pytest.raises(ValueError, match="is set by this component"):
        send_request.process(Run(), msg, {"base_url": "https://api.example"}, {})  # type: ignore[arg-type]
