"""The server of the redirect address."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from shipmate.errors import BadInput
from shipmate.tools.login import page
from shipmate.tools.login.callback import CallbackRequest, CallbackResult, Code, Denied
from shipmate.tools.login.loopback import Loopback
from shipmate.tools.login.page import Page
from shipmate.tools.login.redirect import Redirect


def read(arrival: CallbackRequest) -> CallbackResult:
    """Return a result according to the path."""
    if arrival.target == "/code":
        return CallbackResult(page.SIGNED_IN, Code("the-code"))
    if arrival.target == "/denied":
        return CallbackResult(Page(200, "Denied", "no"), Denied("no"))
    return CallbackResult(page.NOT_FOUND, warning=f"ignored {arrival.method} {arrival.target}")


@pytest.fixture
def said() -> list[str]:
    """The warnings that the person has seen."""
    return []


@pytest.fixture
def loopback(said: list[str]) -> Iterator[Loopback]:
    """Return a server on a free port."""
    with Loopback(Redirect("127.0.0.1", None, "/code")) as made:
        made.listen(read, said.append)
        yield made


def get(loopback: Loopback, path: str) -> requests.Response:
    """Send a request as a browser does."""
    return requests.get(f"http://127.0.0.1:{loopback.redirect.port}{path}", timeout=10)


def test_other_requests_do_not_end_the_wait(loopback: Loopback, said: list[str]) -> None:
    """The person sees a warning."""
    assert get(loopback, "/favicon.ico").status_code == 404
    assert loopback.wait(0) is None
    assert said == ["ignored GET /favicon.ico"]


def test_the_browser_shows_the_result_after_the_decision() -> None:
    """The code alone is no success: its exchange may fail."""
    pages: list[str] = []
    with Loopback(Redirect("127.0.0.1", None, "/code")) as loopback:
        loopback.listen(read, pages.append)
        thread = threading.Thread(target=lambda: pages.append(get(loopback, "/code").text))
        thread.start()
        assert loopback.wait(10) == Code("the-code")
        assert get(loopback, "/code").status_code == 409
        assert pages == []
    thread.join(10)

    assert "Signed in" in pages[0]


def test_the_browser_shows_a_failure() -> None:
    """The details are in the terminal only."""
    pages: list[str] = []

    def sign_in() -> threading.Thread:
        with Loopback(Redirect("127.0.0.1", None, "/code")) as loopback:
            loopback.listen(read, pages.append)
            thread = threading.Thread(target=lambda: pages.append(get(loopback, "/code").text))
            thread.start()
            loopback.wait(10)
            raise RuntimeError("the exchange has failed")

    with pytest.raises(RuntimeError):
        sign_in()
    assert "Sign-in failed" in pages[0]
    assert "exchange" not in pages[0]


def test_the_browser_shows_a_refusal_at_once(loopback: Loopback) -> None:
    """No exchange follows."""
    assert "Denied" in get(loopback, "/denied").text
    assert loopback.wait(0) == Denied("no")


def test_a_silent_connection_does_not_delay_others(loopback: Loopback) -> None:
    """Browsers open spare connections."""
    with socket.create_connection(("127.0.0.1", loopback.redirect.port or 0)):
        assert get(loopback, "/").status_code == 404


def test_localhost_is_served_on_ipv4_and_ipv6() -> None:
    """Both have the same port, since the address has only one."""
    with Loopback(Redirect("localhost", None, "/")) as loopback:
        loopback.listen(read, lambda _: None)
        answers = []
        for address in ("127.0.0.1", "::1"):
            try:
                connection = socket.create_connection((address, loopback.redirect.port or 0), timeout=5)
            except OSError:
                if address == "127.0.0.1":
                    raise
                continue  # a machine without IPv6
            with connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answers.append(connection.recv(12))

    assert set(answers) == {b"HTTP/1.0 404"}


def test_an_error_names_the_port_that_is_in_use() -> None:
    """The port may be in use on one address of localhost only."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BadInput, match=f"found address already in use: 127.0.0.1 port {port}"):
            Loopback(Redirect("localhost", port, "/"))
