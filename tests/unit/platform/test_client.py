"""The platform's API and its object storage, as a component calls them."""

import base64
import dataclasses
import math
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shipmate.emulator import Fault, Platform, Server
from shipmate.errors import MissingSetting, PlatformRefused, PlatformUnavailable
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import RetryPolicy
from shipmate.settings import ApiSettings, Secret

KEY = "key-of-the-installation"
TOKEN = "object-storage-token"
CONTENT = "content-of-a-message"
STARTUP = "/sailor-support/hooks/task/flow/startup/data"
AWKWARD = "a/b c?d#e%2F"
ESCAPED = "a%2Fb%20c%3Fd%23e%252F"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform(
        key=KEY,
        accounts={"account": {"oauth": {"access_token": "old"}}, AWKWARD: {}},
        steps={"flow": {"step": {"config": {"a": 1}, "snapshot": {"b": 2}}}, AWKWARD: {AWKWARD: {"config": {}}}},
        secrets={"secret": {"access_token": "of-a-secret"}, AWKWARD: {}},
    ) as made:
        yield made


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def settings(platform: Platform) -> ApiSettings:
    return ApiSettings.from_environ(platform.environ())


@pytest.fixture
def client(settings: ApiSettings, pauses: list[float]) -> PlatformClient:
    return PlatformClient(settings, RetryPolicy(sleep=pauses.append))


def told(error: BaseException) -> str:
    """Return everything that a log or a traceback would show of an error."""
    assert error.__cause__ is None
    return f"{error!r} {error} {vars(error)} {''.join(traceback.format_exception(error))}"


# --- the API


def test_the_api_is_called_with_the_credentials_of_the_container(platform: Platform, client: PlatformClient) -> None:
    """The user and the key go as basic authentication."""
    assert client.get("/v1/accounts/account").json()["id"] == "account"
    expected = "Basic " + base64.b64encode(f"runtime@example.com:{KEY}".encode()).decode()
    assert [each.header("Authorization") for each in platform.requests] == [expected]


def test_credentials_may_contain_any_character() -> None:
    """A key beyond Latin letters is sent as UTF-8."""
    with Platform(key="schlüssel→🔑:x") as platform:
        client = PlatformClient(ApiSettings.from_environ(platform.environ()))
        client.store_startup_data("flow", {"a": 1})
        assert platform.startup_data == {"flow": {"a": 1}}


