"""The client of the platform's API, against a real one."""

import io
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from shipmate.attachments import Attachments
from shipmate.emulator import Fault, OAuth2Provider, Platform, Reply, Server
from shipmate.errors import BadInput, MissingSetting, PlatformRefused, PlatformUnavailable
from shipmate.http import HeaderAuth, HttpService, Patience
from shipmate.platform import PlatformClient
from shipmate.settings import ApiSettings, Secret, bounded


@dataclass
class Desk:
    """A platform, a client of it, and the pauses that the client has made."""

    platform: Platform
    client: PlatformClient
    pauses: list[float] = field(default_factory=list)

    def client_with(self, **environ: str) -> PlatformClient:
        settings = ApiSettings.from_environ({**self.platform.environ(), **environ})
        return PlatformClient(settings, Patience(settings.attempts, settings.delay_ms / 1000, sleep=self.pauses.append))


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a platform with an account, a step and a secret."""
    with OAuth2Provider() as provider:
        secrets = {"s/1": provider.issue()}
        steps = {"flow": {"a/b c": {"config": {"_account": "acc"}}}}
        with Platform(accounts={"acc": {"oauth": {}}}, steps=steps, secrets=secrets, provider=provider) as platform:
            desk = Desk(platform, PlatformClient(ApiSettings.from_environ(platform.environ())))
            desk.client = desk.client_with()
            yield desk


def test_accounts_steps_and_secrets_with_their_ids_escaped(desk: Desk) -> None:
    """An id may have any character."""
    desk.client.update_account("acc", {"oauth": {"access_token": "new"}})
    assert desk.platform.accounts["acc"]["oauth"] == {"access_token": "new"}
    assert desk.client.step("flow", "a/b c")["config"]["_account"] == "acc"
    before = desk.client.secret("s/1")
    after = desk.client.refresh_secret("s/1")
    assert before["type"] == after["type"] == "oauth2"
    assert before["credentials"]["access_token"] != after["credentials"]["access_token"]


def test_startup_data_takes_the_place_of_what_is_left_of_an_earlier_start(desk: Desk) -> None:
    """409, delete, and once more."""
    for data in ({"sub": 1}, {"sub": 2}):
        desk.client.store_startup_data("flow", data)
        assert desk.client.startup_data("flow") == data
    assert [request.method for request in desk.platform.requests] == ["POST", "GET", "POST", "DELETE", "POST", "GET"]
    desk.client.delete_startup_data("flow")
    with pytest.raises(PlatformRefused, match="404"):
        desk.client.startup_data("flow")


def test_components_reach_the_api_and_nothing_else(desk: Desk) -> None:
    """A path, or a URL of the API's own origin."""
    path = "/v1/accounts/acc"
    assert desk.client.get(path).json() == desk.client.get(desk.platform.url + path).json()
    with Server(name="foreign") as foreign:
        for url in (foreign.url + path, desk.platform.url.replace("http://", "http://u:p@") + path):
            with pytest.raises(PlatformRefused, match="another host"):
                desk.client.get(url)
        assert foreign.requests == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_temporary_errors_are_waited_out(desk: Desk, status: int) -> None:
    """With the attempts and the pause of the settings."""
    desk.platform.script("/v1/accounts/acc", Fault(status=status), times=2)
    desk.client.update_account("acc", {"a": 1})
    assert desk.pauses == [0.1, 0.1]
    desk.platform.script("/v1/accounts/acc", Fault(status=status), times=9)
    with pytest.raises(PlatformUnavailable, match=f"PUT /v1/accounts/acc .* 2 attempts: HTTP {status}"):
        desk.client_with(ELASTICIO_API_REQUEST_RETRY_ATTEMPTS="2").update_account("acc", {"a": 1})


@pytest.mark.parametrize(("asked", "pause"), [("7", 7), ("999", 60), ("soon", 0.1), ("0", 0.1)])
def test_retry_after_is_honoured_up_to_a_minute(desk: Desk, asked: str, pause: float) -> None:
    """Nonsense counts as absent."""
    desk.platform.script("/v1/accounts/acc", Fault(status=429, headers={"Retry-After": asked}))
    desk.client.update_account("acc", {"a": 1})
    assert desk.pauses == [pause]


