"""The emulated platform: step data, accounts, secrets, startup data, results."""

import json
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from shipmate.emulator import Fault, OAuth2Provider, Platform

TIMEOUT = 10
OAUTH = {"access_token": "a", "refresh_token": "r"}
Ask = Callable[..., requests.Response]


@pytest.fixture
def platform(provider: OAuth2Provider) -> Iterator[Platform]:
    """Return a platform with one flow, an account and three secrets."""
    with Platform(
        provider=provider,
        accounts={"acc/1": {"oauth": OAUTH, "domain": "x"}},
        steps={
            "flow": {
                "step": {"config": {"_account": "acc/1", "mode": "fast"}, "snapshot": {"n": 1}},
                "plain": {"is_passthrough": True, "variables": {"a": "b"}},
            }
        },
        secrets={
            "oauth": {**provider.issue("read"), "instance_url": "https://na1.test", "fields": {"retries": "5"}},
            "basic": {"type": "basic", "name": "B", "credentials": {"username": "u", "password": "p"}},
            "dead": {"refresh_token": "unknown", "undefined_params": {"a": 1}, "b": 2},
        },
    ) as started:
        yield started


@pytest.fixture
def ask(platform: Platform) -> Ask:
    """Return a function that calls the API with the right key."""
    return caller(platform)


def caller(platform: Platform) -> Ask:
    """Return a function that calls one platform with the right key."""

    def request(method: str, path: str, **options: Any) -> requests.Response:
        auth = (platform.username, platform.key)
        return requests.request(method, platform.url + path, auth=auth, timeout=TIMEOUT, **options)

    return request


STEP = "/v1/tasks/flow/steps/step"
ACCOUNT = "/v1/accounts/acc%2F1"
SECRETS = "/v2/workspaces/workspace/secrets"
STARTUP = "/sailor-support/hooks/task/flow/startup/data"


class TestAccess:
    @pytest.mark.parametrize("auth", [None, ("runtime@example.com", "wrong")])
    def test_without_the_key_everything_is_401(self, platform: Platform, auth: tuple[str, str] | None) -> None:
        for method, path in (("GET", STEP), ("PUT", ACCOUNT), ("GET", SECRETS), ("POST", STARTUP)):
            answer = requests.request(method, platform.url + path, auth=auth, timeout=TIMEOUT)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Basic")

    def test_the_environment_of_a_container_points_to_this_platform(self, platform: Platform) -> None:
        environ = platform.environ("flow", "step")
        auth = (environ["ELASTICIO_API_USERNAME"], environ["ELASTICIO_API_KEY"])
        ids = environ["ELASTICIO_FLOW_ID"], environ["ELASTICIO_STEP_ID"], environ["ELASTICIO_WORKSPACE_ID"]
        assert ids == ("flow", "step", "workspace")
        assert requests.get(environ["ELASTICIO_API_URI"] + STEP, auth=auth, timeout=TIMEOUT).ok
        assert environ["ELASTICIO_OBJECT_STORAGE_URI"] == platform.maester.url