def test_netrc_takes_no_part(
    platform: Platform, client: PlatformClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password of the same host in a netrc file does not replace the credentials."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.get("/v1/accounts/account").status_code == 200
    object_id = client.objects.create(b"{}")
    assert client.objects.read(object_id).content == b"{}"


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_each_method_has_its_function(platform: Platform, client: PlatformClient, method: str) -> None:
    """The usual methods are called by name and take what requests takes."""
    platform.script("/v2/things", Fault(status=200, body={"is": "done"}))
    response = getattr(client, method)("/v2/things", params={"page": "1"}, headers={"x-own": "yes"})
    assert response.json() == {"is": "done"}
    (request,) = platform.requests
    assert (request.method, request.query, request.header("x-own")) == (method.upper(), {"page": "1"}, "yes")


@pytest.mark.parametrize(
    "path", ["/v2/things", "v2/things", "//v2/things", "{url}/v2/things", "/v2/things?back=https://example.com/x"]
)
def test_a_path_is_one_of_the_api_however_it_is_written(platform: Platform, client: PlatformClient, path: str) -> None:
    """A leading slash, the API's own origin and a URL in the query make no difference."""
    platform.script("/v2/things", Fault(status=200))
    assert client.get(path.format(url=platform.url)).status_code == 200
    assert [each.path for each in platform.requests] == ["/v2/things"]


def test_the_credentials_go_to_no_other_host(platform: Platform, client: PlatformClient) -> None:
    """A URL with another scheme, host or port is refused before anything is sent."""
    host = urlsplit(platform.url).netloc
    with Server(name="elsewhere") as elsewhere:
        for url in (
            f"{elsewhere.url}/v2/things",
            f"https://{host}/v2/things",
            f"HTTP://{host}@{urlsplit(elsewhere.url).netloc}/v2/things",
            f"{platform.url}.example.com/v2/things",
        ):
            with pytest.raises(PlatformRefused, match=r"^expected a path of the platform's API, found a URL of"):
                client.get(url)
        assert elsewhere.requests == platform.requests == []


def test_the_credentials_follow_no_redirect(platform: Platform, client: PlatformClient) -> None:
    """An answer that points elsewhere is an error."""
    with Server(name="elsewhere") as elsewhere:
        platform.script("/v2/things", Fault(redirect=elsewhere.url))
        with pytest.raises(PlatformRefused, match="HTTP 302"):
            client.get("/v2/things")
        assert elsewhere.requests == []


def test_attempts_and_pauses_are_those_of_the_settings(platform: Platform, settings: ApiSettings) -> None:
    """The environment decides how often the API is asked."""
    platform.script("/v2/things", Fault(status=503), times=9)
    client = PlatformClient(dataclasses.replace(settings, attempts=4, delay_ms=0))
    with pytest.raises(PlatformUnavailable, match="in 4 attempts: HTTP 503"):
        client.get("/v2/things")
    assert len(platform.requests) == 4


def test_a_temporary_error_of_the_api_passes_unseen(
    platform: Platform, client: PlatformClient, pauses: list[float]
) -> None:
    """Reading a step survives what a restart of the API causes."""
    platform.script("/v1/tasks/flow/steps/step", Fault(status=503), Fault(drop="before"))
    assert client.step("flow", "step")["config"] == {"a": 1}
    assert pauses == [0.1, 0.1]


def test_an_api_that_is_not_there_is_unavailable(platform: Platform, client: PlatformClient) -> None:
    """A stopped API is told from one that refuses."""
    platform.stop()
    with pytest.raises(PlatformUnavailable, match="GET /v1/tasks/flow/steps/step of the platform's API"):
        client.step("flow", "step")


def test_a_step_is_read_as_it_is(client: PlatformClient) -> None:
    """Configuration and snapshot come as the platform keeps them."""
    step = client.step("flow", "step")
    assert (step["config"], step["snapshot"]) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_step_is_read_through_the_proxy_of_the_environment(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The quick way to read it knows no proxies."""
    with Server(name="proxy") as proxy:
        monkeypatch.setenv(name, proxy.url)
        environ = {**platform.environ(), "ELASTICIO_API_URI": "http://api.example", name: proxy.url}
        with pytest.raises(PlatformRefused, match="HTTP 404"):
            PlatformClient(ApiSettings.from_environ(environ)).step("flow", "step")
        assert [each.header("Host") for each in proxy.requests] == ["api.example"]


def test_a_step_that_does_not_exist_is_refused(client: PlatformClient, pauses: list[float]) -> None:
    """What is not there is not asked for again."""
    with pytest.raises(PlatformRefused, match="HTTP 404"):
        client.step("flow", "other")
    assert pauses == []


def test_a_step_that_is_no_object_is_refused(platform: Platform, client: PlatformClient) -> None:
    """A proxy's page is not taken for step data."""
    platform.script("/v1/tasks/flow/steps/step", Fault(status=200, body="<html>"))
    with pytest.raises(PlatformRefused, match=r"^step data: expected a JSON object"):
        client.step("flow", "step")


def test_keys_are_stored_in_their_account(platform: Platform, client: PlatformClient) -> None:
    """New keys replace the old ones of the same name."""
    client.update_account("account", {"oauth": {"access_token": "new"}})
    assert platform.accounts["account"] == {"oauth": {"access_token": "new"}}


def test_ids_are_escaped(platform: Platform, client: PlatformClient) -> None:
    """No id becomes another path or a query."""
    platform.script(f"/object-storage/objects/{ESCAPED}", Fault(status=200), times=3)
    client.step(AWKWARD, AWKWARD)
    client.update_account(AWKWARD, {"a": 1})
    client.secret(AWKWARD)
    client.store_startup_data(AWKWARD, 1)
    client.startup_data(AWKWARD)
    client.delete_startup_data(AWKWARD)
    client.objects.update(AWKWARD, b"2")
    client.objects.read(AWKWARD)
    client.objects.delete(AWKWARD)
    assert [each.path.count(ESCAPED) for each in platform.requests] == [2, 1, 1, 1, 1, 1, 1, 1, 1]
    assert {each.query_string for each in platform.requests} == {""}


# --- secrets


def test_a_secret_is_its_attributes(client: PlatformClient) -> None:
    """What the platform wraps around a secret is taken off."""
    secret = client.secret("secret")
    assert (secret["type"], secret["credentials"]) == ("oauth2", {"access_token": "of-a-secret"})


def test_a_secret_is_refreshed_by_the_platform(platform: Platform, client: PlatformClient) -> None:
    """The answer to the request for a refresh holds the new attributes."""
    path = "/v2/workspaces/workspace/secrets/secret/refresh"
    answer = {"data": {"attributes": {"credentials": {"access_token": "new"}}}}
    platform.script(path, Fault(status=200, body=answer), method="POST")
    assert client.refresh_secret("secret") == {"credentials": {"access_token": "new"}}


def test_a_refresh_that_fails_is_refused(client: PlatformClient) -> None:
    """A secret that cannot be refreshed is not asked for again."""
    with pytest.raises(PlatformRefused, match="HTTP 400"):
        client.refresh_secret("secret")


@pytest.mark.parametrize("name", ["secret", "refresh_secret"])
def test_secrets_need_a_workspace(platform: Platform, settings: ApiSettings, name: str) -> None:
    """Without the workspace's id nothing is sent, and the message names the variable."""
    client = PlatformClient(dataclasses.replace(settings, workspace_id=""))
    with pytest.raises(MissingSetting, match=r"^ELASTICIO_WORKSPACE_ID is missing"):
        getattr(client, name)("secret")
    assert platform.requests == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": [CONTENT]},
        {"data": {}},
        {"data": {"attributes": CONTENT}},
        [CONTENT],
        CONTENT,
        None,
    ],
)
def test_a_malformed_secret_is_refused(platform: Platform, client: PlatformClient, body: Any) -> None:
    """An answer without attributes is an error that shows nothing of it."""
    platform.script("/v2/workspaces/workspace/secrets/secret", Fault(status=200, body=body))
    with pytest.raises(PlatformRefused, match=r"^secret: expected") as caught:
        client.secret("secret")
    assert CONTENT not in told(caught.value)