def test_refusals_are_final(desk: Desk) -> None:
    """Asking again would not help; a redirect is one, too, for the credentials would go along."""
    for fault in (Fault(status=400), Fault(status=401), Fault(redirect="/v1/accounts/acc")):
        desk.platform.script("/v1/accounts/acc", fault)
        with pytest.raises(PlatformRefused):
            desk.client.update_account("acc", {"a": 1})
    assert desk.pauses == []
    assert len(desk.platform.requests) == 3


def test_a_platform_that_is_not_there_is_a_passing_failure(desk: Desk) -> None:
    """After all attempts."""
    desk.platform.stop()
    with pytest.raises(PlatformUnavailable, match="3 attempts: ConnectionError"):
        desk.client.get("/v1/accounts/acc")
    desk.platform.start()
    desk.platform.script("/v1/accounts/acc", Fault(drop="before"), Fault(status=200, body="x" * 99, drop="middle"))
    assert desk.client.get("/v1/accounts/acc").status_code == 200


def test_nothing_secret_is_in_errors_and_representations(desk: Desk) -> None:
    """Neither the key nor what was sent."""
    key, body, query = desk.platform.environ()["ELASTICIO_API_KEY"], "body-of-the-request", "the-query"
    path = f"/v1/x?{query}"
    desk.platform.script(None, Fault(status=400), Fault(status=500), Fault(status=500), Fault(status=500))
    texts = [repr(desk.client), str(desk.client), repr(ApiSettings.from_environ(desk.platform.environ()))]
    for _ in range(2):
        with pytest.raises((PlatformRefused, PlatformUnavailable)) as caught:
            desk.client.post(path, json={"a": body})
        texts.append("".join(traceback.format_exception(caught.value)))
    assert not [text for text in texts for secret in (key, body, query) if secret in text]
    assert key not in str(vars(desk.client))
    assert repr(Secret("s3cret")) == "'***'"


def test_a_netrc_entry_changes_nothing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at the API nor where no credentials are sent."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login nobody password nothing\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert desk.client.get("/v1/accounts/acc").status_code == 200
    attachments = Attachments(desk.client)
    assert attachments.open(attachments.upload("a.txt", b"x")["url"]).read() == b"x"
    assert desk.platform.requests[-1].header("Authorization") is None


def test_an_address_that_cannot_be_is_refused() -> None:
    """Without an attempt to connect."""
    service = HttpService("service", HeaderAuth(None), Patience(sleep=lambda _: None))
    with pytest.raises(PlatformRefused, match="cannot be sent"):
        service.send("GET", "http://.invalid/x")
    assert [Patience(is_growing=True).pause_after(n) for n in (0, 1, 2, 9)] == [0.1, 0.2, 0.4, 15.0]


@pytest.mark.parametrize("body", [b"[]", b"no json", b'{"data": []}', b'{"data": {}}', b'{"data": {"attributes": 1}}'])
def test_an_answer_that_is_none_is_said_so(desk: Desk, body: bytes) -> None:
    """What was expected of it."""
    desk.platform.script(None, Fault(status=200, body=body))
    with pytest.raises(PlatformRefused, match="secret: expected"):
        desk.client.secret("s1")


def test_secrets_need_a_workspace(desk: Desk) -> None:
    """The missing variable is named."""
    with pytest.raises(MissingSetting, match="ELASTICIO_WORKSPACE_ID"):
        desk.client_with(ELASTICIO_WORKSPACE_ID="").secret("s1")


# --- object storage and attachments ------------------------------------------------------------------------


def test_objects_are_stored_read_replaced_and_deleted(desk: Desk) -> None:
    """With the flow and the step in the request's id."""
    objects = desk.client.objects
    object_id = objects.create(b"one")
    assert objects.read(object_id).content == b"one"
    objects.update(object_id, b"two")
    assert objects.read(object_id).content == b"two"
    objects.delete(object_id)
    with pytest.raises(PlatformRefused, match="404"):
        objects.read(object_id)
    assert desk.platform.requests[0].header("x-request-id") == "f:flow;s:step;m:"


