"""The lean path and the full one are the same: on the wire, for the author, and in their errors."""

import datetime
import gzip
import io
import json
import pickle
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.http.client import LeanClient
from shipmate.http.limits import within
from shipmate.oauth2.session import OAuth2Session
from tests.contract.workbench import Workbench
from tests.scripted import read_request, scripted_server, server_context

Call = Callable[[OAuth2Session, str], Any]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOKEN = re.compile(r"access-[0-9]+-[\w-]+")


class Recording:
    """Answers requests by a function, and writes them down in the order of arrival."""

    def __init__(self, answer: Callable[[bytes, int], bytes]) -> None:
        self.answer = answer
        self.requests: list[bytes] = []

    def __call__(self, sock: socket.socket, number: int) -> None:
        while request := read_request(sock):
            self.requests.append(request)
            answer = self.answer(request, len(self.requests))
            sock.sendall(answer)
            if b"onnection: close" in answer or not answer.startswith(b"HTTP/1.1 ") or self.is_cut(answer):
                return

    @staticmethod
    def is_cut(answer: bytes) -> bool:
        return b"X-Cut:" in answer


def on_the_wire(requests_: list[bytes], url: str) -> list[tuple[bytes, list[bytes], bytes]]:
    """Return request lines, sorted header lines and bodies, without the port of the server."""
    parts = []
    for request in requests_:
        head, _, body = without_port(request, url.rpartition(":")[2]).partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        parts.append((line, sorted(fields), body))
    return parts


def looks(response: requests.Response) -> dict[str, Any]:
    """Return everything that an author can see of a response but its URL's port."""
    request = response.request
    seen = {
        "status": (response.status_code, response.reason, response.ok, bool(response), repr(response)),
        "headers": dict(response.headers),
        "lower headers": {name.lower(): response.headers[name.swapcase()] for name in response.headers},
        "content": response.content,
        "text": response.text,
        "encoding": (response.encoding, response.apparent_encoding),
        "cookies": sorted((each.name, each.value, each.path, each.domain) for each in response.cookies),
        "url": response.url,
        "redirects": (response.is_redirect, response.is_permanent_redirect, response.links),
        "next": response.next and (response.next.method, response.next.url, sorted(response.next.headers.items())),
        "history": [looks(each) for each in response.history],
        "request": (
            request.method,
            request.url,
            request.path_url,
            shown(request.body),
            sorted(request.headers.items()),
        ),
        "elapsed": response.elapsed.total_seconds() > 0,
        "pieces": (list(response.iter_content(3)), list(response.iter_lines()), list(response)),
        "text pieces": list(response.iter_content(3, decode_unicode=True)) if response.encoding else None,
        "raw": (response.raw.status, response.raw.reason, response.raw.version, list(response.raw.headers.items())),
        "raw values": [response.raw.headers.getlist(name) for name in response.raw.headers],
        "raw body": response.raw.read(),
        "connection": type(response.connection),
    }
    for name, read in {"json": response.json, "raise": response.raise_for_status}.items():
        try:
            seen[name] = read()
        except requests.RequestException as error:
            seen[name] = (type(error), str(error), getattr(error, "response", None) is response)
    copied = pickle.loads(pickle.dumps(response))  # noqa: S301 - its own bytes
    seen["pickled"] = (copied.status_code, copied.content, dict(copied.headers), copied.url, copied.reason, copied.raw)
    with response as entered:
        assert entered is response
    response.close()
    seen["content after close"] = response.content
    return seen


def shown(body: Any) -> Any:
    return body if isinstance(body, str | bytes | None) else type(body)


def failure_of(error: Exception) -> dict[str, Any]:
    request = getattr(error, "request", None)
    return {
        "error": type(error),
        "request": request and (request.method, request.url, shown(request.body), sorted(request.headers.items())),
        "response": getattr(getattr(error, "response", None), "status_code", None),
    }