class TestStepsAndAccounts:
    def test_step_data_contains_the_keys_of_the_account(self, ask: Ask) -> None:
        found = ask("GET", STEP).json()
        assert found["config"] == {"_account": "acc/1", "mode": "fast", "oauth": OAUTH, "domain": "x"}
        assert (found["id"], found["snapshot"], found["is_passthrough"]) == ("step", {"n": 1}, False)

    def test_a_step_without_an_account_is_given_as_it_is(self, ask: Ask) -> None:
        found = ask("GET", "/v1/tasks/flow/steps/plain").json()
        assert found == {"id": "plain", "is_passthrough": True, "variables": {"a": "b"}, "config": {}}

    @pytest.mark.parametrize("path", ["/v1/tasks/other/steps/step", "/v1/tasks/flow/steps/other", "/v1/accounts/acc"])
    def test_what_does_not_exist_is_404(self, ask: Ask, path: str) -> None:
        assert ask("GET", path).status_code == 404

    def test_new_keys_replace_their_member_and_leave_the_others(self, ask: Ask, platform: Platform) -> None:
        assert ask("PUT", ACCOUNT, json={"keys": {"oauth": {"access_token": "new"}}}).ok
        expected = {"oauth": {"access_token": "new"}, "domain": "x"}
        assert ask("GET", ACCOUNT).json() == {"id": "acc/1", "keys": expected}
        assert ask("GET", STEP).json()["config"]["oauth"] == {"access_token": "new"}
        assert platform.accounts == {"acc/1": expected}

    @pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"keys": 1}'])
    def test_an_update_without_keys_is_400(self, ask: Ask, body: bytes) -> None:
        assert ask("PUT", ACCOUNT, data=body).status_code == 400

    def test_an_unknown_account_cannot_be_updated(self, ask: Ask, platform: Platform) -> None:
        assert ask("PUT", "/v1/accounts/other", json={"keys": {"a": 1}}).status_code == 404
        assert not platform.update_account("other", {})

    def test_an_update_can_be_saved_and_its_answer_lost(self, ask: Ask, platform: Platform) -> None:
        platform.script(ACCOUNT, Fault(status=503, after_processing=True), method="PUT")
        assert ask("PUT", ACCOUNT, json={"keys": {"domain": "y"}}).status_code == 503
        assert platform.accounts["acc/1"]["domain"] == "y"

    def test_updates_survive_a_restart(self, tmp_path: Path) -> None:
        file = tmp_path / "state.json"
        accounts = {"a": {"oauth": OAUTH}, "b": {}}
        with Platform(accounts=accounts, persist_to=file) as first:
            assert not file.exists()
            assert caller(first)("PUT", "/v1/accounts/a", json={"keys": {"oauth": {"access_token": "new"}}}).ok
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
        with Platform(accounts={**accounts, "c": {}}, persist_to=file) as second:
            found = caller(second)("GET", "/v1/accounts/a").json()["keys"]
        assert found == {"oauth": {"access_token": "new"}}
        assert set(second.accounts) == {"a", "b", "c"}

    def test_updates_at_once_are_all_kept(self, ask: Ask, platform: Platform, tmp_path: Path) -> None:
        platform.persist_to = tmp_path / "state.json"
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: ask("PUT", ACCOUNT, json={"keys": {f"k{n}": n}}), range(32)))
        stored = json.loads(platform.persist_to.read_text())["accounts"]["acc/1"]
        assert (
            stored == platform.accounts["acc/1"] == {"oauth": OAUTH, "domain": "x", **{f"k{n}": n for n in range(32)}}
        )


class TestSecrets:
    def test_a_secret_has_the_platforms_shape(self, ask: Ask) -> None:
        data = ask("GET", SECRETS + "/oauth").json()["data"]
        attributes = data["attributes"]
        assert (data["id"], data["type"], data["links"]["self"]) == ("oauth", "auth-secret", SECRETS + "/oauth")
        assert (attributes["name"], attributes["state"], attributes["type"]) == ("oauth", "ready", "oauth2")
        assert attributes["credentials"]["undefined_params"] == {"instance_url": "https://na1.test"}
        assert attributes["credentials"]["fields"] == {"retries": "5"}
        basic = ask("GET", SECRETS + "/basic").json()["data"]["attributes"]
        assert basic["credentials"] == {"username": "u", "password": "p"}
        dead = ask("GET", SECRETS + "/dead").json()["data"]["attributes"]["credentials"]
        assert dead["undefined_params"] == {"a": 1, "b": 2}

    def test_all_secrets_are_listed(self, ask: Ask) -> None:
        assert [each["id"] for each in ask("GET", SECRETS).json()["data"]] == ["oauth", "basic", "dead"]

    def test_a_refresh_goes_through_the_provider(
        self, ask: Ask, platform: Platform, provider: OAuth2Provider, tmp_path: Path
    ) -> None:
        platform.persist_to = tmp_path / "state.json"
        before = ask("GET", SECRETS + "/oauth").json()["data"]["attributes"]["credentials"]
        after = ask("POST", SECRETS + "/oauth/refresh").json()["data"]["attributes"]["credentials"]
        assert after["access_token"] != before["access_token"]
        assert provider.is_valid(after["access_token"])
        assert provider.refreshes == 1
        assert after["undefined_params"] == {"instance_url": "https://na1.test"}
        assert ask("GET", SECRETS + "/oauth").json()["data"]["attributes"]["credentials"] == after
        with Platform(persist_to=platform.persist_to) as restarted:
            assert restarted.secrets["oauth"]["credentials"] == after

    def test_a_refused_refresh_puts_the_secret_in_error(self, ask: Ask) -> None:
        answer = ask("POST", SECRETS + "/dead/refresh")
        assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "invalid_grant")
        assert ask("GET", SECRETS + "/dead").json()["data"]["attributes"]["state"] == "error"

    def test_a_secret_without_tokens_or_provider_cannot_be_refreshed(self, ask: Ask, platform: Platform) -> None:
        assert ask("POST", SECRETS + "/basic/refresh").status_code == 400
        platform.provider = None
        assert ask("POST", SECRETS + "/oauth/refresh").status_code == 400

    def test_secrets_belong_to_their_workspace(self, ask: Ask) -> None:
        elsewhere = "/v2/workspaces/other/secrets"
        for method, path in (
            ("GET", elsewhere),
            ("GET", elsewhere + "/oauth"),
            ("POST", elsewhere + "/oauth/refresh"),
            ("GET", SECRETS + "/none"),
            ("POST", SECRETS + "/none/refresh"),
        ):
            assert ask(method, path).status_code == 404


