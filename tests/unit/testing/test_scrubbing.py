"""What vcrpy records through ``scrubbed``."""

import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
import vcr
from vcr.request import Request

from shipmate.emulator import DemoApi, OAuth2Provider, Reply
from shipmate.testing import scrubbed

RECORDER = vcr.VCR(before_record_request=scrubbed, before_record_response=scrubbed)
SECRET = "s3cr3t-v4lue-of-a-token"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names under outside.example lead to this machine: servers of which vcrpy takes it that they are elsewhere."""
    lookup = socket.getaddrinfo

    def found(host: Any, *args: Any, **kwargs: Any) -> Any:
        return lookup("127.0.0.1" if str(host).endswith("outside.example") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.fixture
def provider() -> Iterator[OAuth2Provider]:
    """A provider whose answers have members that only this provider has."""
    extra = {"id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "session": {"apiKey": SECRET}, "instance_url": "x"}
    with OAuth2Provider(extra=extra) as running:
        yield running


@pytest.mark.usefixtures("outside")
def test_a_cassette_of_a_refresh_holds_no_token(provider: OAuth2Provider, tmp_path: Path) -> None:
    """The whole token answer, the form that asked for it, the client's secret, and the requests with the token."""
    cassette = tmp_path / "refresh.yaml"
    oauth = provider.issue()
    form = {"grant_type": "refresh_token", "refresh_token": oauth["refresh_token"]}
    with DemoApi(provider) as api:
        port, api_port = (each.url.rpartition(":")[2] for each in (provider, api))
        with RECORDER.use_cassette(str(cassette)):
            token_url = f"http://login.outside.example:{port}/token"
            by_basic = requests.post(token_url, data=form, auth=("demo-client", "demo-secret"), timeout=5)
            new = by_basic.json()
            client = {"client_id": "demo-client", "client_secret": "demo-secret"}
            form["refresh_token"] = new["refresh_token"]
            newest = requests.post(token_url, data={**form, **client}, timeout=5).json()
            bearer = {"Authorization": "Bearer " + newest["access_token"], "X-Api-Key": SECRET, "Cookie": "a=" + SECRET}
            me = requests.get(
                f"http://api.outside.example:{api_port}/me?access_token={SECRET}", headers=bearer, timeout=5
            )
    text = cassette.read_text()

    assert (by_basic.status_code, me.status_code) == (200, 200)
    tokens = {value for keys in (oauth, new, newest) for name, value in keys.items() if name.endswith("_token")}
    secrets = {*tokens, SECRET, "demo-secret", "ZGVtby1jbGllbnQ6ZGVtby1zZWNyZXQ"}
    assert len(tokens) == 7
    assert {secret for secret in secrets if secret in text} == set()
    assert "Ada Example" in text
    assert "expires_in" in text


@pytest.mark.usefixtures("outside")
def test_a_cassette_is_played_to_the_same_requests(provider: OAuth2Provider, tmp_path: Path) -> None:
    """With other tokens, of course: they are taken out before requests are compared."""
    cassette = str(tmp_path / "refresh.yaml")
    url = f"http://login.outside.example:{provider.url.rpartition(':')[2]}/token"
    form = {"grant_type": "refresh_token", "client_id": "demo-client", "client_secret": "demo-secret"}
    matching = vcr.VCR(
        before_record_request=scrubbed, before_record_response=scrubbed, match_on=("method", "uri", "body", "headers")
    )
    with matching.use_cassette(cassette):
        requests.post(url, data={**form, "refresh_token": provider.issue()["refresh_token"]}, timeout=5)
    provider.stop()
    with matching.use_cassette(cassette, record_mode="none"):
        played = requests.post(url, data={**form, "refresh_token": "another one"}, timeout=5).json()

    assert played["access_token"] == "***"
    assert played["token_type"] == "Bearer"


def test_requests_to_this_machine_are_not_recorded(provider: OAuth2Provider, tmp_path: Path) -> None:
    """The ports of emulated servers differ from run to run."""
    with RECORDER.use_cassette(str(tmp_path / "none.yaml")) as recorded:
        assert requests.get(provider.url + "/.well-known/oauth-authorization-server", timeout=5).ok

    assert len(recorded) == 0


