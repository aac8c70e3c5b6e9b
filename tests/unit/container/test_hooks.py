"""When the hooks of a component are called, and what they get."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.container.hooks import shut_down
from shipmate.container.startup import Installation
from shipmate.container.step import Step
from shipmate.emulator import Platform
from shipmate.logs.log import Redactor
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
