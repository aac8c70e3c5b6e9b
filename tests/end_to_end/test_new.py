"""A newcomer's first minutes: a new component is checked, tested and run, and nothing in it was touched."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import shipmate
from shipmate.emulator import Api, OAuth2Provider, Platform, Reply, Request, Server
from tests import forked
from tests.authors import PLUGIN_OF_SHIPMATE_ALONE
from tests.forked import COMMANDS, PYTEST

SOURCE_ROOT = Path(next(iter(shipmate.__path__))).parent
LOADED = {"shipmate": COMMANDS, "pytest": PYTEST, "mypy": ("mypy.main",)}
KINDS = ("oauth2", "platform", "api-key", "basic", "none")
# What the environment of a newcomer does not have: the settings of this repository's own tests.
_OURS = ("COVERAGE", "COV_", "PYTEST", "SHIPMATE")


def environment(*, measured: bool = False, **variables: str) -> dict[str, str]:
    """Return the environment of a newcomer; the command is measured, what it starts is not."""
    kept = {name: value for name, value in os.environ.items() if measured or not name.startswith(_OURS)}
    ours = {"PYTHONPATH": str(SOURCE_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **PLUGIN_OF_SHIPMATE_ALONE, **ours, **variables}


def run(module: str, *arguments: str | Path, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a Python module to its end."""
    environ = environment(measured=module == "shipmate", **variables)
    return forked.run(module, *arguments, loaded=LOADED.get(module, ()), env=environ, cwd=cwd)


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """Return a kind of authentication."""
    return str(request.param)


