"""The folder of a stranger: its .env and its git configuration run no program and get no secret."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import shipmate
from shipmate.emulator import OAuth2Provider
from shipmate.tools.login import AccountFile
from tests import forked

SOURCE_ROOT = Path(next(iter(shipmate.__path__))).parent
GIT = shutil.which("git") or "git"
OBEYED = ("BROWSER", "PATH", "HOME", "PYTHONPATH", "LD_PRELOAD", "GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND", "BASH_ENV")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a program that notes its environment when it runs."""
    path = tmp_path / "evil"
    path.write_text(f"#!/bin/sh\n/usr/bin/env >>{tmp_path}/ran\n")
    path.chmod(0o755)
    return path


def shipmate_command(root: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with a minimal environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE_ROOT), **variables}
    return forked.run("shipmate", *arguments, "--component", root, loaded=forked.COMMANDS, env=environment, cwd="/")


def put(root: Path, provider: OAuth2Provider, *env_vars: str) -> None:
    """Write a component with a sign-in that names these variables."""
    oauth2 = {"client_id": "demo-client", "client_secret": "{{SECRET}}"}
    oauth2 |= {"auth_uri": provider.authorize_url, "token_uri": provider.token_url}
    raw = {"title": "T", "envVars": {name: {} for name in env_vars}, "credentials": {"oauth2": oauth2}}
    raw["actions"] = {"go": {"title": "Go", "main": "./go.py"}}
    (root / "component.json").write_text(json.dumps(raw))
    code = "import os\ndef process(context, msg, cfg, snapshot):\n    return {'body': {'seen': dict(os.environ)}}\n"
    (root / "go.py").write_text(code)


@pytest.mark.parametrize("is_named", [False, True])
def test_variables_in_dot_env_run_nothing(tmp_path: Path, program: Path, is_named: bool) -> None:
    """Not even if the descriptor names them."""
    with OAuth2Provider() as provider:
        put(tmp_path, provider, *(OBEYED if is_named else []))
        lines = [*(f"{name}={program}" for name in OBEYED), "SECRET=demo-secret"]
        (tmp_path / ".env").write_text("\n".join(lines) + "\n")
        shipmate_command(tmp_path, "login", "--timeout", "0.1")
        done = shipmate_command(tmp_path, "exec", "go")
    assert not (tmp_path / "ran").exists()
    seen = json.loads(done.stdout)["value"]["body"]["seen"]
    assert [name for name in OBEYED if seen.get(name) == str(program)] == []
    assert seen["SECRET"] == "demo-secret"
    assert [name for name in OBEYED if name not in done.stderr] == []


@pytest.mark.parametrize(
    "setting",
    [
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.gitProxy", "core.askPass",
        "alias.check-ignore", "diff.external", "credential.helper", "uploadpack.packObjectsHook",
    ],
)  # fmt: skip
def test_a_git_configuration_runs_nothing(tmp_path: Path, program: Path, setting: str) -> None:
    subprocess.run([GIT, "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "tracked").write_text("x")
    subprocess.run([GIT, "-C", str(tmp_path), "add", "tracked"], check=True)
    subprocess.run([GIT, "-C", str(tmp_path), "config", setting, str(program)], check=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "query-watchman"):
        shutil.copy(program, tmp_path / ".git" / "hooks" / hook)
    assert "git does not ignore it" in (AccountFile.from_options(tmp_path).exposure() or "")
    assert not (tmp_path / "ran").exists()


def test_git_gets_no_secrets(tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git of the person's path that notes its environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program.rename(folder / "git")
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CLIENT_SECRET", "s3cret")
    AccountFile.from_options(tmp_path).exposure()
    assert "s3cret" not in (tmp_path / "ran").read_text()


def test_a_sign_in_takes_only_the_named_variables(tmp_path: Path) -> None:
    """HTTPS_PROXY of a stranger would see where the person signs in."""
    with OAuth2Provider() as provider:
        put(tmp_path, provider)
        (tmp_path / ".env").write_text("SECRET=demo-secret\nHTTP_PROXY=http://127.0.0.1:1\nBROWSER=/bin/false\n")
        done = shipmate_command(tmp_path, "login", "--timeout", "0.1")
    assert "no answer from" in done.stderr
