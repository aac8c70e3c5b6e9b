"""Requests to the redirect address that the provider did not send: none signs in, saves keys, or ends the sign-in."""

import json
import socket
import threading
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from shipmate.emulator import Fault, OAuth2Provider
from shipmate.logs.redaction import Redactor
from shipmate.oauth2.options import Client
from shipmate.tools.login import callback
from shipmate.tools.login.account import AccountFile
from shipmate.tools.login.callback import Code, Expected, read_callback
from shipmate.tools.login.config import SignInConfig
from shipmate.tools.login.loopback import Loopback
from shipmate.tools.login.redirect import Redirect
from shipmate.tools.login.signin import SignInOptions, sign_in

STATE = "the-state"
GOOD = urlencode({"code": "c", "state": STATE})
RAW = {
    "another host": f"GET /callback?{GOOD} HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
    "no host": f"GET /callback?{GOOD} HTTP/1.0\r\n\r\n",
    "a form post": f"POST /callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n",
    "HEAD": f"HEAD /callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "OPTIONS": f"OPTIONS /callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an absolute form": f"GET http://HOST/callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a guessed state": "GET /callback?code=c&state=x HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a long state": f"GET /callback?code=c&state={'x' * 60_000} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a state twice": f"GET /callback?{GOOD}&state=x HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a code twice": f"GET /callback?{GOOD}&code=d HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "another path": f"GET /callback/../callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an encoded path": f"GET /%63allback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "many headers": f"GET /callback?{GOOD} HTTP/1.1\r\n" + "X: y\r\n" * 500 + "Host: evil\r\n\r\n",
    "a long line": f"GET /{'x' * 70_000} HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "no request": "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "an old protocol": f"GET /callback?{GOOD}\r\n",
    "nothing": "",
}


def send(port: int, text: str) -> bytes:
    """Send bytes to the redirect address, and return the answer; the end of the text is the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text.replace("HOST", f"127.0.0.1:{port}").encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize("text", RAW.values(), ids=RAW)
def test_a_foreign_request_does_not_end_the_sign_in(text: str) -> None:
    warnings: list[str] = []
    with Loopback(Redirect.from_options(None, None)) as loopback:
        expected = Expected(loopback.redirect, STATE, None, frozenset())
        loopback.listen(partial(read_callback, expected=expected), warnings.append)
        port = loopback.redirect.port or 0
        answer = send(port, text)
        assert b"Traceback" not in answer
        assert loopback.wait(0) is None
        # The right answer arrives all the same.
        real = threading.Thread(target=send, args=(port, f"GET /callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n"))
        real.start()
        assert loopback.wait(10) == Code("c")
    real.join()


def test_a_second_answer_changes_nothing() -> None:
    with Loopback(Redirect.from_options(None, None)) as loopback:
        expected = Expected(loopback.redirect, STATE, None, frozenset())
        loopback.listen(partial(read_callback, expected=expected), lambda _: None)
        port = loopback.redirect.port or 0
        first = threading.Thread(target=send, args=(port, f"GET /callback?{GOOD} HTTP/1.1\r\nHost: HOST\r\n\r\n"))
        first.start()
        assert loopback.wait(10) == Code("c")
        send(port, f"GET /callback?code=evil&state={STATE} HTTP/1.1\r\nHost: HOST\r\n\r\n")
        assert loopback.wait(10) == Code("c")
    first.join()


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\x1b]0;x\x07", "a\r\nSet-Cookie: x=1", "\u202e", '"onload="x', "x" * 100_000]
)
def test_the_page_and_the_warning_quote_no_foreign_text_as_it_is(text: str) -> None:
    expected = Expected(Redirect("127.0.0.1", 5000, "/callback"), STATE, None, frozenset())
    for state in ("x", STATE):
        query = urlencode({"error": text, "error_description": text, "state": state})
        result = read_callback(callback.CallbackRequest("GET", f"/callback?{query}", "127.0.0.1:5000"), expected)
        page = result.page.encoded().decode()
        assert "<script>" not in page
        assert '"onload=' not in page
        assert "\x1b" not in page
        assert (result.warning or "").isprintable()
        assert len(page) < 10_000


HOSTILE_MEMBERS = {
    "tokens": {"access_token": "evil", "refresh_token": "evil", "id_token": "evil"},
    "tokens in capitals": {"Access_Token": "evil", "REFRESH_TOKEN": "evil"},
    "an address of the API": {"instance_url": "https://evil.example.com"},
    "an expiry": {"expires_in": "1e9", "expires_at": "9e9"},
}


@pytest.mark.parametrize("members", HOSTILE_MEMBERS.values(), ids=HOSTILE_MEMBERS)
def test_the_browser_cannot_choose_the_keys(tmp_path: Path, members: dict[str, str]) -> None:
    """Not even with the right state."""
    with OAuth2Provider({"id": "secret"}) as provider:
        provider.script("/token", Fault(200, {"access_token": "good"}))
        config = SignInConfig(provider.authorize_url, Client(provider.token_url, "id", "secret"), "oauth")
        said: list[str] = []

        def read_line() -> str:
            state = " ".join(said).partition("state=")[2].partition("&")[0].split()[0]
            query = urlencode({"code": "c", "realmId": "7", **members})
            return f"https://example.com/done?{query}&state={quote(state)}\n"

        options = SignInOptions(
            Redirect.from_options("https://example.com/done", None), opens_browser=False, read_line=read_line
        )
        account = AccountFile.from_options(tmp_path)
        sign_in(config, account, options, redactor=Redactor(), say=said.append)
    assert json.loads(account.path.read_text()) == {"oauth": {"access_token": "good", "realmId": "7"}}