@pytest.fixture(scope="module")
def new(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a new component, made without a terminal."""
    folder = tmp_path_factory.mktemp(kind)
    titles = ("--title", "Ärzte & Termine", "--action", "Termin anlegen", "--trigger", "Neue Termine")
    done = run(
        *("shipmate", "new", "termine", "--auth", kind, "--base-url", "https://api.example.com/v1", *titles),
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"Created Ärzte & Termine in termine: action termin_anlegen, trigger neue_termine, {kind}"
    )
    return folder / "termine"


@pytest.fixture
def root(new: Path, tmp_path: Path) -> Path:
    """Return a copy of the new component."""
    return Path(shutil.copytree(new, tmp_path / "termine"))


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    """Return the API, which answers 401 to who does not show what the environment of the test has."""
    basic = ("Authorization", "Basic YWRhOnDDpHNzd29yZA==")
    expected = {"api-key": ("X-API-Key", "sample-key"), "basic": basic, "platform": basic}
    name, value = expected.get(kind, ("", None))

    class Guarded(Server):
        def answer(self, request: Request) -> Reply:
            return super().answer(request) if request.header(name) == value else Reply(401)

    with OAuth2Provider() as provider:
        made = Api(provider) if kind == "oauth2" else Guarded()
        made.route("GET", "/v1/me", lambda request: Reply(200, {}))
        made.route("GET", "/v1/records", lambda request: Reply(200, [{"id": 7, "name": "Ada"}]))
        made.route("POST", "/v1/records", lambda request: Reply(201, {**request.json(), "id": 8}))
        with made:
            yield made


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Return a platform with one secret."""
    credentials = {"username": "ada", "password": "pässword"}
    with Platform(secrets={"secret-1": {"type": "basic", "credentials": credentials}}) as started:
        yield started


@pytest.fixture
def account(root: Path, kind: str, server: Server, platform: Platform) -> dict[str, str]:
    """Write the account file, and return the variables of .env.example, filled in."""
    accounts: dict[str, dict[str, Any]] = {
        "oauth2": {"oauth": server.provider.issue() if isinstance(server, Api) else {}},
        "api-key": {"api_key": "sample-key"},
        "basic": {"username": "ada", "password": "pässword"},
        "platform": {"secretId": "secret-1"},
    }
    if kind in accounts:
        (root / "account.keys.json").write_text(json.dumps(accounts[kind]))
        (root / "account.keys.json").chmod(0o600)
    names = ("ELASTICIO_API_URI", "ELASTICIO_API_USERNAME", "ELASTICIO_API_KEY", "ELASTICIO_WORKSPACE_ID")
    of_platform = {name: platform.environ()[name] for name in names} if kind == "platform" else {}
    return {"API_URL": f"{server.url}/v1", **of_platform}


def test_its_own_checks_pass(root: Path) -> None:
    """What the workflow in .github runs, but for the tests."""
    steps = re.findall(r"^ +- run: (.*)$", (root / ".github" / "workflows" / "ci.yml").read_text(), re.MULTILINE)
    assert steps[0] == "python -m pip install --requirement requirements-dev.txt"
    assert steps[-1] == "python -m pytest"
    assert len(steps) == 6
    for step in steps[1:-1]:
        done = run(*step.split(), cwd=root)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert run("ruff", "check", "--isolated", ".", cwd=root).returncode == 0


@pytest.fixture
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which mypy keeps what it knows of the runtime, for all components."""
    return tmp_path_factory.getbasetemp() / "mypy-cache"


def check_types(cache: Path, *files: str | Path, cwd: Path) -> None:
    """Check the types of files, all with the same options: mypy keeps nothing for others."""
    # Some methods of requests have no types.
    options = ("--strict", "--untyped-calls-exclude", "requests", "--cache-dir", cache)
    done = run("mypy", *options, *files, cwd=cwd, MYPYPATH=str(SOURCE_ROOT))
    assert done.returncode == 0, done.stdout


def test_its_types_are_right(root: Path, mypy_cache: Path) -> None:
    """An editor and mypy find nothing to complain about in code that nobody has touched."""
    files = sorted(path for path in root.rglob("*.py") if "tests" not in path.parts)
    check_types(mypy_cache, *files, cwd=root)


def test_its_own_tests_pass(root: Path) -> None:
    """With warnings as errors, and nothing is left out but what the kind of authentication does not have."""
    done = run("pytest", "-rs", "-W", "error", "-p", "no:cacheprovider", cwd=root)
    assert done.returncode == 0, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "has no OAuth2" not in line and "has no credentials" not in line] == []
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 12


def test_its_fixtures_run_with_the_account(root: Path, account: dict[str, str]) -> None:
    execute = ("shipmate", "exec")
    action = run(*execute, "termin_anlegen", "--fixture", "termin_anlegen", "--strict", cwd=root, **account)
    assert (action.returncode, action.stderr) == (0, "")
    assert json.loads(action.stdout) == {"event": "data", "value": {"body": {"name": "Ada", "id": 8}}}
    trigger = run(*execute, "neue_termine", "--fixture", "neue_termine", cwd=root, **account)
    assert [json.loads(line) for line in trigger.stdout.splitlines()] == [
        {"event": "data", "value": {"body": {"id": 7, "name": "Ada"}}},
        {"event": "snapshot", "value": {"after": 7}},
    ]


def test_its_account_is_verified(root: Path, account: dict[str, str]) -> None:
    done = run("shipmate", "verify", cwd=root, **account)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"verified": True})


def test_a_component_of_declarations_is_checked_typed_and_tested(tmp_path: Path, mypy_cache: Path) -> None:
    """As it was written, and with nothing left out but secrets of the platform."""
    options = ("--objects", "Kunde", "--base-url", "https://api.example.com/v1")
    made = run("shipmate", "new", "crm", *options, cwd=tmp_path)
    assert made.stdout.startswith("Created Crm in crm: the functions of Kunde, oauth2.")
    root = tmp_path / "crm"
    assert run("shipmate", "validate", cwd=root).returncode == 0
    assert run("ruff", "check", "--isolated", ".", cwd=root).returncode == 0
    check_types(mypy_cache, "api.py", "verify_credentials.py", cwd=root)
    done = run("pytest", "-rs", "-W", "error", "-p", "no:cacheprovider", cwd=root)
    assert done.returncode == 0, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "has no credentials that the platform keeps" not in line] == []


# Only the terminal that a process is controlled by turns Ctrl-C into a signal.
IN_TERMINAL = (
    "import fcntl, runpy, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "runpy.run_module('shipmate', run_name='__main__', alter_sys=True)"
)


class Terminal:
    """A real terminal with a command in it, and somebody who reads and types."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        """Start the command."""
        self._own, other = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *arguments],
            cwd=cwd,
            env=environment(measured=True, PATH=str(Path(sys.executable).parent), TERM="dumb"),
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt, and type."""
        before = len(self.seen)
        while prompt not in self.seen[before:]:
            assert self._read(), self.seen
        os.write(self._own, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until the process ends: Python misses it in the moment in which it begins to read."""
        while self.process.poll() is None:
            with suppress(OSError):  # it has just ended
                os.write(self._own, b"\x03")
            if select.select([self._own], [], [], 0.2)[0] and not self._read():
                self.process.wait()

    def end(self) -> int:
        """Read to the end, and return the exit status."""
        while self._read():
            pass
        return self.process.wait()

    def close(self) -> None:
        """End the command if it still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def _read(self) -> bool:
        try:
            found = os.read(self._own, 4096)
        except OSError:  # how a terminal on Linux tells that nobody is there any more
            return False
        self.seen += found.decode()
        return bool(found)


Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a command in a terminal, in the test's folder."""
    started: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        started.append(Terminal(*arguments, cwd=tmp_path))
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_at_a_terminal_it_asks_until_the_answers_are_right(start: Start, tmp_path: Path) -> None:
    terminal = start("new", "crm")
    terminal.answer("Title of the component [Crm]: ", "Mein CRM\n")
    terminal.answer("Authentication (oauth2, platform, api-key, basic, none) [oauth2]: ", "kerberos\n")
    terminal.answer("[oauth2]: ", "basic\n")
    terminal.answer("Base URL of the API [https://api.example.com]: ", "crm.example.com\n")
    terminal.answer("[https://api.example.com]: ", "https://crm.example.com/\n")
    terminal.answer("Title of the action [Create record]: ", "連絡先\n")
    terminal.answer("Id of the action, which names its file: ", "class\n")
    terminal.answer("names its file: ", "create_contact\n")
    terminal.answer("Title of the trigger [New records]: ", "\n")
    assert terminal.end() == 0
    errors = [line for line in terminal.seen.splitlines() if line.startswith("Error: ")]
    assert [line.partition(",")[0] for line in errors] == [
        "Error: expected one of oauth2",
        "Error: expected a URL like https://api.example.com/v1",
        "Error: expected a letter",
    ]
    descriptor = json.loads((tmp_path / "crm" / "component.json").read_text())
    assert descriptor["title"] == "Mein CRM"
    assert set(descriptor["credentials"]["fields"]) == {"username", "password"}
    assert descriptor["actions"]["create_contact"]["title"] == "連絡先"
    assert 'DEFAULT_URL = "https://crm.example.com"\n' in (tmp_path / "crm" / "api.py").read_text()
    assert terminal.seen.splitlines()[-3:] == [
        "    cd crm",
        "    python -m pip install --requirement requirements-dev.txt",
        "    python -m pytest",
    ]


@pytest.mark.parametrize("key", ["Ctrl-C", "Ctrl-D"])
def test_who_gives_up_at_a_prompt_leaves_nothing_behind(start: Start, tmp_path: Path, key: str) -> None:
    terminal = start("new", "crm", "--title", "CRM")
    if key == "Ctrl-C":
        terminal.answer("[oauth2]: ", "")
        terminal.interrupt()
    else:
        terminal.answer("[oauth2]: ", "\x04")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_asked_for_a_folder_that_cannot_be_used(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    terminal = start("new", ".")
    assert terminal.end() == 2
    assert terminal.seen == "Error: expected a new or empty folder, found one with files: .\r\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--auth", "kerberos"], "expected one of oauth2, platform, api-key, basic, none, found 'kerberos' for --auth"),
        (["--action", "連絡先"], "expected the option --action-id, found none"),
        (["--trigger", "Create record"], "expected the option --trigger-id, found none"),
    ],
)
def test_without_a_terminal_it_says_which_option_is_wrong_or_missing(
    tmp_path: Path, arguments: list[str], text: str
) -> None:
    done = run("shipmate", "new", "crm", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [b"-my 'crm'", b"crm $(false) *", b"\xe4rzte"])
def test_the_next_commands_work_as_printed(tmp_path: Path, name: bytes) -> None:
    """Whatever the folder is called: a shell takes them, and the second and the third are found there."""
    python = ["python", "-m"]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "-m", "shipmate", "new", "--title", "CRM", "--", name],
        cwd=tmp_path,
        env=environment(measured=True, PATH=path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    first, *rest = (line.strip() for line in done.stdout.splitlines()[2:])
    assert [line.decode().split()[:2] for line in rest] == [python, python]
    # Without what they install and run: the tests beside this one do that.
    shell = [b"sh", b"-e", b"-c", first + b" && ls requirements-dev.txt && " + rest[1] + b" --version"]
    there = subprocess.run(shell, cwd=tmp_path, env=environment(PATH=path), capture_output=True)
    assert (there.returncode, there.stderr) == (0, b"")
    assert there.stdout.startswith(b"requirements-dev.txt\npytest ")
