"""The account file of a sign-in."""

import io
import json
from pathlib import Path

import pytest

from shipmate.errors import BadInput, KeysNotSaved
from shipmate.tools.login.account import AccountFile


def test_the_default_file_is_beside_the_descriptor(tmp_path: Path) -> None:
    """The usual .gitignore lists its name."""
    assert AccountFile.from_options(tmp_path).path == tmp_path / "account.keys.json"
    assert AccountFile.from_options(tmp_path, cfg=str(tmp_path / "other.json")).path == tmp_path / "other.json"


def test_only_the_owner_can_read_a_new_file(tmp_path: Path) -> None:
    """The permissions are right from the first moment."""
    account = AccountFile.from_options(tmp_path)
    account.check()
    account.save({"oauth": {"access_token": "a"}})

    assert json.loads(account.path.read_text()) == {"oauth": {"access_token": "a"}}
    assert account.path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [account.path]


@pytest.mark.parametrize("text", ['{"region": "eu"}', "-"])
def test_fields_of_the_option_win_over_the_file_and_are_saved(tmp_path: Path, text: str) -> None:
    """They belong to the account, like its keys."""
    (tmp_path / "account.keys.json").write_text('{"region": "us", "kept": 1, "oauth": {"old": 1}}')
    account = AccountFile.from_options(tmp_path, cfg=text, stdin=io.BytesIO(b'{"region": "eu"}'))
    account.save({"oauth": {"access_token": "a"}})

    assert account.fields["region"] == "eu"
    assert json.loads(account.path.read_text()) == {"region": "eu", "kept": 1, "oauth": {"access_token": "a"}}


def test_settings_are_saved_with_the_keys_in_the_named_file(tmp_path: Path) -> None:
    """A first sign-in may need them for the addresses."""
    account = AccountFile.from_options(tmp_path, account=str(tmp_path / "eu.json"), settings=["region=eu"])
    account.save({"oauth": 1})

    assert json.loads((tmp_path / "eu.json").read_text()) == {"region": "eu", "oauth": 1}
    assert not (tmp_path / "account.keys.json").exists()


def test_two_account_files_are_refused(tmp_path: Path) -> None:
    """Only one of them could get the keys."""
    with pytest.raises(BadInput, match="expected one account file, found two"):
        AccountFile.from_options(tmp_path, account=str(tmp_path / "a.json"), cfg=str(tmp_path / "b.json"))


def test_the_next_command_names_the_file_unless_it_is_the_default_one(tmp_path: Path) -> None:
    """The other commands find the default file themselves."""
    assert AccountFile.from_options(tmp_path).next_command(tmp_path) == f"shipmate verify --component {tmp_path}"
    other = AccountFile.from_options(tmp_path, account=str(tmp_path / "eu.json"))
    assert other.next_command(tmp_path).endswith(f" --account {tmp_path}/eu.json")


@pytest.mark.parametrize("text", ["", "{", "/", "/no/such/folder/keys.json", '{"secretId": "s"}'])
def test_an_invalid_account_is_refused(tmp_path: Path, text: str) -> None:
    """The refusal comes before the sign-in."""
    with pytest.raises(BadInput):
        AccountFile.from_options(tmp_path, cfg=text)


def test_a_file_that_is_not_an_object_is_refused_and_unchanged(tmp_path: Path) -> None:
    """Another program may own it."""
    (tmp_path / "account.keys.json").write_text("[1]")

    with pytest.raises(BadInput, match="expected an object, found an array"):
        AccountFile.from_options(tmp_path)
    assert (tmp_path / "account.keys.json").read_text() == "[1]"


def test_a_read_only_folder_is_refused_before_the_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that cannot be saved would be lost."""
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere

    with pytest.raises(KeysNotSaved, match="expected a writable folder"):
        AccountFile.from_options(tmp_path).check()


def test_a_file_outside_of_any_repository_is_safe(tmp_path: Path) -> None:
    """No commit could contain it."""
    assert AccountFile.from_options(tmp_path).exposure() is None


def test_a_repository_that_git_cannot_read_is_reported(tmp_path: Path) -> None:
    """git may still commit the file."""
    (tmp_path / ".git").write_text("gitdir: nowhere")

    assert "git failed to say whether it is ignored" in (AccountFile.from_options(tmp_path).exposure() or "")
