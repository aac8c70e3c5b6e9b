"""A process that is killed at any moment of a save: no keys are lost, and nothing is left that git would take."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shipmate.oauth2.storage import file as keyfile
from shipmate.oauth2.storage.file import TokenFile

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


def save(path: Path, number: int, kind: str) -> int:
    """Save in a process that is killed before a step, and return its exit status: the number of steps if it lived."""
    environment = {**os.environ, "PYTHONPATH": str(Path(keyfile.__file__).parents[3])}
    command = [sys.executable, "-c", SAVE, str(path), str(number), kind, json.dumps(NEW)]
    return subprocess.run(command, env=environment, check=False).returncode


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["account.keys.json", "cfg.json"])
@pytest.mark.parametrize("kind", ["plain", "mounted"])
def test_a_kill_before_each_step_loses_no_keys_and_leaves_nothing_for_git(tmp_path: Path, name: str, kind: str) -> None:
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