class Paths:
    """Sends the same requests on both paths, and compares."""

    def __init__(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.monkeypatch = monkeypatch
        self.lean_requests = 0
        self._send = LeanClient.send

    def run(
        self, call: Call, answer: Callable[[bytes, int], bytes], *, is_lean: bool, tls: Any = None
    ) -> tuple[Any, Any]:
        """Return what was on the wire and what the author sees."""

        def send(client: LeanClient, request: Any, limits: within) -> Any:
            response = self._send(client, request, limits)
            self.lean_requests += response is not None
            return response

        with self.monkeypatch.context() as patch:
            patch.setattr(LeanClient, "send", send)
            if not is_lean:
                patch.setattr(LeanClient, "prepare", lambda *args: None)
            recording = Recording(answer)
            with scripted_server(recording, tls=tls) as server:
                session = self.bench.session()
                try:
                    result = call(session, server.url)
                    seen: Any = looks(result) if isinstance(result, requests.Response) else result
                except Exception as error:
                    seen = failure_of(error)
                port = str(server.port)
            wire = on_the_wire(recording.requests, server.url)
        return wire, without_port(seen, port)

    def compare(self, call: Call, answer: Callable[[bytes, int], bytes] | bytes = OK, **options: Any) -> Any:
        """Assert that both paths are the same; return what the author sees."""
        answers = answer if callable(answer) else lambda request, number: answer
        lean_wire, lean_seen = self.run(call, answers, is_lean=True, **options)
        full_wire, full_seen = self.run(call, answers, is_lean=False, **options)
        assert lean_wire == full_wire
        if isinstance(lean_seen, dict) and isinstance(full_seen, dict):
            if full_seen.get("request", True) is None:  # requests leaves it out for a broken body; here it is known
                lean_seen["request"] = None
            for name in full_seen:
                assert lean_seen[name] == full_seen[name], name
        assert lean_seen == full_seen
        return lean_seen


def without_port(value: Any, port: str) -> Any:
    """Return a value with ``PORT`` in the place of the port, and ``TOKEN`` in that of the token."""
    if isinstance(value, str):
        return TOKEN.sub("TOKEN", value.replace(f":{port}", ":PORT"))
    if isinstance(value, bytes):
        return without_port(value.decode("latin-1"), port).encode("latin-1")
    if isinstance(value, dict):
        return {without_port(key, port): without_port(each, port) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_port(each, port) for each in value)
    return value


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[OAuth2Provider, DemoApi]]:
    """The servers of all tests: they only issue tokens here, since the requests go to others."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        yield provider, api


@pytest.fixture
def paths(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Paths:
    bench.keys = bench.provider.issue()
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # each connection would load the authorities of this machine
    return Paths(bench, monkeypatch)


def with_settings(**settings: Any) -> Call:
    """Return a call with headers and parameters of the session."""

    def call(session: OAuth2Session, url: str) -> Any:
        session.headers.update(settings.get("headers", {}))
        session.params.update(settings.get("params", {}))
        return session.request(settings.get("method", "GET"), url + "/a?b=c", **settings.get("given", {}))

    return call


def calling(method: str, path: str = "/a", **arguments: Any) -> Call:
    return lambda session, url: session.request(method, url + path, **arguments)


REQUESTS: list[Call] = [
    *[calling(method) for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "get", "TRACE"]],
    *[
        calling(method, **body)
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        for body in [
            {"json": {"a": "Größe €", "b": [1, None, 1.5]}}, {"json": []}, {"json": {}}, {"json": 0}, {"json": ""},
            {"json": False}, {"data": {"a": "b c", "d": ["e", "ö"]}}, {"data": "text ö"}, {"data": b"\x00\xff"},
            {"data": [("a", "b"), ("a", "c")]}, {"data": (("a", "b"),)}, {"data": ""}, {"data": b""}, {"data": {}},
            {"data": {"a": None}}, {"data": {"a": None, "b": 1}}, {"data": "x", "json": {"a": 1}},
            {"data": {}, "json": {"a": 1}}, {"data": lambda: b"made"}, {"data": b"x" * 50_000},
        ]
    ],
    calling("POST", json=float("nan")),
    calling("POST", json={1, 2}),
    calling("POST", data=["a", "b"]),
    lambda session, url: session.post(url + "/a", data=iter([b"a", b"b"])),
    lambda session, url: session.post(url + "/a", data=io.BytesIO(b"abc")),
    calling("POST", data=bytearray(b"abc")),
    *[
        calling("GET", params=params)
        for params in [
            {}, None, {"a": "b c&d=e/?#%+~_.-*"}, {"a": ["b", "c"], "d": []}, {"a": None}, {"a": None, "b": 0},
            {"ö": "€ 😀"}, {b"a": b"\xff"}, {"a": True, "b": 1.5, "c": ("x", None)}, [("a", "b")], "a=b", b"a=b",
            {1: 2},
            {"a": ""}, {"a": "\r\nX: y"}, {"a": "\ud800"},
        ]
    ],
    calling("GET", "/a?x=y", params={"z": "%41"}),
    calling("GET", "/a?", params={"z": "1"}),
    with_settings(params={"a": "b"}),
    with_settings(params={"a": "b", "c": None}, given={"params": {"a": None, "d": ["e"]}}),
    with_settings(params={"a": "b"}, given={"params": [("c", "d")]}),
    with_settings(headers={"X-A": "b", "accept": "text/csv"}, given={"headers": {"x-a": "c"}}),
    with_settings(headers={"X-A": "b"}, given={"headers": {"x-a": None}}),
    *[
        calling("POST", json={"a": 1}, headers=headers)
        for headers in [
            {"content-type": "application/x"}, {"Content-TYPE": "application/x"}, {"USER-AGENT": "me"},
            {"accept-encoding": "identity"}, {"ACCEPT": "a, b"}, {"Connection": "close"}, {"authorization": "mine"},
            {"Accept": None}, {"X": b"bytes"}, {"Host": "other"}, {"Cookie": "a=b"}, {"cookie": "a=b"},
            {"X-Long": "y" * 5000}, {"X": "Größe"}, {"X": ""}, {"X": "a\tb"},
            {"X": "€"}, {"X": "a\r\nY: z"}, {"X\r\nY": "z"}, {"X": 1},
        ]
    ],
    calling("GET", cookies={"a": "b"}),
    calling("GET", timeout=5), calling("GET", timeout=(1, 5)), calling("GET", timeout=None),
    calling("GET", timeout=(None, None)), calling("GET", timeout=0), calling("GET", timeout="x"),
    calling("GET", unknown=None), calling("GET", allow_redirects=False), calling("GET", allow_redirects=None),
    calling("GET", verify=False), calling("GET", verify="/missing"), calling("GET", hooks={"response": []}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_requests_are_the_same_on_the_wire(paths: Paths, number: int) -> None:
    paths.compare(REQUESTS[number])


PATHS = [
    "", "/", "//", "//a", "/a//b", "/a/", "/a;b=c;d", "/a,b", "/a'b", "/a!b", "/a(b)", "/a*b", "/a+b", "/a:b", "/a@b",
    "/a~b", "/a=b", "/a&b", "/a$b", "/./a", "/../a", "/a/../b", "/a/..", "/a/.", "/.a", "/a.", "/a..b", "/...",
    "/%41", "/%2e%2e/a", "/%2F", "/%2f", "/%7e", "/%7E", "/%20", "/%zz", "/%", "/%2", "/%C3%B6", "/%c3%b6", "/ö", "/€",
    "/a b", "/ a", "/a ", "/a|b", "/a\"b", "/<a>", "/[a]", "/{a}", "/a\\b", "/a^b", "/a`b", "/\t", "/\x7f",
    "?", "/?", "/a?", "/a??", "/a?b", "/a?b=c?d", "/a?b=c/d", "/a?b=//c", "/a?b=%41", "/a?b=%2f", "/a?b=%2F&c=%20",
    "/a?b=%zz", "/a?b=ö", "/a?b=c d", "/a?b=[c]", "/a?b={c}", "/a?b=c|d", "/a?b='c'", "/a?b=c#d", "/a#b", "#b", "/a#",
    "/a?#", "?b=c", "/a?&", "/a?b&b", "/a?b=../c", "/a?b=%2e%2e", "/a?b=%%", "/a?b=\\", "/a%00", "/a?%0d%0a", "/a%0D",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_urls_are_the_same_on_the_wire(paths: Paths, path: str) -> None:
    paths.compare(calling("GET", path))
    paths.compare(calling("GET", path, params={"p": "q r"}))


@pytest.mark.parametrize(
    "form",
    [
        "http://localhost:{port}/a", "http://LOCALHOST:{port}/a", "HTTP://127.0.0.1:{port}/a",
        "Http://127.0.0.1:{port}",
        " http://127.0.0.1:{port}/a", "http://user:pw@127.0.0.1:{port}/a", "http://127.0.0.1:0{port}/a",
        "http://127.1:{port}/a", "http://2130706433:{port}/a", "http://a\\@127.0.0.1:{port}/",
        "http:/127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\a", "http://localhost.:{port}/a", "http://127.0.0.1:{port};a", "http://127.0.0.1:{port}@",
        "http://loc\u00adalhost:{port}/", "http://①27.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
        "http://-localhost:{port}/", "http://a..b:{port}/", "http://" + "a" * 64 + ":{port}/", "http://_x.localhost:{port}/",
        "http://127.0.0.1:{port}0/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://127.0.0.1:/", "http://:{port}/",
        "http:///a", "ftp://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}/", "", "http://*.x:{port}/",
        "http://127.0.0.1:80/unreachable", "https://127.0.0.1:443/unreachable",
    ],
)  # fmt: skip
def test_authorities_are_the_same(paths: Paths, form: str) -> None:
    """Either the lean path reads the URL in the same way, or it leaves it to requests."""
    paths.compare(lambda session, url: session.get(form.replace("{port}", url.rpartition(":")[2]), timeout=5))


def head(status: str = "200 OK", *fields: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def packed(encoding: str, body: bytes, *fields: str) -> bytes:
    return head("200 OK", f"Content-Encoding: {encoding}", *fields, body=body)


TEXT = "Grüße, 世界 \U0001f600\n2\r\n3".encode()
RAW_DEFLATE = zlib.compressobj(wbits=-15)
ANSWERS: dict[str, bytes] = {
    "text": head("200 OK", "Content-Type: text/plain; charset=utf-8", body=TEXT),
    "latin-1": head("200 OK", "Content-Type: text/plain", body="Größe".encode("latin-1")),
    "unknown charset": head("200 OK", "Content-Type: text/plain; charset=nothing", body=TEXT),
    "no type": head(body=TEXT),
    "utf-16": head("200 OK", "Content-Type: text/plain; charset=utf-16", body="Größe".encode("utf-16")),
    "json": head("200 OK", "Content-Type: application/json", body=b'{"a": [1, null]}'),
    "json with a mark": head("200 OK", "Content-Type: application/json", body=b"\xef\xbb\xbf{}"),
    "json with a mark and a charset": head("200 OK", "Content-Type: a/json; charset=utf-8", body=b"\xef\xbb\xbf{}"),
    "json in utf-16": head("200 OK", "Content-Type: application/json", body=json.dumps({"a": 1}).encode("utf-16")),
    "no json": head("200 OK", "Content-Type: application/json", body=b"{"),
    "empty": head(),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
    "unauthorized": head("401 Unauthorized", 'WWW-Authenticate: Basic realm="a"', 'WWW-Authenticate: Other b="c"'),
    "not found": head("404 Not Found", body=b"no"),
    "too many": head("429 Too Many Requests", "Retry-After: 5", body=b"slow"),
    "error": head("500 Größe", body=b"oh"),
    "no reason": b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n",
    "cookies": head("200 OK", "Set-Cookie: a=b; Path=/", "set-cookie: c=d; Max-Age=5; HttpOnly", "Set-Cookie: e=f"),
    "duplicates": head("200 OK", "X-A: b", "x-a: c", "X-B: d", "X-A: e"),
    "links": head("200 OK", 'Link: </b>; rel="next", <http://c/>; rel=last'),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "close": head("200 OK", "Connection: close", body=b"abc"),
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + head(body=b"abc"),
    "gzip": packed("gzip", gzip.compress(TEXT, mtime=0), "Content-Type: text/plain; charset=utf-8"),
    "GZIP": packed("GZIP", gzip.compress(b'{"a": 1}', mtime=0), "Content-Type: application/json"),
    "x-gzip": packed("x-gzip", gzip.compress(TEXT, mtime=0)),
    "several members": packed("gzip", gzip.compress(b"a", mtime=0) + gzip.compress(b"b")),
    "bytes after gzip": packed("gzip", gzip.compress(b"a", mtime=0) + b"garbage"),
    "truncated gzip": packed("gzip", gzip.compress(b"a" * 5000, mtime=0)[:-9]),
    "no gzip": packed("gzip", b"plain"),
    "empty gzip": packed("gzip", b""),
    "deflate": packed("deflate", zlib.compress(TEXT)),
    "raw deflate": packed("deflate", RAW_DEFLATE.compress(TEXT) + RAW_DEFLATE.flush()),
    "twice packed": packed("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
    "identity": packed("identity", TEXT),
    "identity and gzip": packed("gzip, identity", gzip.compress(TEXT, mtime=0)),
    "unknown packing": packed("x-own", TEXT),
    "br": packed("br", b"\x0b\x02\x80hello\x03"),
    "zstd": packed("zstd", b"(\xb5/\xfd$\x00\x01\x00\x00"),
    "gzip in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    + b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(b"abc", mtime=0)) + b"0\r\n\r\n",
    "location without redirect": head("200 OK", "Location: /b"),
    "redirect without location": head("302 Found", body=b"abc"),
    "see other with an empty location": head("303 See Other", "Location: "),
    "multiple choices": head("300 Multiple Choices", "Location: /b"),
    # failures
    "hang up": b"",
    "garbage": b"garbage\r\n\r\n",
    "truncated": b"HTTP/1.1 200 OK\r\nX-Cut: x\r\nContent-Length: 10\r\n\r\nabc",
    "truncated chunk": b"HTTP/1.1 200 OK\r\nX-Cut: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "garbage chunk": b"HTTP/1.1 200 OK\r\nX-Cut: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "no last line": b"HTTP/1.1 200 OK\r\nX-Cut: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_responses_look_the_same(paths: Paths, name: str, method: str) -> None:
    paths.compare(calling(method, "/a?b=c"), ANSWERS[name])


def test_usual_requests_take_the_lean_path(paths: Paths) -> None:
    """Else the comparison proves nothing."""
    for call in [
        calling("GET"), calling("POST", json={}), calling("PUT", data={"a": "b"}), calling("GET", params={"a": "b"}),
        with_settings(headers={"X": "y"}, params={"a": "b"}), calling("GET", "/%20?a=%2F", timeout=5),
    ]:  # fmt: skip
        before = paths.lean_requests
        paths.run(call, lambda request, number: OK, is_lean=True)
        assert paths.lean_requests == before + 1
        paths.run(call, lambda request, number: OK, is_lean=False)
        assert paths.lean_requests == before + 1


def redirecting(status: int, location: str, *fields: str) -> Callable[[bytes, int], bytes]:
    def answer(request: bytes, number: int) -> bytes:
        if number == 1:
            return head(f"{status} Moved", f"Location: {location}", *fields, body=b"moved")
        return head("200 OK", "Set-Cookie: last=1", body=b"there")

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "call",
    [
        calling("GET"), calling("HEAD"), calling("HEAD", allow_redirects=True), calling("POST", json={"a": 1}),
        calling("POST", data={"a": "b"}), calling("PUT", data=b"bytes"), calling("DELETE"),
        calling("PATCH", data="text"),
        calling("GET", allow_redirects=False), calling("POST", json={"a": 1}, allow_redirects=False),
        calling("GET", "/a?b=c", params={"d": "e"}, headers={"X-A": "b"}),
    ],
)  # fmt: skip
def test_redirects_are_the_same(paths: Paths, status: int, call: Call) -> None:
    paths.compare(call, redirecting(status, "/b?c=d"))


@pytest.mark.parametrize(
    "location",
    [
        "/b",
        "b",
        "../b",
        "?q=r",
        "#f",
        "//127.0.0.1:9/",
        "http://other.invalid/",
        "/b c",
        "/ö",
        "http://a\\@b/",
        "",
        "ftp://x/",
    ],
)
def test_locations_are_the_same(paths: Paths, location: str) -> None:
    paths.compare(calling("GET", "/a/b#frag"), redirecting(302, location))


def test_a_redirect_to_another_origin_is_the_same(paths: Paths) -> None:
    """The token and other secrets stay behind, on both paths."""
    other = Recording(lambda request, number: OK)
    with scripted_server(other) as there:
        answer = redirecting(302, there.url + "/x", "Set-Cookie: a=b")
        seen = paths.compare(calling("GET", headers={"X-Api-Key": "secret"}), answer)
    assert seen["content"] == b"ok"
    lean, full = on_the_wire(other.requests, there.url)
    assert lean == full
    assert b"secret" not in b"".join(other.requests)
    assert b"uthorization" not in b"".join(other.requests)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"abc", mtime=0), b""])
@pytest.mark.parametrize("follow", [True, False])
def test_the_body_of_a_redirect_is_treated_the_same(paths: Paths, body: bytes, follow: bool) -> None:
    def answer(request: bytes, number: int) -> bytes:
        if number > 1:
            return OK
        return head("302 Found", "Location: /b", "Content-Encoding: gzip", body=body)

    def call(session: OAuth2Session, url: str) -> Any:
        response = session.get(url + "/a", allow_redirects=follow)
        return (response.status_code, [each.status_code for each in response.history], response.content)

    paths.compare(call, answer)


def test_an_endless_redirect_is_the_same(paths: Paths) -> None:
    def call(session: OAuth2Session, url: str) -> Any:
        session.max_redirects = 3
        try:
            return session.get(url + "/a")
        except requests.TooManyRedirects as error:
            return (str(error), error.response.status_code, error.request.url, len(error.response.history))

    paths.compare(call, lambda request, number: head("302 Found", "Location: /a"))


def test_cookies_are_sent_back_the_same(paths: Paths) -> None:
    """By the session that received them, to the paths that they are for; also after a redirect."""

    def answer(request: bytes, number: int) -> bytes:
        fields = ["Set-Cookie: all=1; Path=/", f"Set-Cookie: n{number}=v; Path=/b", "Set-Cookie: s=1; Secure"]
        if request.startswith(b"GET /go"):
            return head("302 Found", "Location: /b/x", *fields)
        return head("200 OK", *fields, "Set-Cookie: bad=a\rX-Evil: b; Path=/", body=b"ok")

    def call(session: OAuth2Session, url: str) -> Any:
        answers = [session.get(url + path) for path in ["/a", "/b/c", "/go", "/b"]]
        answers.append(session.get(url + "/b", headers={"Cookie": "mine=1"}))
        return [each.status_code for each in answers]

    lean, _ = paths.run(call, answer, is_lean=True)
    full, _ = paths.run(call, answer, is_lean=False)
    # A carriage return in the head of an answer is a blank on the lean path, and the end of a line in http.client.
    assert [[line for line in fields if not line.startswith(b"Cookie")] for _, fields, _ in lean] == [
        [line for line in fields if not line.startswith(b"Cookie")] for _, fields, _ in full
    ]
    assert not any(line.startswith(b"X-Evil") for _, fields, _ in lean for line in fields)
    assert not any(b"\r" in line for _, fields, _ in lean for line in fields)


def test_clean_cookies_are_sent_back_the_same(paths: Paths) -> None:
    def answer(request: bytes, number: int) -> bytes:
        fields = ["Set-Cookie: all=1; Path=/", f"Set-Cookie: n{number}=v; Path=/b", "Set-Cookie: s=1; Secure"]
        return (
            head("302 Found", "Location: /b/x", *fields) if request.startswith(b"GET /go") else head("200 OK", *fields)
        )

    def call(session: OAuth2Session, url: str) -> Any:
        return [session.get(url + path).status_code for path in ["/a", "/b/c", "/go", "/b", "/c?d=e"]]

    paths.compare(call, answer)


@pytest.mark.parametrize("text", ["\udc00", "€"])
def test_texts_that_cannot_be_sent_are_the_same(paths: Paths, text: str) -> None:
    for arguments in ({"data": text}, {"json": {"a": text}}, {"data": {"a": text}}, {"headers": {"X": text}}):
        paths.compare(calling("POST", **arguments))


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"])
def test_a_silent_server_is_the_same(paths: Paths, part: bytes) -> None:
    """In the body of an answer as in its head."""

    def run(is_lean: bool) -> type[Exception]:
        def hush(sock: socket.socket, number: int) -> None:
            read_request(sock)
            sock.sendall(part)
            server.stop.wait(10)

        with paths.monkeypatch.context() as patch, scripted_server(hush) as server:
            if not is_lean:
                patch.setattr(LeanClient, "prepare", lambda *args: None)
            with pytest.raises(requests.RequestException) as failed:
                paths.bench.session().get(server.url + "/a", timeout=(5, 0.2))
            return failed.type

    assert run(True) is run(False)


@pytest.mark.parametrize("fault", ["wrong name", "unknown authority", "expired"])
def test_failures_of_tls_are_the_same(paths: Paths, tmp_path: Path, fault: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    expired = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    name = "other.example" if fault == "wrong name" else "localhost"
    authority.issue_cert(name, not_after=expired if fault == "expired" else None).configure_cert(context)
    verify: Any = True if fault == "unknown authority" else str(tmp_path / "ca.pem")

    def call(session: OAuth2Session, url: str) -> Any:
        session.verify = verify
        return session.get(url.replace("http://127.0.0.1", "https://localhost") + "/a", timeout=5)

    seen = paths.compare(call, tls=context)
    assert seen["error"] is requests.exceptions.SSLError


def test_requests_over_tls_are_the_same(paths: Paths, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = authority.issue_cert("me@example.com").private_key_and_cert_chain_pem
    client.write_to_path(str(tmp_path / "client.pem"))
    context = server_context(authority)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def call(session: OAuth2Session, url: str) -> Any:
        return session.post(
            url + "/a", json={"a": 1}, verify=str(tmp_path / "ca.pem"), cert=str(tmp_path / "client.pem")
        )

    before = paths.lean_requests
    assert paths.compare(call, tls=context)["content"] == b"ok"
    assert paths.lean_requests == before + 1
    for arguments in ({"cert": str(tmp_path / "missing.pem")}, {"verify": str(tmp_path / "missing.pem")}):
        with suppress(OSError):
            paths.compare(calling("GET", **arguments), tls=context)