# --- startup data


@pytest.mark.parametrize("data", [{"webhook": 1}, [1, None]])
def test_startup_data_is_stored_read_and_deleted(platform: Platform, client: PlatformClient, data: Any) -> None:
    """What a startup hook returned comes back to the shutdown hook."""
    client.store_startup_data("flow", data)
    assert client.startup_data("flow") == data
    client.delete_startup_data("flow")
    assert platform.startup_data == {}


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        ("", {}),
        (0, {}),
        (5, {}),
        (1.5, {}),
        (False, {}),
        (True, {}),
        ("text", "text"),
        ({"a": 0}, {"a": 0}),
    ],
)
def test_startup_data_that_says_nothing_is_stored_as_an_empty_object(
    platform: Platform, client: PlatformClient, data: Any, kept: Any
) -> None:
    """A shutdown hook finds an object where a startup hook returned nothing, a number or a boolean."""
    client.store_startup_data("flow", data)
    assert platform.startup_data == {"flow": kept}


def test_startup_data_of_an_earlier_start_is_replaced(platform: Platform, client: PlatformClient) -> None:
    """What is left over is deleted, and the new data stored."""
    client.store_startup_data("flow", {"webhook": 1})
    client.store_startup_data("flow", {"webhook": 2})
    assert platform.startup_data == {"flow": {"webhook": 2}}
    assert [(each.method, each.status) for each in platform.requests[1:]] == [
        ("POST", 409),
        ("DELETE", 204),
        ("POST", 201),
    ]


def test_startup_data_that_stays_in_the_way_is_an_error(platform: Platform, client: PlatformClient) -> None:
    """The dance is danced once."""
    platform.startup_data["flow"] = "old"
    platform.script(STARTUP, Fault(status=409), times=2, method="POST")
    with pytest.raises(PlatformRefused, match="HTTP 409"):
        client.store_startup_data("flow", 1)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_storing_startup_data_survives_an_answer_that_is_lost(
    platform: Platform, client: PlatformClient, method: str
) -> None:
    """The second attempt of a request that was done already does no harm."""
    platform.startup_data["flow"] = "old"
    if method == "POST":
        platform.startup_data.clear()
    platform.script(STARTUP, Fault(status=503, after_processing=True), method=method)
    client.store_startup_data("flow", "new")
    assert platform.startup_data == {"flow": "new"}


def test_deleting_startup_data_survives_an_answer_that_is_lost(platform: Platform, client: PlatformClient) -> None:
    """That nothing is left to delete is what was wanted."""
    platform.startup_data["flow"] = "old"
    platform.script(STARTUP, Fault(drop="before", after_processing=True))
    client.delete_startup_data("flow")
    assert platform.startup_data == {}


def test_connections_are_kept_alive_in_the_words_of_the_platform(platform: Platform, client: PlatformClient) -> None:
    """Contract 9, asserted by the official tests, whatever client sends the request."""
    client.step("flow", "step")
    client.store_startup_data("flow", {})
    assert [each.header("Connection") for each in platform.requests] == ["Keep-Alive", "Keep-Alive"]


