"""The POST to the token endpoint, over real sockets."""

import contextlib
import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
import trustme

from shipmate.emulator import Fault, OAuth2Provider, Reply, Request, Server
from shipmate.http.headers import retry_after_seconds
from shipmate.oauth2.token_endpoint import post
from shipmate.oauth2.token_request import TokenRequest
from shipmate.oauth2.token_response import Busy, Granted, TokenResponse, Uncertain, Unusable
from tests.scripted import server_context

TOKEN = b'{"access_token": "a"}'


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server without routes."""
    with Server(name="endpoint") as server:
        yield server


def ask(url: str, **kwargs: object) -> TokenResponse:
    return post(TokenRequest(url, {"grant_type": "refresh_token"}), tls={}, **kwargs)  # type: ignore[arg-type]


def answer_with(server: Server, reply: Callable[[Request], Reply]) -> str:
    server.route("POST", "/token", reply)
    return server.url + "/token"


def test_the_request_is_a_form_that_asks_for_json(server: Server) -> None:
    """And it has no other credentials than its own."""
    url = answer_with(server, lambda request: Reply(200, TOKEN))
    assert ask(url) == Granted({"access_token": "a"})
    [request] = server.requests
    assert request.header("Accept") == "application/json"
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.header("Authorization") is None


def test_gzip_is_unpacked(server: Server) -> None:
    """Up to a mebibyte of content, however small it was packed."""
    packed = gzip.compress(TOKEN)
    url = answer_with(server, lambda request: Reply(200, packed, {"Content-Encoding": "gzip"}))
    assert ask(url) == Granted({"access_token": "a"})
    bomb = gzip.compress(b" " * 50_000_000)
    server.script("/token", Fault(status=200, body=bomb, headers={"Content-Encoding": "gzip"}))
    assert ask(url) == Unusable("an answer of more than 1 MiB")
    server.script("/token", Fault(status=200, body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    assert isinstance(ask(url), Unusable)


def test_an_answer_that_trickles_in_ends_at_some_time(server: Server) -> None:
    """The outcome is unknown then, as with every answer that did not arrive."""
    url = answer_with(server, lambda request: Reply(200, TOKEN))
    assert ask(url, monotonic=itertools.count(step=61).__next__) == Uncertain("no answer in time")


def test_a_redirect_to_a_malformed_address_is_unusable(server: Server) -> None:
    """The library requests reads the address although it does not follow."""
    url = answer_with(server, lambda request: Reply(302, headers={"Location": "http://["}))
    assert ask(url) == Unusable("a redirect to a malformed address")


def test_a_certificate_that_is_not_trusted_is_said_so() -> None:
    """It is no passing network failure, and nothing was sent."""
    context = server_context(trustme.CA())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            # The client hangs up during the handshake.
            with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        answer = ask(f"https://localhost:{listener.getsockname()[1]}/token")
        thread.join(10)
    assert isinstance(answer, Unusable)
    assert "TLS" in answer.reason


@pytest.mark.parametrize("url", ["https://exa mple:1:2/token", "https://.example/token"])
def test_an_address_that_cannot_be_is_said_so(url: str) -> None:
    """Without a try to connect."""
    assert isinstance(ask(url), Unusable)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.exceptions.ConnectTimeout(), Busy),
        (requests.exceptions.ReadTimeout(), Uncertain),
        (requests.exceptions.ConnectionError(), Uncertain),
        (requests.exceptions.ChunkedEncodingError(), Uncertain),
    ],
)
def test_what_was_not_sent_may_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[TokenResponse]
) -> None:
    """After the connection stood, the provider may have done its part."""

    def fail(*args: object, **kwargs: object) -> None:
        raise error

    # A connection that times out cannot be had on loopback.
    monkeypatch.setattr(requests.Session, "request", fail)
    assert isinstance(ask("https://provider.example/token"), kind)


def test_a_refused_connection_may_be_tried_again() -> None:
    """Nothing listens there."""
    with OAuth2Provider() as provider:
        url = provider.token_url
    assert isinstance(ask(url), Busy)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("7", 7),
        (" 0 ", 0),
        ("9" * 400, 999_999_999),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:01:40 -0000", 40),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """RFC 9110 §10.2.3; nonsense counts as absent."""
    assert retry_after_seconds(value, 60.0) == seconds
