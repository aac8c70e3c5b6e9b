"""The provider of the long run, which has to catch what it looks for."""

import socket
import time
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest

from bench.oauth2_server import Api, Tokens, WarmUp
from bench.service import Service


def test_an_access_token_is_good_for_a_number_of_calls() -> None:
    """That is how often a runtime has to refresh."""
    tokens = Tokens(2)
    keys = tokens.sign_in()

    assert [tokens.use(keys["access_token"]) for _ in range(3)] == [True, True, False]
    assert tokens.statistics() == {"calls": 2, "refused": 1, "expired": 1, "refreshes": 0, "reused": 0}


def test_the_first_tokens_of_a_long_run_are_good_for_few_calls() -> None:
    """So that every worker has refreshed before anything is compared."""
    tokens = Tokens(1000, WarmUp(refreshes=1, uses=20))
    keys = tokens.sign_in()

    assert [tokens.use(keys["access_token"]) for _ in range(21)].count(True) == 20
    new = tokens.refresh(keys["refresh_token"])
    assert new is not None
    assert all(tokens.use(new["access_token"]) for _ in range(1000))


def test_a_refresh_replaces_both_tokens() -> None:
    """What was replaced is worth nothing."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    new = tokens.refresh(old["refresh_token"])

    assert new is not None
    assert not tokens.use(old["access_token"])
    assert tokens.use(new["access_token"])


def test_a_refresh_token_that_comes_twice_is_refused_and_counted() -> None:
    """This is what makes a provider sign a customer out."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    tokens.refresh(old["refresh_token"])

    assert tokens.refresh(old["refresh_token"]) is None
    assert tokens.refresh("never issued") is None
    assert tokens.statistics()["reused"] == 1


def test_a_new_sign_in_begins_the_counts_again() -> None:
    """Each run is judged by itself."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    tokens.refresh(old["refresh_token"])
    tokens.refresh(old["refresh_token"])
    tokens.sign_in()

    assert tokens.statistics() == {"calls": 0, "refused": 0, "expired": 0, "refreshes": 0, "reused": 0}
    assert tokens.refresh(old["refresh_token"]) is None


def test_a_sign_in_may_ask_for_tokens_of_another_length() -> None:
    """A run of few messages needs tokens that expire in its middle; the next run has the usual ones again."""
    tokens = Tokens(2)
    keys = tokens.sign_in(3)
    assert [tokens.use(keys["access_token"]) for _ in range(4)].count(True) == 3

    keys = tokens.sign_in()
    assert [tokens.use(keys["access_token"]) for _ in range(4)].count(True) == 2


def test_a_sign_in_may_ask_for_tokens_that_live_some_seconds() -> None:
    """Several containers with one account refresh as often as tokens expire, however many calls they make."""
    now = [100.0]
    tokens = Tokens(2, clock=lambda: now[0])
    keys = tokens.sign_in(life_seconds=3)
    assert keys["expires_in"] == 3
    assert all(tokens.use(keys["access_token"]) for _ in range(10))

    now[0] += 3
    assert [tokens.use(keys["access_token"]) for _ in range(2)] == [False, False]
    assert tokens.refresh(keys["refresh_token"]) is not None
    assert tokens.statistics() == {"calls": 10, "refused": 2, "expired": 1, "refreshes": 1, "reused": 0}


def test_a_second_use_of_a_refresh_token_revokes_the_sign_in() -> None:
    """This is what the detection of reuse costs a customer."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    new = tokens.refresh(old["refresh_token"])
    tokens.refresh(old["refresh_token"])

    assert new is not None
    assert not tokens.use(new["access_token"])
    assert tokens.refresh(new["refresh_token"]) is None


def test_requests_without_tokens_are_refused() -> None:
    """Before the first sign-in an empty token is not the right one."""
    api = Api(Tokens(2))

    assert status_of(api.answer(b"GET /me HTTP/1.1", b"")) == 401
    assert status_of(api.answer(b"GET /me HTTP/1.1\r\nAuthorization: Bearer ", b"")) == 401
    assert status_of(api.answer(b"POST /token HTTP/1.1", b"refresh_token=")) == 400
    assert status_of(api.answer(b"GET /elsewhere HTTP/1.1", b"")) == 404


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
@pytest.mark.parametrize("rest", ["", "\r\nAccept: */*"])
def test_a_call_with_the_token_is_allowed(name: str, rest: str) -> None:
    """Clients write the name of the header as they like, and in any place."""
    tokens = Tokens(2)
    token = tokens.sign_in()["access_token"]

    head = f"GET /me HTTP/1.1\r\n{name}: Bearer {token}{rest}"
    assert status_of(Api(tokens).answer(head.encode(), b"")) == 200


def test_a_call_waits_as_long_as_its_address_says_and_a_refusal_does_not() -> None:
    """An API says at once that a token has expired."""
    tokens = Tokens(1)
    token = tokens.sign_in()["access_token"]
    head = f"GET /50/me HTTP/1.1\r\nAuthorization: Bearer {token}".encode()

    assert [Api(tokens).answer(head, b"")[1] for _ in range(2)] == [0.05, 0.0]


def test_the_server_answers_in_its_own_process() -> None:
    """Requests that arrive in pieces and together, a wait, a refresh, and the counts."""
    with Service(1) as service:
        keys = service.sign_in(2)
        with socket.create_connection(("127.0.0.1", urlsplit(service.url).port or 0)) as connection:
            me = f"GET /5/me HTTP/1.1\r\nAuthorization: Bearer {keys['access_token']}\r\n\r\n".encode()
            body = f"grant_type=refresh_token&refresh_token={keys['refresh_token']}".encode()
            token = b"POST /token HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            replies = connection.makefile("rb")
            begun = time.monotonic()
            connection.sendall(me[:30])
            connection.sendall(me[30:] + token[:-5])
            assert read_status(replies) == 200
            assert time.monotonic() - begun >= 0.005
            connection.sendall(token[-5:])
            assert read_status(replies) == 200

        assert service.statistics() == {"calls": 1, "refused": 0, "expired": 0, "refreshes": 1, "reused": 0}
        assert service.cpu_seconds() > 0


def status_of(answer: tuple[bytes, float]) -> int:
    return int(answer[0].split(b" ", 2)[1])


def read_status(replies: BinaryIO) -> int:
    """Read one reply, and return its status."""
    status = int(replies.readline().split(b" ", 2)[1])
    length = 0
    while (line := replies.readline()) != b"\r\n":
        if line.startswith(b"Content-Length: "):
            length = int(line.partition(b": ")[2])
    replies.read(length)
    return status