def test_startup_data_that_cannot_be_deleted_is_an_error(platform: Platform, client: PlatformClient) -> None:
    """Contract 1.3: whatever the reason; that there is nothing to delete means that somebody else has done it."""
    with pytest.raises(PlatformRefused, match="HTTP 404"):
        client.delete_startup_data("flow")
    platform.script(STARTUP, Fault(status=409), method="POST")
    with pytest.raises(PlatformRefused, match="HTTP 404"):
        client.store_startup_data("flow", 1)


@pytest.mark.parametrize("status", [300, 304])
def test_any_status_below_400_is_a_success_of_startup_data(
    platform: Platform, client: PlatformClient, status: int
) -> None:
    """Contract 9.3."""
    platform.script(STARTUP, Fault(status=status), Fault(status=status))
    client.store_startup_data("flow", {"a": 1})
    client.delete_startup_data("flow")
    assert [(each.method, each.status) for each in platform.requests] == [("POST", status), ("DELETE", status)]


def test_startup_data_is_json_as_messages_are(platform: Platform, client: PlatformClient) -> None:
    """Contract 4.1: dates as text, what is no number as null."""
    client.store_startup_data("flow", {"at": datetime(2026, 1, 2, tzinfo=UTC), "n": math.nan})
    assert platform.startup_data == {"flow": {"at": "2026-01-02T00:00:00.000Z", "n": None}}


def test_startup_data_that_was_never_stored_is_refused(client: PlatformClient) -> None:
    """Reading what is not there is an error."""
    with pytest.raises(PlatformRefused, match="HTTP 404"):
        client.startup_data("flow")


def test_startup_data_that_is_not_json_is_refused(platform: Platform, client: PlatformClient) -> None:
    """The error is one of shipmate's and shows nothing of the answer."""
    platform.script(STARTUP, Fault(status=200, body=CONTENT))
    with pytest.raises(PlatformRefused, match=r"^startup data: expected JSON") as caught:
        client.startup_data("flow")
    assert CONTENT not in told(caught.value)


# --- what is not told


@pytest.mark.parametrize(
    "fault", [Fault(status=503, body=CONTENT), Fault(status=401, body=CONTENT), Fault(drop="middle")]
)
def test_errors_of_the_api_tell_nothing_secret(platform: Platform, client: PlatformClient, fault: Fault) -> None:
    """Neither the key, as it is or encoded, nor query and bodies are in an error."""
    encoded = base64.b64encode(f"runtime@example.com:{KEY}".encode()).decode()
    platform.script("/v1/accounts/account", fault, times=3)
    with pytest.raises((PlatformRefused, PlatformUnavailable)) as caught:
        client.put("/v1/accounts/account", json={"keys": {"a": CONTENT}}, params={"q": CONTENT})
    for secret in (KEY, encoded, CONTENT):
        assert secret not in told(caught.value)


def test_why_a_step_or_an_account_was_refused_is_told(platform: Platform, client: PlatformClient) -> None:
    """Contract 9.5: the text of the answer, but for one that repeats the keys."""
    platform.script(None, *[Fault(status=400, body={"error": "why"})] * 2)
    platform.script(None, Fault(status=400, body={"error": f"not {CONTENT}"}))
    with pytest.raises(PlatformRefused, match=r"HTTP 400: .*why"):
        client.step("flow", "step")
    with pytest.raises(PlatformRefused, match=r"HTTP 400: .*why"):
        client.update_account("account", {"oauth": {"a": CONTENT}})
    with pytest.raises(PlatformRefused, match=r"HTTP 400$"):
        client.update_account("account", {"oauth": {"a": [CONTENT, ""]}})


def test_the_representation_tells_the_address_alone(platform: Platform, client: PlatformClient) -> None:
    """A client in a log shows where it goes, not with what."""
    assert repr(client) == f"<platform API at {platform.url}>"
    assert TOKEN not in repr(client.objects)


def test_a_password_in_the_address_is_not_shown() -> None:
    """Addresses may carry one, and objects may be logged."""
    settings = ApiSettings(uri="https://user:pass@api.example.com/base", username="u", key=Secret("k"))
    assert repr(PlatformClient(settings)) == "<platform API at https://api.example.com/base>"


# --- object storage


def test_an_object_is_created_read_updated_and_deleted(platform: Platform, client: PlatformClient) -> None:
    """The storage keeps bytes as they are."""
    object_id = client.objects.create(b'{"a": 1}')
    assert client.objects.read(object_id).content == b'{"a": 1}'
    client.objects.update(object_id, b"\x00\xff")
    assert client.objects.read(object_id).content == b"\x00\xff"
    client.objects.update(object_id, b"")
    assert client.objects.read(object_id).content == b""
    client.objects.delete(object_id)
    assert platform.maester.objects == {}
    with pytest.raises(PlatformRefused, match="of the object storage: expected success, found HTTP 404"):
        client.objects.read(object_id)


