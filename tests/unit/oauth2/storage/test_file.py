"""The file that keeps credentials: what is saved in it is whole, private, and not lost to another process."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.errors import KeysNotSaved
from shipmate.oauth2.storage import file as keyfile
from shipmate.oauth2.storage.file import TokenFile

OLD = {"_account": "a1", "oauth": {"access_token": "old"}, "object": "Contact"}
NEW = {"oauth": {"access_token": "new"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a cfg file that anybody may read."""
    path = tmp_path / "cfg.json"
    path.write_text(json.dumps(OLD))
    path.chmod(0o644)
    return path


def test_saved_keys_replace_the_fields_of_the_same_name_and_no_others(path: Path) -> None:
    TokenFile(path).save(NEW)
    assert json.loads(path.read_text()) == {**OLD, **NEW}


def test_the_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    previous = os.umask(0)
    try:
        TokenFile(path).save(NEW)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    TokenFile(path).save(NEW)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    keys = TokenFile(tmp_path / "new.json")
    previous = os.umask(0)
    try:
        keys.create()
    finally:
        os.umask(previous)
    assert keys.read() == {}
    assert keys.path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_not_made_again(path: Path) -> None:
    TokenFile(path).create()
    assert json.loads(path.read_text()) == OLD


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeysNotSaved, match="cannot be created: no such file or directory"):
        TokenFile(tmp_path / "missing" / "cfg.json").create()


def test_a_removed_field_leaves_the_others(path: Path) -> None:
    TokenFile(path).remove("oauth")
    assert json.loads(path.read_text()) == {name: value for name, value in OLD.items() if name != "oauth"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_field_that_was_changed_meanwhile_is_kept(path: Path) -> None:
    keys = TokenFile(path)
    keys.read()
    path.write_text(json.dumps({**OLD, "object": "Lead"}))
    keys.save(NEW)
    assert json.loads(path.read_text())["object"] == "Lead"


def test_a_symbolic_link_stays_and_the_file_behind_it_is_rewritten(path: Path) -> None:
    link = path.parent / "elsewhere" / "link.json"
    link.parent.mkdir()
    link.symlink_to(path)
    TokenFile(link).save(NEW)
    assert link.is_symlink()
    assert json.loads(path.read_text())["oauth"] == NEW["oauth"]


@pytest.mark.parametrize("indent", [2, 4, "\t"])
def test_the_indentation_of_the_file_is_kept(path: Path, indent: int | str) -> None:
    path.write_text(json.dumps(OLD, indent=indent))
    TokenFile(path).save(NEW)
    assert path.read_text() == json.dumps({**OLD, **NEW}, indent=indent) + "\n"


def test_a_byte_order_mark_is_no_obstacle(path: Path) -> None:
    path.write_text(json.dumps(OLD), encoding="utf-8-sig")
    TokenFile(path).save(NEW)
    assert json.loads(path.read_text(encoding="utf-8"))["oauth"] == NEW["oauth"]


@given(value=JSON)
def test_any_json_value_is_read_as_it_was_saved(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("any") / "cfg.json"
    path.write_text("{}")
    keys = TokenFile(path)
    keys.save({"oauth": value})
    assert keys.read() == {"oauth": value}


def test_text_stays_readable_and_lone_surrogates_are_escaped(path: Path) -> None:
    TokenFile(path).save({"name": "Zoë \ud83d"})
    assert '"Zoë \\ud83d"' in path.read_text()


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'"x"', b"\xff\xfe{", b"[" * 100_000])
def test_a_file_that_is_no_object_any_more_is_not_touched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for use in (TokenFile(path).read, TokenFile(path).check, lambda: TokenFile(path).save(NEW)):
        with pytest.raises(KeysNotSaved, match=r"cfg\.json"):
            use()
    assert path.read_bytes() == content


def test_a_file_that_is_gone_is_named(path: Path) -> None:
    path.unlink()
    with pytest.raises(KeysNotSaved, match=r"cfg\.json cannot be opened: no such file"):
        TokenFile(path).save(NEW)


