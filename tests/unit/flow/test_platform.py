"""The platform of a flow: step data, key files, snapshots."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.flow.graph import Flow
from shipmate.flow.platform import SNAPSHOTS, FlowPlatform
from shipmate.flow.single import STEP, flow_of
from shipmate.platform.client import PlatformClient
from shipmate.settings import ApiSettings


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "crm.keys.json"
    path.write_text('{"oauth": {"access_token": "old"}, "region": "eu"}')
    return path


@pytest.fixture
def flow(tmp_path: Path, keys: Path) -> Flow:
    (tmp_path / "component.json").write_text('{"actions": {"echo": {"title": "Echo", "main": "./echo.py"}}}')
    made = flow_of(tmp_path, "echo", fields={"region": "field", "list": "news"}, account=keys)
    return replace(made, variables={"site": "web"}, secrets={"s1": {"access_token": "t"}})


@pytest.fixture
def platform(flow: Flow, tmp_path: Path) -> Iterator[FlowPlatform]:
    with FlowPlatform(flow, tmp_path, key="key") as started:
        yield started


def client(platform: FlowPlatform) -> PlatformClient:
    return PlatformClient(ApiSettings.from_environ(platform.environ(platform.flow.id, STEP)))


def step(platform: FlowPlatform) -> Any:
    return client(platform).step(platform.flow.id, STEP)


def test_the_configuration_has_the_fields_and_over_them_the_keys_of_the_account(platform: FlowPlatform) -> None:
    data = step(platform)
    assert data["config"] == {
        "region": "eu", "list": "news", "oauth": {"access_token": "old"}, "_account": "account",
    }  # fmt: skip
    assert (data["variables"], data["is_passthrough"]) == ({"site": "web"}, True)


def test_new_keys_are_in_the_file_before_the_step_goes_on(platform: FlowPlatform, keys: Path) -> None:
    client(platform).update_account("account", {"oauth": {"access_token": "new"}})
    assert json.loads(keys.read_text()) == {"oauth": {"access_token": "new"}, "region": "eu"}
    assert step(platform)["config"]["oauth"] == {"access_token": "new"}


def test_a_sign_in_while_the_flow_runs_reaches_its_steps(platform: FlowPlatform, keys: Path) -> None:
    keys.write_text('{"oauth": {"access_token": "of a new sign-in"}}')
    assert step(platform)["config"]["oauth"] == {"access_token": "of a new sign-in"}
    keys.write_text("{half of a")
    assert step(platform)["config"]["oauth"] == {"access_token": "of a new sign-in"}


def test_keys_that_cannot_be_saved_are_an_error_of_the_step(platform: FlowPlatform, keys: Path) -> None:
    keys.unlink()
    with pytest.raises(Exception, match="500"):
        client(platform).update_account("account", {"oauth": {"access_token": "new"}})


def test_a_key_file_that_is_no_object_is_named(flow: Flow, keys: Path, tmp_path: Path) -> None:
    keys.write_text("[1]")
    with pytest.raises(BadInput, match=r"crm\.keys\.json"):
        FlowPlatform(flow, tmp_path, key="key")


def test_a_secret_of_the_file_is_one_of_the_workspace(platform: FlowPlatform) -> None:
    assert client(platform).secret("s1")["credentials"]["access_token"] == "t"


def test_snapshots_are_kept_for_the_next_run_until_they_are_forgotten(
    platform: FlowPlatform, flow: Flow, tmp_path: Path
) -> None:
    platform.keep_snapshot(STEP, "snapshot", {"a": 1, "b": 1})
    platform.keep_snapshot(STEP, "updateSnapshot", {"b": 2})
    platform.keep_snapshot("mapper:a:b", "snapshot", {"no": "step"})
    assert step(platform)["snapshot"] == {"a": 1, "b": 2}
    platform.save_snapshots()
    assert stat.S_IMODE((tmp_path / SNAPSHOTS).stat().st_mode) == 0o600
    with FlowPlatform(flow, tmp_path, key="key") as following:
        assert step(following)["snapshot"] == {"a": 1, "b": 2}
    with FlowPlatform(flow, tmp_path, key="key", is_fresh=True) as fresh:
        assert step(fresh)["snapshot"] == {}


def test_snapshots_that_cannot_be_read_are_named_and_can_be_forgotten(flow: Flow, tmp_path: Path) -> None:
    (tmp_path / SNAPSHOTS).write_text("[")
    with pytest.raises(BadInput, match="--fresh forgets them"):
        FlowPlatform(flow, tmp_path, key="key")
    FlowPlatform(flow, tmp_path, key="key", is_fresh=True)