@pytest.mark.parametrize(("given", "kept"), [((), "application/json"), (("text/csv",), "text/csv")])
def test_an_object_has_a_media_type(
    platform: Platform, client: PlatformClient, given: tuple[str, ...], kept: str
) -> None:
    """JSON is what objects hold unless something else is said."""
    object_id = client.objects.create(b"1", *given)
    assert platform.maester.objects[object_id].content_type == kept


def test_the_storage_is_called_with_its_own_token(platform: Platform, client: PlatformClient) -> None:
    """The storage learns its token and for which step it is called, not the key of the API."""
    client.objects.create(b"1")
    (request,) = platform.requests
    assert request.header("Authorization") == f"Bearer {TOKEN}"
    assert request.header("x-request-id") == "f:flow;s:step;m:"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"storage_uri": ""}, "ELASTICIO_OBJECT_STORAGE_URI"),
        ({"storage_token": Secret("")}, "ELASTICIO_OBJECT_STORAGE_TOKEN"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda objects: objects.create(b""),
        lambda objects: objects.read("id"),
        lambda objects: objects.update("id", b""),
        lambda objects: objects.delete("id"),
    ],
)
def test_a_storage_that_is_not_configured_is_said_by_the_first_call(
    platform: Platform, settings: ApiSettings, change: Any, name: str, call: Callable[[Any], Any]
) -> None:
    """The client can be made without a storage, and a call names the variable that is missing."""
    client = PlatformClient(dataclasses.replace(settings, **change))
    with pytest.raises(MissingSetting, match=f"^{name} is missing: the object storage is not configured$"):
        call(client.objects)
    assert platform.requests == []


@pytest.mark.parametrize(("retries", "expected"), [(0, []), (1, [0.1]), (2, [0.1, 0.2]), (4, [0.1, 0.2, 0.4, 0.8])])
def test_the_storage_is_asked_with_growing_pauses(
    platform: Platform, settings: ApiSettings, pauses: list[float], retries: int, expected: list[float]
) -> None:
    """Retries come on top of the first attempt, each after twice the pause of the one before."""
    client = PlatformClient(dataclasses.replace(settings, storage_retries=retries), RetryPolicy(sleep=pauses.append))
    platform.script("/object-storage/objects", Fault(status=503), times=9)
    with pytest.raises(PlatformUnavailable, match=f"POST /object-storage/objects .* {retries + 1} attempts: HTTP 503"):
        client.objects.create(b"1")
    assert pauses == expected


@pytest.mark.parametrize("body", [{}, {"objectId": None}, {"objectId": 1}, ["id"], "id", None])
def test_an_answer_without_an_id_is_refused(platform: Platform, client: PlatformClient, body: Any) -> None:
    """An object that nobody could find again does not count as stored."""
    platform.script("/object-storage/objects", Fault(status=201, body=body))
    with pytest.raises(PlatformRefused, match=r"^object storage: expected"):
        client.objects.create(b"1")


def test_errors_of_the_storage_tell_nothing_secret(platform: Platform, client: PlatformClient) -> None:
    """Neither the token nor what was to be stored is in an error."""
    platform.script("/object-storage/objects", Fault(drop="before"), times=3)
    with pytest.raises(PlatformUnavailable) as caught:
        client.objects.create(CONTENT.encode())
    for secret in (TOKEN, CONTENT, KEY):
        assert secret not in told(caught.value)


def test_the_storage_knows_its_own_addresses(platform: Platform, client: PlatformClient) -> None:
    """An address that the storage makes is one that it holds."""
    url = client.objects.url("a/b c")
    assert url == f"{platform.maester.url}/objects/a%2Fb%20c?storage_type=maester"
    assert client.objects.id_in(url) == "a/b c"


@pytest.mark.parametrize(
    "url",
    [
        "{origin}/objects/1",
        "{base}/other/1",
        "{base}.example.com/objects/1",
        "{base}@example.com/objects/1",
        "https://example.com/objects/1",
        "/objects/1",
        "",
    ],
)
def test_the_storage_holds_no_other_address(platform: Platform, client: PlatformClient, url: str) -> None:
    """A likeness is not enough."""
    assert client.objects.id_in(url.format(base=platform.maester.url, origin=platform.url)) is None


def test_a_storage_that_is_not_configured_holds_nothing(settings: ApiSettings) -> None:
    """Without an address of the storage no address is one of it."""
    objects = PlatformClient(dataclasses.replace(settings, storage_uri="")).objects
    assert objects.id_in("/objects/1") is None
