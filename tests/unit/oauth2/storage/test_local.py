"""Where keys are kept: the step's in the cfg file, other accounts' at the platform, and a warning where nowhere."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from shipmate.errors import KeysNotSaved, MissingSetting
from shipmate.oauth2.storage.file import TokenFile
from shipmate.oauth2.storage.local import LocalTokenStore

NEW = {"oauth": {"access_token": "s3cret-new"}}


class Accounts:
    """A platform that records the accounts it is given."""

    def __init__(self) -> None:
        self.updates: list[tuple[str, Mapping[str, Any]]] = []

    def update_account(self, account: str, keys: Mapping[str, Any]) -> None:
        self.updates.append((account, keys))


def no_platform() -> NoReturn:
    """Stand in for the platform outside of a container."""
    raise MissingSetting("ELASTICIO_API_URI is not set")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the cfg file of account a1."""
    path = tmp_path / "cfg.json"
    path.write_text('{"_account": "a1"}')
    return path


@pytest.mark.parametrize("account", [None, "a1"])
def test_the_steps_own_keys_go_to_the_file(path: Path, account: str | None) -> None:
    keys = LocalTokenStore(TokenFile(path), "a1", platform=no_platform)
    keys.check(account)
    with keys.lock(account):
        keys.save(NEW, account)
    keys.wait_for_writes(1)
    assert json.loads(path.read_text()) == {"_account": "a1", **NEW} == keys.read(account)


def test_keys_of_another_account_go_to_the_platform_and_never_to_the_file(path: Path) -> None:
    platform = Accounts()
    keys = LocalTokenStore(TokenFile(path), "a1", platform=lambda: platform)
    keys.check("a2")
    with keys.lock("a2"):
        keys.save(NEW, "a2")
    assert keys.read("a2") is None
    assert platform.updates == [("a2", NEW)]
    assert path.read_text() == '{"_account": "a1"}'


def test_an_account_is_another_one_when_the_cfg_has_none(path: Path) -> None:
    platform = Accounts()
    LocalTokenStore(TokenFile(path), None, platform=lambda: platform).save(NEW, "a1")
    assert platform.updates == [("a1", NEW)]


@pytest.mark.parametrize(("account", "hint"), [(None, "--account FILE"), ("a2", "ELASTICIO_API_URI")])
def test_keys_without_a_place_are_one_warning_without_the_keys(
    caplog: pytest.LogCaptureFixture, account: str | None, hint: str
) -> None:
    keys = LocalTokenStore(None, "a1", platform=no_platform)
    with caplog.at_level(logging.WARNING):
        keys.check(account)
        with keys.lock(account):
            keys.save(NEW, account)
            keys.save(NEW, account)
    keys.wait_for_writes(1)
    assert keys.read(account) is None
    assert [record.getMessage().count(hint) for record in caplog.records] == [1]
    assert "s3cret" not in caplog.text


def test_a_file_that_cannot_be_saved_to_is_found_by_the_check(path: Path) -> None:
    path.unlink()
    with pytest.raises(KeysNotSaved, match=r"cfg\.json"):
        LocalTokenStore(TokenFile(path), "a1", platform=no_platform).check(None)
