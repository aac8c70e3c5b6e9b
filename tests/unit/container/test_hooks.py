"""When the hooks of a component are called, and what they get."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.container.hooks import shut_down
from shipmate.container.startup import Installation
from shipmate.container.step import Step
from shipmate.emulator import DemoApi, OAuth2Provider, Platform
from shipmate.logs.log import Redactor
from shipmate.oauth2 import refresher
from shipmate.settings import ShutdownSettings
from tests.container import COMPONENT
from tests.station import environ_without_broker

pytestmark = pytest.mark.usefixtures("process_state")


@pytest.mark.parametrize("state", ["null", "[]", "7", "true", '""', "{}"])
def test_an_empty_state_is_stored_as_an_empty_object(
    new_step: Callable[..., Step], platform: Platform, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Contract 1.3, without DEF-19."""
    monkeypatch.setenv("TEST_STATE", state)
    new_step("hooked", STARTUP_REQUIRED="1").start()
    assert platform.startup_data["flow"] == {}


def shut(platform: Platform) -> int:
    """Run the shutdown hook."""
    values = environ_without_broker(platform, FUNCTION="hooked")
    return shut_down(ShutdownSettings.from_environ(values), Installation(COMPONENT, values, Redactor()))


def test_a_shutdown_without_startup_data_does_not_call_the_hook(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 1.4: 404 is an error."""
    monkeypatch.setenv("TEST_NOTES", str(tmp_path / "notes"))
    assert shut(platform) == 1
    assert not (tmp_path / "notes").exists()


def test_a_shutdown_hook_that_fails_keeps_the_data(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract 1.4: the platform may try again."""
    platform.startup_data["flow"] = {"subscription": 1}
    monkeypatch.setenv("TEST_FAIL", "shutdown")
    assert shut(platform) == 1
    assert platform.startup_data["flow"] == {"subscription": 1}


def test_the_shutdown_hook_gets_the_startup_data_which_is_deleted(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 1.4, 17.10."""
    platform.startup_data["flow"] = {"subscription": 1}
    monkeypatch.setenv("TEST_NOTES", str(tmp_path / "notes"))
    assert shut(platform) == 0
    assert platform.startup_data == {}
    assert '"subscription": 1' in (tmp_path / "notes").read_text()


SUBSCRIBES = """
from shipmate import OAuth2

API = OAuth2(grant="client_credentials")


def startup(context, cfg):
    API.session(context, cfg).post(cfg["url"] + "/contacts", json={"name": "hook"}).raise_for_status()
    return {"subscription": 1}


def init(context, cfg):
    assert cfg["oauth"]["access_token"]


async def shutdown(context, cfg, startup_data):
    API.session(context, cfg).delete(f"{cfg['url']}/contacts/{startup_data['subscription']}").raise_for_status()


def process(context, msg, cfg, snapshot):
    return msg
"""


def test_hooks_with_a_context_subscribe_and_end_a_subscription_with_a_session(
    new_step: Callable[..., Step], platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token that the hook gets is saved, and later calls use it."""
    monkeypatch.setattr(refresher, "_LONGEST_UNLOCKED_PAUSE_SECONDS", 0.01)
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        client = {"client_id": "demo-client", "client_secret": "demo-secret", "token_uri": provider.token_url}
        credentials = {"fields": {"oauth": {"label": "O", "viewClass": "OAuthFieldView"}}, "oauth2": client}
        descriptor = {"title": "T", "credentials": credentials, "triggers": {"hook": {"title": "H", "main": "hook.py"}}}
        (tmp_path / "component.json").write_text(json.dumps(descriptor))
        (tmp_path / "hook.py").write_text(SUBSCRIBES)
        platform.accounts["a1"] = {}
        platform.steps["flow"]["step"]["config"] = {"_account": "a1", "url": api.url}

        new_step("hook", folder=tmp_path, STARTUP_REQUIRED="1").start()
        assert api.contacts == {"1": {"name": "hook", "id": "1"}}
        assert provider.is_valid(platform.accounts["a1"]["oauth"]["access_token"])

        values = environ_without_broker(platform, FUNCTION="hook")
        assert shut_down(ShutdownSettings.from_environ(values), Installation(tmp_path, values, Redactor())) == 0
        assert api.contacts == {}
        assert len(provider.token_requests) == 1