def response(body: Any, **headers: str) -> dict[str, Any]:
    """Return a response as vcrpy has it."""
    return {
        "status": {"code": 200, "message": "OK"},
        "headers": {name.replace("_", "-"): [value] for name, value in headers.items()},
        "body": {"string": body},
    }


ANSWER = json.dumps({"access_token": SECRET, "data": [{"refreshToken": SECRET, "name": "Ada"}]}).encode()


@pytest.mark.parametrize(
    "recorded",
    [
        response(ANSWER, Content_Type="application/json"),
        response(gzip.compress(ANSWER), Content_Encoding="gzip"),
        response(zlib.compress(ANSWER), Content_Encoding="deflate"),
        response(b"\x8b" + ANSWER, Content_Encoding="br"),
        response(f"access_token={SECRET}&token_type=bearer".encode(), Content_Type="application/x-www-form-urlencoded"),
        response(f"<a:sessionToken xml:lang='en'>{SECRET}</a:sessionToken><name>Ada</name>".encode()),
        response(ANSWER.decode()),
        response(b"{}", Set_Cookie=SECRET),
        response(b"", Location=f"https://user:{SECRET}@app.example.com/?code={SECRET}&page=2"),
        response(b"{}", X_Refreshed_Token=SECRET),
        response(b"{}", Link=f"<https://api.example.com/?access_token={SECRET}>; rel=next"),
    ],
    ids=lambda recorded: str(recorded["headers"])[:40],
)
def test_no_form_of_an_answer_keeps_a_secret(recorded: dict[str, Any]) -> None:
    """Compressed or not, JSON or a form, in the body or in a header; the recorder's own answer stays as it was."""
    before = repr(recorded)
    made = scrubbed(recorded)

    assert SECRET not in repr(made)
    assert SECRET.encode() not in _content(made)
    assert repr(recorded) == before


def _content(made: dict[str, Any]) -> bytes:
    content = made["body"]["string"]
    return content if isinstance(content, bytes) else content.encode()


def test_what_is_no_secret_stays() -> None:
    """A recording must still be of use."""
    made = scrubbed(response(gzip.compress(ANSWER), Content_Encoding="gzip", Content_Length="99", ETag="7"))

    assert json.loads(made["body"]["string"]) == {
        "access_token": "***",
        "data": [{"refreshToken": "***", "name": "Ada"}],
    }
    assert made["headers"]["Content-Length"] == [str(len(made["body"]["string"]))]
    assert made["headers"]["ETag"] == ["7"]
    assert "Content-Encoding" not in made["headers"]
    assert scrubbed(response(b"\xff\xd8\xff"))["body"]["string"] == b"\xff\xd8\xff"
    assert scrubbed({**response(b""), "body": {"string": None}})["body"]["string"] is None
    url = "https://api.example.com/contacts?page=2&token=" + SECRET
    assert scrubbed(response(b"<name>Ada</name>"))["body"]["string"] == b"<name>Ada</name>"
    assert scrubbed(Request("GET", url, None, {})).uri == "https://api.example.com/contacts?page=2&token=***"


def test_bodies_of_requests_are_scrubbed() -> None:
    """Also JSON, and streams and files of it."""
    headers = {"Content-Type": "application/json"}
    as_json = scrubbed(Request("POST", "https://api.example.com/", json.dumps({"password": SECRET, "n": 1}), headers))
    parts = [b'{"password": "', SECRET.encode(), b'", "n": 1}']
    stream = scrubbed(Request("POST", "https://api.example.com/", iter(parts), {}))
    file = scrubbed(Request("POST", "https://api.example.com/", BytesIO(b"".join(parts)), {}))

    assert json.loads(as_json.body) == {"password": "***", "n": 1}
    assert stream.body == file.body == as_json.body
    assert as_json.headers == headers


def test_an_answer_of_the_emulator_is_no_answer_of_vcrpy() -> None:
    """Only dicts are responses: what has an address is a request."""
    with pytest.raises(AttributeError):
        scrubbed(Reply(200))