def test_keys_that_are_not_json_are_refused_without_quoting_them(path: Path) -> None:
    with pytest.raises(KeysNotSaved, match="not JSON") as caught:
        TokenFile(path).save({"oauth": {"token": {"s3cret"}}})
    assert "s3cret" not in str(caught.value)
    assert json.loads(path.read_text()) == OLD


def test_a_folder_that_cannot_be_written_to_is_found_before_the_refresh(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenFile(path).check()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(KeysNotSaved, match="new keys would be lost"):
        TokenFile(path).check()


def test_a_failed_replacement_leaves_the_file_as_it_was_and_no_draft(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(KeysNotSaved, match="no space left"):
        TokenFile(path).save(NEW)
    assert json.loads(path.read_text()) == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_a_mount_point_is_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", refuse)
    TokenFile(path).save(NEW)
    assert json.loads(path.read_text()) == {**OLD, **NEW}
    assert list(path.parent.iterdir()) == [path]


def mounted(*_: object) -> None:
    """Refuse to rename, as the kernel does for a mounted file."""
    raise OSError(errno.EBUSY, "Device or resource busy")


def test_an_overwritten_file_is_its_owners_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", mounted)
    TokenFile(path).save(NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("last_write", range(8))
def test_keys_survive_an_overwrite_that_ends_anywhere(
    path: Path, monkeypatch: pytest.MonkeyPatch, last_write: int
) -> None:
    """Each write may be the last one: the disk is full, or the process is killed."""
    monkeypatch.setattr(os, "replace", mounted)
    with monkeypatch.context() as patch:
        writes = iter(range(100))
        names = ("pwrite", "ftruncate", "posix_fallocate", "fchmod")
        real = {name: getattr(os, name) for name in names}
        real_open = os.open

        def cut(name: str) -> Any:
            def write(*arguments: Any) -> Any:
                if next(writes) >= last_write:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return real[name](*arguments)

            return write

        def open_and_cut(file: Any, *arguments: Any, **options: Any) -> int:
            if Path(file) == path and arguments[0] & os.O_WRONLY:  # the overwrite begins
                for name in names:
                    patch.setattr(os, name, cut(name))
            return real_open(file, *arguments, **options)

        patch.setattr(os, "open", open_and_cut)
        with suppress(KeysNotSaved):
            TokenFile(path).save(NEW)
    assert TokenFile(path).read() == {**OLD, **NEW}
    TokenFile(path).save({"second": 1})
    assert json.loads(path.read_text()) == {**OLD, **NEW, "second": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_draft_of_a_killed_process_is_read_and_finished(path: Path) -> None:
    """The provider has already forgotten the old keys."""
    draft = path.with_name(".cfg.json.7-0123456789ab.keys.json")
    draft.write_text(json.dumps({**OLD, **NEW}))
    keys = TokenFile(path)
    assert keys.read() == {**OLD, **NEW}
    with keys.lock():
        assert list(path.parent.iterdir()) == [path]
    assert json.loads(path.read_text()) == {**OLD, **NEW}


@pytest.mark.parametrize("name", [".cfg.json.7-0123456789ab.keys.json", ".cfg.json.7-0123456789ab.tmp"])
@pytest.mark.parametrize("content", ["", "{", '{"oauth": {"access', "[1]", "\0\0"])
def test_an_incomplete_draft_is_removed(path: Path, name: str, content: str) -> None:
    path.with_name(name).write_text(content)
    keys = TokenFile(path)
    assert keys.read() == OLD
    keys.save(NEW)
    assert list(path.parent.iterdir()) == [path]


def test_a_draft_that_is_older_than_the_file_is_removed(path: Path) -> None:
    draft = path.with_name(".cfg.json.7-0123456789ab.keys.json")
    draft.write_text("{}")
    os.utime(draft, (1, 1))
    keys = TokenFile(path)
    assert keys.read() == OLD
    with keys.lock():
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", [".cfg.json.keys.json", ".other.json.7-0123456789ab.keys.json", "cfg.json.bak"])
def test_other_files_are_no_drafts(path: Path, name: str) -> None:
    path.with_name(name).write_text('{"other": 1}')
    TokenFile(path).save(NEW)
    assert json.loads(path.with_name(name).read_text()) == {"other": 1}


def test_a_draft_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text('{"oauth": "planted"}')
    path.with_name(".cfg.json.7-0123456789ab.keys.json").symlink_to(tmp_path / "elsewhere.json")
    assert TokenFile(path).read() == OLD


def test_the_owner_of_the_file_stays_when_root_rewrites_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = []
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(os, "fchown", lambda _, user, group: owners.append((user, group)))
    TokenFile(path).save(NEW)
    assert owners == [(os.getuid(), os.getgid())]


def test_a_file_system_without_locks_is_saved_to_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    TokenFile(path).save(NEW)
    assert json.loads(path.read_text())["oauth"] == NEW["oauth"]


def test_a_folder_that_cannot_be_synced_is_no_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    TokenFile(path).save(NEW)
    assert json.loads(path.read_text())["oauth"] == NEW["oauth"]


def test_the_file_stays_the_same_when_the_component_changes_the_current_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    keys = TokenFile(Path(path.name))
    monkeypatch.chdir("/")
    keys.save(NEW)
    assert json.loads(path.read_text())["oauth"] == NEW["oauth"]


def test_saving_under_the_lock_works_on_another_thread(path: Path) -> None:
    keys = TokenFile(path)
    with keys.lock(), keys.lock():
        thread = threading.Thread(target=keys.save, args=(NEW,))
        thread.start()
        thread.join()
        keys.save({"second": 1})
    assert json.loads(path.read_text()) == {**OLD, **NEW, "second": 1}


def test_sixteen_threads_lose_no_field(path: Path) -> None:
    keys = TokenFile(path)
    threads = [threading.Thread(target=keys.save, args=({f"field{n}": n},)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads(path.read_text())) == {*OLD, *(f"field{n}" for n in range(16))}


_WRITER = """
import sys
from pathlib import Path
from shipmate.oauth2.storage.file import TokenFile
keys = TokenFile(Path(sys.argv[1]))
for _ in range(40):
    with keys.lock():
        keys.save({"count": keys.read().get("count", 0) + 1})
"""


def test_processes_that_read_and_save_under_the_lock_lose_no_update(path: Path) -> None:
    arguments = [sys.executable, "-c", _WRITER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(keyfile.__file__).parents[3])}
    writers = [subprocess.Popen(arguments, env=environment) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert json.loads(path.read_text())["count"] == 120


_HOLDER = """
import sys
from pathlib import Path
from shipmate.oauth2.storage.file import TokenFile
keys = TokenFile(Path(sys.argv[1]))
with keys.lock():
    keys.save({"oauth": "first"})
    print("saved", flush=True)
    sys.stdin.read()
    keys.save({"oauth": "second"})
"""


def test_the_lock_outlasts_a_save_under_it(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(keyfile.__file__).parents[3])}
    arguments = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(
        arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "saved\n"
        keys, seen = TokenFile(path), []

        def read_under_the_lock() -> None:
            with keys.lock():
                seen.append(keys.read()["oauth"])

        reader = threading.Thread(target=read_under_the_lock)
        reader.start()
        holder.stdin.close()
        reader.join()
    assert seen == ["second"]


def test_settling_waits_for_a_save_under_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, may_go_on = threading.Event(), threading.Event()
    real_replace = os.replace

    def slow_replace(draft: Path, target: Path) -> None:
        reached.set()
        may_go_on.wait()
        real_replace(draft, target)

    monkeypatch.setattr(os, "replace", slow_replace)
    keys = TokenFile(path)
    saver = threading.Thread(target=keys.save, args=(NEW,))
    saver.start()
    reached.wait()
    assert not keys.wait_for_writes(timeout_seconds=0)
    may_go_on.set()
    assert keys.wait_for_writes(timeout_seconds=10)
    assert json.loads(path.read_text())["oauth"] == NEW["oauth"]
    saver.join()
