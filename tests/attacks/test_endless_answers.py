"""Attacks by answers without end: of bytes, of packed bytes, of time, in the headers and in the body."""

import functools
import gzip
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
import requests
import requests.adapters
from urllib3 import HTTPConnectionPool, PoolManager

from shipmate.errors import PlatformRefused, PlatformUnavailable, ResponseTooLarge, ResponseTooSlow
from shipmate.oauth2 import token_endpoint
from shipmate.oauth2.token_request import TokenRequest
from shipmate.oauth2.token_response import Uncertain, Unusable
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import NO_AUTH, HttpService, RetryPolicy
from shipmate.settings import ApiSettings, ResponseLimits
from tests.contract.workbench import Workbench

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIMIT_SECONDS = 0.15
"""Some times as long as the pause between two drops."""
LIMITS = {
    "SHIPMATE_MAX_RESPONSE_BYTES": "1000000",
    "SHIPMATE_MAX_RESPONSE_SECONDS": "1",
}


@contextmanager
def serving(answer: Callable[[], Iterable[bytes]], *, drips: bool = False) -> Iterator[str]:
    """Serve the pieces of an answer to each request until the client hangs up, and yield the URL."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for piece in answer():
                connection.sendall(piece)
                if stop.wait(0.02 if drips else 0):
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=listener.accept()[:1]))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        main = threading.Thread(target=accept)
        main.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (main, *threads):
                thread.join(10)


def dripping_headers() -> Iterable[bytes]:
    return itertools.chain([HEAD, b"X-Drip: "], itertools.repeat(b"a"))


def dripping_status() -> Iterable[bytes]:
    return itertools.chain([b"HTTP/1.1 "], itertools.repeat(b"2"))


def continuing() -> Iterable[bytes]:
    return itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


def dripping_body() -> Iterable[bytes]:
    return itertools.chain([HEAD + b"Content-Length: 1000000\r\n\r\n"], itertools.repeat(b"a"))


def dripping_chunks() -> Iterable[bytes]:
    return itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"1\r\na\r\n"))


def dripping_size_of_a_chunk() -> Iterable[bytes]:
    return itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"0"))


def dripping_trailer() -> Iterable[bytes]:
    return itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"], itertools.repeat(b"a"))


DRIPPING = [
    dripping_headers, dripping_status, continuing, dripping_body, dripping_chunks, dripping_size_of_a_chunk,
    dripping_trailer,
]  # fmt: skip


def endless_body() -> Iterable[bytes]:
    return itertools.chain([HEAD + b"Connection: close\r\n\r\n"], itertools.repeat(b"a" * 65536))


def packed(*encodings: str) -> Callable[[], Iterable[bytes]]:
    """Return an answer that is small on the wire, and ten times as large as it may be when it is unpacked."""

    @functools.cache
    def answer() -> Iterable[bytes]:
        content = gzip.compress(b" " * 10_000_000)
        for _ in encodings[1:]:
            content = gzip.compress(content)
        head = f"Content-Encoding: {', '.join(encodings)}\r\nContent-Length: {len(content)}\r\n\r\n"
        return [HEAD + head.encode(), content]

    return answer


def deflated() -> Iterable[bytes]:
    content = zlib.compress(b" " * 10_000_000)
    head = f"Content-Encoding: deflate\r\nContent-Length: {len(content)}\r\n\r\n"
    return [HEAD + head.encode(), content]


TOO_LARGE = [endless_body, packed("gzip"), packed("gzip", "gzip"), deflated]


def redirected(answer: Callable[[], Iterable[bytes]]) -> Callable[[], Iterable[bytes]]:
    """Return the answer as the body of a redirect, which requests reads by itself."""

    def redirect() -> Iterable[bytes]:
        pieces = iter(answer())
        yield next(pieces).replace(b"200 OK", b"302 Found\r\nLocation: /next", 1)
        yield from pieces

    return redirect


def seconds_of(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


@pytest.mark.parametrize("answer", DRIPPING)
def test_a_session_waits_no_longer_than_its_limit(bench: Workbench, answer: Callable[[], Iterable[bytes]]) -> None:
    """Whatever drips; the error says the limit and how to change it."""
    bench.keys = bench.provider.issue()

    def ask() -> None:
        with pytest.raises(ResponseTooSlow, match=rf"within {LIMIT_SECONDS} seconds.*total_timeout_seconds"):
            bench.session().get(url, total_timeout_seconds=LIMIT_SECONDS)

    with serving(answer, drips=True) as url:
        assert seconds_of(ask) < 3


@pytest.mark.parametrize("answer", [*TOO_LARGE, redirected(endless_body), redirected(packed("gzip"))])
def test_a_session_reads_no_more_than_its_limit(bench: Workbench, answer: Callable[[], Iterable[bytes]]) -> None:
    """The limit counts decoded bytes; the error says it, what was found, and how to change it."""
    bench.keys = bench.provider.issue()
    session = bench.session(max_bytes=1_000_000)
    with serving(answer) as url, pytest.raises(ResponseTooLarge, match=r"1000000 decoded bytes, found \d+ .*max_bytes"):
        session.get(url)


class SocksPool(HTTPConnectionPool):
    """A class of pools that is not urllib3's usual one."""


class SocksManager(PoolManager):
    """The manager for a SOCKS proxy, which is a package that need not be there; it connects without the proxy."""

    def __init__(self, url: str, username: str | None, password: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_classes_by_scheme = {"http": SocksPool, "https": SocksPool}


@pytest.mark.parametrize("answer", DRIPPING)
def test_a_session_with_a_socks_proxy_has_the_same_limits(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Iterable[bytes]]
) -> None:
    """Its connections are of other classes."""
    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", SocksManager)
    bench.keys = bench.provider.issue()
    session = bench.session()
    session.proxies = {"http": "socks5h://127.0.0.1:9"}

    def ask() -> None:
        with pytest.raises(ResponseTooSlow):
            session.get(url, total_timeout_seconds=LIMIT_SECONDS)

    with serving(answer, drips=True) as url:
        assert seconds_of(ask) < 3


