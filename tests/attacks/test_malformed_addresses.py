"""Addresses that no request can be sent to: in redirects of APIs, providers and the platform, and in settings."""

from collections.abc import Iterator

import pytest
import requests

from shipmate.emulator import Reply, Request, Server
from shipmate.errors import PlatformRefused, PlatformUnavailable
from shipmate.oauth2.token_endpoint import post
from shipmate.oauth2.token_request import TokenRequest
from shipmate.oauth2.token_response import Unusable
from shipmate.platform.attachments import Attachments
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import RetryPolicy
from shipmate.settings import ApiSettings
from tests.contract.workbench import Workbench

SECRET = "s3cret-in-the-address"
HOSTS = [
    "http://[{s}", "http://[::1{s}", "//[{s}", "http://[zz]/?{s}", "http://u:{s}@[/", "http://127.0.0.1:99999/?{s}",
    "http://127.0.0.1:abc/?{s}", "http://127.0.0.1:-1/?{s}", "http://127.0.0.1:{s}/", "http://a b/?{s}",
    "http://a\x01b/?{s}", "http://a..b/?{s}", "http://.example/?{s}", "http://" + "a" * 70 + ".example/?{s}",
    "http://%zz/?{s}", "http://*/?{s}", "http://:80/?{s}", "//127.0.0.1:99999/?{s}", "http://\xff\xfe/?{s}",
    "/\xe9?{s}", "ftp://127.0.0.1/?{s}", "mailto:{s}", "javascript:{s}", "file:///?{s}",
]  # fmt: skip
ADDRESSES = [text.replace("{s}", SECRET) for text in HOSTS]


class Redirecting(Server):
    """A server that redirects each request to one address."""

    location = ""
    status = 302

    def __init__(self) -> None:
        super().__init__(name="redirecting")
        for method in ("GET", "POST"):
            self.route(method, "/go", self.redirect)

    def redirect(self, request: Request) -> Reply:
        """Redirect a request."""
        return Reply(self.status, b"", headers={"Location": self.location})


@pytest.fixture
def server() -> Iterator[Redirecting]:
    """Return a server that redirects to the address that a test sets."""
    with Redirecting() as server:
        yield server


@pytest.mark.parametrize("location", ADDRESSES)
def test_an_api_that_redirects_nowhere_is_one_clear_error(bench: Workbench, server: Redirecting, location: str) -> None:
    """An author catches requests.RequestException; its text quotes neither the address nor the token."""
    bench.keys = bench.provider.issue()
    server.location = location
    with pytest.raises(requests.exceptions.InvalidURL) as caught:
        bench.session().get(f"{server.url}/go")
    text = str(caught.value)
    assert "expected" in text
    assert SECRET not in text
    assert str(bench.keys["access_token"]) not in text
    assert caught.value.__cause__ is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ADDRESSES)
def test_a_redirect_that_is_not_followed_is_an_answer_like_others(
    bench: Workbench, server: Redirecting, location: str
) -> None:
    """The author reads the address."""
    bench.keys = bench.provider.issue()
    server.location = location
    assert bench.session().get(f"{server.url}/go", allow_redirects=False).status_code == 302
    assert bench.session().head(bench.api.url + "/me").status_code != 302


@pytest.mark.parametrize("location", ["/a b", "/\x01", "/%zz", "?a={b}", "http://{host}/a|b", ""])
def test_a_sloppy_path_is_followed_as_before(bench: Workbench, server: Redirecting, location: str) -> None:
    """Servers that forget to encode a path are many."""
    bench.keys = bench.provider.issue()
    server.location = location.replace("{host}", server.url.removeprefix("http://"))
    if not location:
        assert bench.session().get(f"{server.url}/go").status_code == 302
    elif location.startswith("?"):
        with pytest.raises(requests.TooManyRedirects):
            bench.session().get(f"{server.url}/go")
    else:
        assert bench.session().get(f"{server.url}/go").status_code == 404


@pytest.mark.parametrize("location", ADDRESSES)
def test_a_token_endpoint_that_redirects_nowhere_is_unusable(server: Redirecting, location: str) -> None:
    """In a refresh and in a sign-in."""
    server.location = location
    request = TokenRequest(f"{server.url}/go", {"refresh_token": SECRET})
    answer = post(request, tls={})
    assert isinstance(answer, Unusable)
    assert "redirect" in answer.reason
    assert SECRET not in repr(answer)


@pytest.mark.parametrize("location", ADDRESSES)
@pytest.mark.parametrize("storage", ["platform", "attachment"])
def test_a_platform_that_redirects_nowhere_is_refused(server: Redirecting, location: str, storage: str) -> None:
    """Without the address."""
    server.location = location
    environ = {"ELASTICIO_API_URI": server.url, "ELASTICIO_API_USERNAME": "u", "ELASTICIO_API_KEY": "k"}
    client = PlatformClient(ApiSettings.from_environ(environ), RetryPolicy(attempts=1))
    attachments = Attachments(lambda: client, RetryPolicy(attempts=1))
    ask = {"platform": lambda: client.get("/go"), "attachment": lambda: attachments.open(f"{server.url}/go")}
    with pytest.raises((PlatformRefused, PlatformUnavailable)) as caught:
        ask[storage]()
    assert SECRET not in str(caught.value)


WRONG_ADDRESSES = [
    address for address in ADDRESSES if address.startswith("http") and not address.startswith("http://u:")
]


@pytest.mark.parametrize("address", [*WRONG_ADDRESSES, "http://\udcff/", "http://127.0.0.1:1/\xe9", "http://a\r\nX: y"])
@pytest.mark.parametrize("call", ["step", "get", "objects"])
def test_a_wrong_address_of_the_platform_is_no_bare_error(address: str, call: str) -> None:
    """Each of the three ways to it; the client can be shown, too."""
    names = ("API_URI", "API_USERNAME", "API_KEY", "OBJECT_STORAGE_URI", "OBJECT_STORAGE_TOKEN")
    environ = {f"ELASTICIO_{name}": address if name.endswith("URI") else "x" for name in names}
    client = PlatformClient(ApiSettings.from_environ(environ), RetryPolicy(attempts=1, sleep=lambda _: None))
    ask = {
        "step": lambda: client.step("flow", "step"),
        "get": lambda: client.get("/x"),
        "objects": lambda: client.objects.create(b""),
    }
    with pytest.raises((PlatformRefused, PlatformUnavailable)) as caught:
        ask[call]()
    assert "redirect" not in str(caught.value)
    assert "platform API" in repr(client)


@pytest.mark.parametrize("address", ["http://a..b/", "https://.example/", "https://" + "a" * 70 + ".example/"])
def test_a_host_that_no_machine_has_is_one_clear_error(bench: Workbench, address: str) -> None:
    """In requests of an author; the token request says that its address is wrong, and that nothing was sent."""
    bench.keys = bench.provider.issue()
    with pytest.raises(requests.exceptions.InvalidURL, match=r"valid host|invalid label"):
        bench.session(allow_http=True).get(address)
    assert post(TokenRequest(address, {}), tls={}) == Unusable("its address or the client's header is not valid")
