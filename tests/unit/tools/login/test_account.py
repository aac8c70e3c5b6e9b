"""The account file of a sign-in."""

import io
import json
from pathlib import Path

import pytest

from shipmate.errors import BadInput, KeysNotSaved
from shipmate.tools.login.account import AccountFile


def test_the_default_file_is_beside_the_descriptor(tmp_path: Path) -> None:
    """The usual .gitignore lists its name."""
    assert AccountFile.from_option(tmp_path, None, None).path == tmp_path / "account.keys.json"
    assert AccountFile.from_option(tmp_path, str(tmp_path / "other.json"), None).path == tmp_path / "other.json"


def test_only_the_owner_can_read_a_new_file(tmp_path: Path) -> None:
    """The permissions are right from the first moment."""
    account = AccountFile.from_option(tmp_path, None, None)
    account.check()
    account.save({"oauth": {"access_token": "a"}})

    assert json.loads(account.path.read_text()) == {"oauth": {"access_token": "a"}}
    assert account.path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [account.path]


@pytest.mark.parametrize("text", ['{"region": "eu"}', "-"])
def test_fields_of_the_option_win_over_the_file_and_are_saved(tmp_path: Path, text: str) -> None:
    """They belong to the account, like its keys."""
    (tmp_path / "account.keys.json").write_text('{"region": "us", "kept": 1, "oauth": {"old": 1}}')
    account = AccountFile.from_option(tmp_path, text, io.BytesIO(b'{"region": "eu"}'))
    account.save({"oauth": {"access_token": "a"}})

    assert account.fields["region"] == "eu"
    assert json.loads(account.path.read_text()) == {"region": "eu", "kept": 1, "oauth": {"access_token": "a"}}


@pytest.mark.parametrize("text", ["", "{", "/", "/no/such/folder/keys.json", '{"secretId": "s"}'])
def test_an_invalid_account_is_refused(tmp_path: Path, text: str) -> None:
    """The refusal comes before the sign-in."""
    with pytest.raises(BadInput):
        AccountFile.from_option(tmp_path, text, None)


def test_a_file_that_is_not_an_object_is_refused_and_unchanged(tmp_path: Path) -> None:
    """Another program may own it."""
    (tmp_path / "account.keys.json").write_text("[1]")

    with pytest.raises(BadInput, match="expected an object, found an array"):
        AccountFile.from_option(tmp_path, None, None)
    assert (tmp_path / "account.keys.json").read_text() == "[1]"


def test_a_read_only_folder_is_refused_before_the_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that cannot be saved would be lost."""
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere

    with pytest.raises(KeysNotSaved, match="expected a writable folder"):
        AccountFile.from_option(tmp_path, None, None).check()


def test_a_file_outside_of_any_repository_is_safe(tmp_path: Path) -> None:
    """No commit could contain it."""
    assert AccountFile.from_option(tmp_path, None, None).exposure() is None


def test_a_repository_that_git_cannot_read_is_reported(tmp_path: Path) -> None:
    """git may still commit the file."""
    (tmp_path / ".git").write_text("gitdir: nowhere")

    assert "git failed to say whether it is ignored" in (AccountFile.from_option(tmp_path, None, None).exposure() or "")