class TestStartupData:
    def test_startup_data_is_stored_once_read_and_deleted(self, ask: Ask, platform: Platform) -> None:
        assert [ask("POST", STARTUP, json={"sub": n}).status_code for n in (1, 2)] == [201, 409]
        assert ask("GET", STARTUP).json() == {"sub": 1}
        assert platform.startup_data == {"flow": {"sub": 1}}
        assert [ask("DELETE", STARTUP).status_code for _ in range(2)] == [204, 404]
        assert ask("GET", STARTUP).status_code == 404
        assert ask("POST", STARTUP, data=b"").status_code == 400


class TestResults:
    def test_results_are_kept_in_order_whatever_the_name(self, platform: Platform) -> None:
        for number in range(2):
            assert requests.post(platform.result_url, json={"status": number}, timeout=TIMEOUT).status_code == 200
        assert requests.post(platform.url + "/results/2", json={"status": 2}, timeout=TIMEOUT).ok
        assert platform.results == [{"status": 0}, {"status": 1}, {"status": 2}]

    def test_credentials_of_a_result_must_be_correct_if_present(self) -> None:
        with Platform(username="us@er", key="p:w/%") as platform:
            assert "us%40er:p%3Aw%2F%25@" in platform.result_url
            assert requests.post(platform.result_url, json={}, timeout=TIMEOUT).ok
            wrong = requests.post(platform.url + "/results/1", json={}, auth=("us@er", "p"), timeout=TIMEOUT)
            assert wrong.status_code == 401
            assert requests.post(platform.url + "/results/1", data=b"{", timeout=TIMEOUT).status_code == 400
            assert platform.results == [{}]


def test_secrets_of_all_types_name_their_auth_clients(platform: Platform, ask: Ask) -> None:
    platform.auth_clients["crm"] = {"type": "api_key"}
    credentials = {"headerName": "X-Key", "headerValue": "k", "fields": {"retries": "5"}}
    platform.change_secret("key", type="api_key", credentials=credentials, auth_client="crm")
    data = ask("GET", f"{SECRETS}/key").json()["data"]
    assert data["attributes"]["credentials"] == credentials
    assert data["relationships"]["auth_client"]["data"]["id"] == "crm"
    clients = {each["id"]: each["attributes"]["type"] for each in ask("GET", "/v2/auth-clients").json()["data"]}
    assert clients == {"oauth2-client": "oauth2", "basic-client": "basic", "crm": "api_key"}


def test_a_secret_can_break_and_be_repaired(platform: Platform, ask: Ask) -> None:
    platform.break_secret("basic", "refused")
    attributes = ask("GET", f"{SECRETS}/basic").json()["data"]["attributes"]
    assert (attributes["state"], attributes["error"]) == ("error", "refused")
    platform.change_secret("basic", credentials={"username": "u", "password": "new"})
    attributes = ask("GET", f"{SECRETS}/basic").json()["data"]["attributes"]
    assert (attributes["state"], attributes.get("error")) == ("ready", None)
    assert attributes["credentials"]["password"] == "new"


def test_a_refresh_may_answer_with_a_list_of_one(platform: Platform, ask: Ask) -> None:
    platform.answers_with_lists = True
    (secret,) = ask("POST", f"{SECRETS}/oauth/refresh").json()["data"]
    assert secret["id"] == "oauth"


def test_fields_of_the_form_beside_the_credentials_are_refused() -> None:
    """No component sees them there, and a test of them would wait in vain."""
    with pytest.raises(ValueError, match=r"^secret s: expected the fields of the form in credentials\.fields"):
        Platform(secrets={"s": {"type": "basic", "credentials": {"username": "ada"}, "fields": {"retries": "0"}}})
