"""The account file: found beside the component, named by an option, or refused in one line."""

from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.local.account import exposure, read_account


def test_the_default_file_is_read_only_if_it_exists(tmp_path: Path) -> None:
    assert read_account(tmp_path, None) is None
    path = tmp_path / "account.keys.json"
    path.write_text('{"api_key": "s3cret"}')
    account = read_account(tmp_path, None)
    assert account is not None
    assert (account.value, account.file) == ({"api_key": "s3cret"}, path)


def test_a_named_file_replaces_the_default_one(tmp_path: Path) -> None:
    (tmp_path / "account.keys.json").write_text("{}")
    other = tmp_path / "other.json"
    other.write_text('{"api_key": "k"}')
    account = read_account(tmp_path, str(other))
    assert account is not None
    assert account.file == other


def test_a_named_file_that_is_missing_is_refused_with_the_command_that_creates_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"shipmate login --component .* --account .*none\.json creates it"):
        read_account(tmp_path, str(tmp_path / "none.json"))


@pytest.mark.parametrize("content", ["[1]", "{", "", '"x"'])
def test_a_file_that_is_no_object_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "account.keys.json").write_text(content)
    with pytest.raises(BadInput, match=r"account\.keys\.json"):
        read_account(tmp_path, None)


@pytest.mark.parametrize(("mode", "is_exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path, mode: int, is_exposed: bool) -> None:
    path = tmp_path / "account.keys.json"
    path.write_text("{}")
    path.chmod(mode)
    assert bool(exposure(path)) == is_exposed


def test_a_file_that_has_gone_is_no_warning(tmp_path: Path) -> None:
    assert exposure(tmp_path / "gone.json") is None