def test_the_object_storage_has_a_patience_of_its_own(desk: Desk) -> None:
    """Growing pauses, and the number of retries that its own variable says."""
    desk.platform.script(None, Fault(status=500), times=2)
    desk.client.objects.create(b"x")
    assert desk.pauses == [0.1, 0.2]
    desk.platform.script(None, Fault(status=500), times=1)
    with pytest.raises(PlatformUnavailable):
        desk.client_with(REQUEST_MAX_RETRY="0").objects.create(b"x")
    desk.platform.clear_script()
    desk.platform.script(None, Fault(status=200, body={}))
    with pytest.raises(PlatformRefused, match="objectId"):
        desk.client.objects.create(b"x")


@pytest.mark.parametrize("name", ["URI", "TOKEN"])
def test_an_object_storage_that_is_not_configured_is_named(desk: Desk, name: str) -> None:
    """By the variable that is missing."""
    client = desk.client_with(**{f"ELASTICIO_OBJECT_STORAGE_{name}": ""})
    with pytest.raises(MissingSetting, match=f"ELASTICIO_OBJECT_STORAGE_{name}"):
        client.objects.create(b"x")


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [("a.csv", None, "text/csv"), ("a", None, "application/octet-stream"), ("a.csv", "text/plain", "text/plain")],
)
def test_attachments_are_uploaded_and_opened(desk: Desk, name: str, content_type: str | None, expected: str) -> None:
    """From bytes or a stream; the platform's credentials do not go to the store of the files."""
    attachments = Attachments(desk.client)
    for content in (b"content", io.BytesIO(b"content")):
        stored = attachments.upload(name, content, content_type)
        assert (stored["content-type"], stored["size"]) == (expected, 7)
        with attachments.open(stored["url"]) as stream:
            assert stream.read() == b"content"
    puts = [request for request in desk.platform.requests if request.method == "PUT"]
    assert [request.header("Authorization") for request in puts] == [None, None]


def test_attachments_in_the_object_storage_are_opened_with_its_token(desk: Desk) -> None:
    """That token goes to this installation's storage only."""
    objects, attachments = desk.client.objects, Attachments(desk.client)
    with attachments.open(objects.url(objects.create(b"content"))) as stream:
        assert stream.read() == b"content"
    with Server(name="foreign") as foreign:
        foreign.route("*", "/objects/{key}", lambda request, key: Reply(200, b""))
        with pytest.raises(BadInput, match="object storage"):
            attachments.open(f"{foreign.url}/objects/1?storage_type=maester")
        assert foreign.requests == []


def test_a_signed_url_that_is_none_is_said_so(desk: Desk) -> None:
    """Nothing is sent anywhere then."""
    desk.platform.script(None, Fault(status=200, body={"put_url": 7}))
    with pytest.raises(PlatformRefused, match="put_url"):
        Attachments(desk.client).upload("a", b"x")


# --- settings ----------------------------------------------------------------------------------------------

NEEDED = {"ELASTICIO_API_URI": "http://api/", "ELASTICIO_API_USERNAME": "u", "ELASTICIO_API_KEY": "s3cret"}


def test_settings_have_the_defaults_of_the_platform() -> None:
    """And trim the slash at the end of addresses."""
    settings = ApiSettings.from_environ(NEEDED)
    assert (settings.uri, settings.attempts, settings.delay_ms) == ("http://api", 3, 100)
    assert (settings.storage_retries, settings.storage_timeout_ms) == (2, 10_000)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("name", NEEDED)
def test_a_variable_that_must_be_there_is_named(name: str) -> None:
    """Empty counts as missing."""
    for environ in ({**NEEDED, name: ""}, {key: value for key, value in NEEDED.items() if key != name}):
        with pytest.raises(MissingSetting, match=f"{name} is missing"):
            ApiSettings.from_environ(environ)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("4", 4), ("5", 2), ("-1", 2), ("x", 2), ("", 2)])
def test_a_number_out_of_bounds_is_the_default(text: str, value: Any) -> None:
    """0 is a value."""
    assert bounded({"N": text}, "N", 2, 0, 4) == value


def test_no_connection_is_left_to_one_service_for_another() -> None:
    """Each service has its own session in each thread."""
    service = HttpService("service", HeaderAuth(None), Patience())
    assert service._session() is service._session()
    assert isinstance(service._session(), requests.Session)
