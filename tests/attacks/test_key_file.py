"""A process that is killed at any moment of a save: no keys are lost, and nothing is left that git would take."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.oauth2.storage.file import TokenFile
from tests import forked

GIT = shutil.which("git") or "git"
OLD = {"_account": "a1", "oauth": {"access_token": "old", "refresh_token": "old"}}
NEW = {"oauth": {"access_token": "new", "refresh_token": "new", "scope": "x" * 500}}
# Kills itself before the step of a number; a mounted file refuses to be replaced.
SAVE = """
import errno, json, os, signal, sys
from pathlib import Path
from shipmate.oauth2.storage.file import TokenFile
path, number, is_mounted, new = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "mounted", json.loads(sys.argv[4])
keys, count = TokenFile(path), 0
def deadly(name, step):
    def run(*arguments, **options):
        global count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "replace" and is_mounted:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return step(*arguments, **options)
    return run
for name in ("open", "fchmod", "write", "fsync", "replace", "pwrite", "ftruncate", "unlink"):
    setattr(os, name, deadly(name, getattr(os, name)))
keys.save(new)
os._exit(count)
"""
IGNORED = "*.keys.json\ncfg.json\n"


@pytest.fixture
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int, str], int]:
    """Return a function that saves in a process, which is killed before a step, and that returns its exit status.

    The status of a process that lives is the number of its steps.
    """
    folder = tmp_path_factory.mktemp("program")
    (folder / "save.py").write_text(SAVE)

    def run(path: Path, number: int, kind: str) -> int:
        words = (path, str(number), kind, json.dumps(NEW))
        return forked.run("save", *words, loaded=forked.COMMANDS, env=os.environ, cwd=folder).returncode

    return run


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["account.keys.json", "cfg.json"])
@pytest.mark.parametrize("kind", ["plain", "mounted"])
def test_a_kill_before_each_step_loses_no_keys_and_leaves_nothing_for_git(
    tmp_path: Path, save: Callable[[Path, int, str], int], name: str, kind: str
) -> None:
    subprocess.run([GIT, "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(IGNORED)
    path = tmp_path / name
    found = []
    for number in range(1, 100):
        path.write_text(json.dumps(OLD))
        status = save(path, number, kind)
        untracked = subprocess.run(
            [GIT, "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"], capture_output=True, text=True
        )
        assert untracked.stdout.split() == ["??", ".gitignore"]
        keys = TokenFile(path)
        state = keys.read()
        assert state in (OLD, {**OLD, **NEW})
        found.append(state != OLD)
        with keys.lock():
            assert keys.read() == state
        assert json.loads(path.read_text()) == state
        assert {each.name for each in tmp_path.iterdir()} == {".git", ".gitignore", name}
        if status != -signal.SIGKILL:
            break
    assert status == number - 1
    # Once the keys are on disk, they stay there.
    assert found == sorted(found)
    assert found[-1]