def test_a_component_has_limits_by_its_environment(bench: Workbench) -> None:
    """Nobody needs to change code for them."""
    bench.keys = bench.provider.issue()
    bench.services = replace(bench.services, limits=ResponseLimits.from_environ(LIMITS))
    with serving(endless_body) as url, pytest.raises(ResponseTooLarge, match="SHIPMATE_MAX_RESPONSE_BYTES"):
        bench.session().get(url)
    with serving(dripping_body, drips=True) as url, pytest.raises(ResponseTooSlow, match="_MAX_RESPONSE_SECONDS"):
        bench.session().get(url)


def test_the_defaults_are_64_mebibytes_and_10_minutes() -> None:
    """Most answers are far below."""
    assert ResponseLimits.from_environ({}) == ResponseLimits(64 * 1024 * 1024, 600)


def test_who_streams_has_only_the_limits_that_she_gives(bench: Workbench) -> None:
    """She reads as much as she wants."""
    bench.keys = bench.provider.issue()
    bench.services = replace(bench.services, limits=ResponseLimits.from_environ(LIMITS))
    with serving(endless_body) as url:
        with closing(bench.session().get(url, stream=True)) as response:
            pieces = itertools.islice(response.iter_content(1_000_000), 3)
            assert sum(map(len, pieces)) == 3_000_000
        with closing(bench.session().get(url, stream=True, max_bytes=10_000)) as response:
            with pytest.raises(ResponseTooLarge):
                response.content  # noqa: B018
    with serving(dripping_body, drips=True) as url:
        with closing(bench.session().get(url, stream=True, total_timeout_seconds=0.3)) as response:
            with pytest.raises(ResponseTooSlow):
                list(response.iter_content(10))
        with closing(bench.session().get(url, stream=True, total_timeout_seconds=0.3)) as response:
            with pytest.raises(Exception, match="timed out"):
                response.raw.read()


@pytest.mark.parametrize("answer", DRIPPING)
def test_a_refresh_waits_no_longer_than_its_limit(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Iterable[bytes]]
) -> None:
    """Others wait for it."""
    monkeypatch.setattr(token_endpoint, "_LONGEST_ANSWER_SECONDS", LIMIT_SECONDS)
    with serving(answer, drips=True) as url:
        started = time.monotonic()
        assert token_endpoint.post(TokenRequest(url, {}), tls={}) == Uncertain("no answer in time")
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("answer", TOO_LARGE)
def test_a_token_answer_has_a_mebibyte(answer: Callable[[], Iterable[bytes]]) -> None:
    """More is no token answer."""
    with serving(answer) as url:
        assert token_endpoint.post(TokenRequest(url, {}), tls={}) == Unusable("an answer of more than 1 MiB")


def service(seconds: float = LIMIT_SECONDS, max_bytes: int = 1_000_000) -> HttpService:
    return HttpService("service", NO_AUTH, RetryPolicy(attempts=1), ResponseLimits(max_bytes, seconds))


@pytest.mark.parametrize("has_proxy", [True, False])
@pytest.mark.parametrize("answer", DRIPPING)
def test_the_platform_is_waited_for_no_longer_than_the_limit(
    answer: Callable[[], Iterable[bytes]], has_proxy: bool
) -> None:
    """With the library requests, and without it."""

    def ask() -> None:
        with pytest.raises(PlatformUnavailable, match=f"no complete answer within {LIMIT_SECONDS} seconds"):
            service().get_object(url, "answer", has_proxy=has_proxy)

    with serving(answer, drips=True) as url:
        assert seconds_of(ask) < 3


@pytest.mark.parametrize("has_proxy", [True, False])
def test_the_platform_is_read_up_to_the_limit(has_proxy: bool) -> None:
    """With the library requests, and without it."""
    with serving(endless_body) as url, pytest.raises(PlatformRefused, match="at most 1000000"):
        service(seconds=60).get_object(url, "answer", has_proxy=has_proxy)


@pytest.mark.parametrize("answer", TOO_LARGE)
def test_stored_bodies_have_the_limits_of_the_environment(answer: Callable[[], Iterable[bytes]]) -> None:
    """A message with such a body is an error; the container lives on."""
    with serving(answer) as url:
        names = {"URI": url, "TOKEN": "t"}
        environ = {f"ELASTICIO_OBJECT_STORAGE_{name}": value for name, value in names.items()}
        environ |= {f"ELASTICIO_API_{name}": "http://127.0.0.1:9" for name in ("URI", "USERNAME", "KEY")}
        client = PlatformClient(ApiSettings.from_environ({**environ, "SHIPMATE_MAX_RESPONSE_BYTES": "1000000"}))
        with pytest.raises(PlatformRefused, match="at most 1000000 decoded bytes"):
            client.objects.read("id")


def test_an_attachment_is_a_stream_without_limits() -> None:
    """The author reads it."""
    with serving(endless_body) as url, closing(Attachments(lambda: pytest.fail("no platform")).open(url)) as stream:
        assert len(stream.read(5_000_000)) == 5_000_000


def test_a_usual_answer_is_what_it_was(bench: Workbench) -> None:
    """A session that keeps limits is like one of requests."""
    bench.keys = bench.provider.issue()
    response = bench.session().get(bench.api.url + "/me")
    assert isinstance(response, requests.Response)
    assert response.json()
    assert b"".join(response.iter_content(7)) == response.content
