"""The redirect address."""

import pytest

from shipmate.errors import BadInput
from shipmate.tools.login.redirect import Redirect


@pytest.mark.parametrize(
    ("redirect_uri", "port", "expected"),
    [
        (None, None, "http://127.0.0.1:5000/callback"),
        (None, 8080, "http://127.0.0.1:8080/callback"),
        ("http://localhost:8080/a/b?c=1", None, "http://localhost:8080/a/b?c=1"),
        ("http://localhost:8080/", 8080, "http://localhost:8080/"),
        ("http://localhost:8080", None, "http://localhost:8080"),
        ("http://localhost/cb", None, "http://localhost:5000/cb"),
        ("http://localhost", 81, "http://localhost:81"),
        ("http://[::1]:8080/cb", None, "http://[::1]:8080/cb"),
    ],
)
def test_the_address_is_that_of_the_option(redirect_uri: str | None, port: int | None, expected: str) -> None:
    """Only a missing port is added."""
    redirect = Redirect.from_options(redirect_uri, port)

    assert redirect.on(redirect.port or 5000).uri == expected


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https:///cb",
        "https://user@example.com/cb",
        "http://example.com/cb",
        "http://127.0.0.1.example.com/cb",
        "http://user@localhost/cb",
        "http://localhost/cb#part",
        "http://localhost:port/cb",
        "http://localhost/c b",
        "http://localhost/\n",
        "localhost:8080/cb",
        "",
    ],
)
def test_an_address_of_another_machine_is_refused(redirect_uri: str) -> None:
    """It would get the code."""
    with pytest.raises(BadInput, match="expected an address of this machine"):
        Redirect.from_options(redirect_uri, None)


def test_without_a_path_the_browser_requests_the_root() -> None:
    """This is what browsers do."""
    assert Redirect.from_options("http://localhost:8080?tenant=7", None).path == "/"


def test_localhost_has_two_addresses() -> None:
    """Some browsers try IPv6 first, where another program could listen."""
    assert Redirect.from_options("http://localhost/cb", None).addresses == ("127.0.0.1", "::1")
    assert Redirect.from_options("http://127.0.0.1/cb", None).addresses == ("127.0.0.1",)


def test_only_host_names_of_this_machine_are_allowed() -> None:
    """Another page could make its own name lead here (DNS rebinding)."""
    hosts = Redirect("localhost", 8080, "/cb").hosts

    assert hosts == {"localhost:8080", "127.0.0.1:8080", "[::1]:8080"}
    assert "localhost" in Redirect("localhost", 80, "/cb").hosts
