"""Files of a component's folder that are wrong on purpose: one clear line, the right status, and no account lost."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.cli import commands as cli

COMMANDS = {
    "verify": ["verify"],
    "exec": [
        "exec",
        "go",
        "--msg",
        "msg.json",
        "--cfg",
        "cfg.json",
        "--snapshot",
        "snap.json",
        "--variables",
        "v.json",
    ],
    "exec of a fixture": ["exec", "go", "--fixture", "one"],
    "exec --strict": ["exec", "go", "--strict"],
    "exec --sample": ["exec", "go", "--sample"],
    "call": ["call", "go", "kinds"],
    "login": ["login", "--no-browser", "--timeout", "0.01"],
    "docs": ["docs"],
}
ACCOUNT = {"oauth": {"access_token": "access-token-1", "refresh_token": "refresh-token-1"}}
READ_BY = {
    "component.json": list(COMMANDS),
    "account.keys.json": ["verify", "exec", "call", "login"],
    "test/fixture.json": ["exec of a fixture"],
    "go.in.json": ["exec --strict", "exec --sample"],
    "msg.json": ["exec"],
    "cfg.json": ["exec"],
    "snap.json": ["exec"],
    "v.json": ["exec"],
    ".env": ["verify", "exec", "call", "login"],
}


def replaced(path: Path, change: Callable[[], object]) -> None:
    """Remove a file, and put something else in its place."""
    path.unlink()
    change()


WRONG: dict[str, Callable[[Path], object]] = {
    "a directory": lambda path: replaced(path, path.mkdir),
    "a link to itself": lambda path: replaced(path, lambda: path.symlink_to(path.name)),
    "empty": lambda path: path.write_bytes(b""),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2]),
    "UTF-16": lambda path: path.write_bytes(path.read_text().encode("utf-16")),
    "Latin-1": lambda path: path.write_bytes(b'{"a": "\xe9"}'),
    "NUL": lambda path: path.write_bytes(b"\0"),
    "deep": lambda path: path.write_bytes(b"[" * 200_000),
    "a long number": lambda path: path.write_bytes(b'{"a": ' + b"9" * 5000 + b"}"),
    "NaN": lambda path: path.write_bytes(b'{"a": NaN}'),
    "a comma too many": lambda path: path.write_bytes(b'{"a": 1,}'),
}
# A .env is no JSON, and what is in no variable is a warning.
NO_FAULTS_OF_ENV = {"a directory", "a link to itself", "empty", "half of it", "deep", "a long number", "NaN",
                    "a comma too many"}  # fmt: skip
FINE: dict[str, Callable[[Path], object]] = {
    "a byte order mark": lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    "Windows line ends": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a component in which everything is right, and go there."""
    put = {
        "component.json": {
            "title": "t",
            "credentials": {
                "fields": {"oauth": {"label": "OAuth", "viewClass": "OAuthFieldView"}},
                "oauth2": {"client_id": "c", "auth_uri": "https://a.example", "token_uri": "https://a.example/token"},
            },
            "actions": {"go": {"title": "g", "main": "./go.py", "metadata": {"in": "./go.in.json"}}},
        },
        "account.keys.json": ACCOUNT,
        "test/fixture.json": {"fixtures": {"one": {"msg": {"body": {}}}}},
        "go.in.json": {"type": "object", "properties": {}},
        "msg.json": {"body": {}},
        "cfg.json": {},
        "snap.json": {},
        "v.json": {},
    }
    (tmp_path / "test").mkdir()
    for name, value in put.items():
        (tmp_path / name).write_text(json.dumps(value, indent=2))
    (tmp_path / "account.keys.json").chmod(0o600)
    (tmp_path / ".env").write_text("A_VARIABLE=1\n")
    (tmp_path / "go.py").write_text(
        "def process(context, msg, cfg, snapshot):\n    return {'body': {}}\ndef kinds(context, cfg):\n    return {}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_VARIABLE", "1")
    return tmp_path


CASES = [
    (file, wrong, command)
    for file, commands in READ_BY.items()
    for wrong in WRONG
    for command in commands
    if not (file == ".env" and wrong in NO_FAULTS_OF_ENV)
]


@pytest.mark.parametrize(("file", "wrong", "command"), CASES)
def test_a_wrong_file_is_one_line_with_its_name(
    root: Path, capfd: pytest.CaptureFixture[str], file: str, wrong: str, command: str
) -> None:
    """Nothing has run, and the account is as it was."""
    WRONG[wrong](root / file)
    assert cli.run(COMMANDS[command]) == 2
    written = capfd.readouterr()
    (line,) = written.err.splitlines()
    assert line.startswith("Error: ")
    assert "expected" in line
    assert Path(file).name in line
    assert "token-1" not in line
    assert written.out == ""
    if file != "account.keys.json":
        assert json.loads((root / "account.keys.json").read_text()) == ACCOUNT


@pytest.mark.parametrize("file", READ_BY)
@pytest.mark.parametrize("fine", FINE)
def test_what_editors_of_windows_write_is_read(
    root: Path, capfd: pytest.CaptureFixture[str], file: str, fine: str
) -> None:
    """A byte order mark and their line ends."""
    FINE[fine](root / file)
    for command in READ_BY[file]:
        if command != "login":
            assert cli.run(COMMANDS[command]) == 0
    assert "expected" not in capfd.readouterr().err


@pytest.mark.parametrize("command", ["exec --strict", "exec --sample"])
@pytest.mark.parametrize("schema", [{"properties": 7}, {"required": {"a": 1}}])
def test_a_schema_that_cannot_be_used_names_its_function(
    root: Path, capfd: pytest.CaptureFixture[str], command: str, schema: object
) -> None:
    """A component has many."""
    (root / "go.in.json").write_text(json.dumps(schema))
    assert cli.run(COMMANDS[command]) == 2
    assert capfd.readouterr().err.startswith('Error: "in" metadata of go: schema: /')


@pytest.mark.parametrize("seconds", ["nan", "-nan", "inf", "0", "-1", "x", ""])
def test_a_time_is_a_number_within_its_bounds(root: Path, capfd: pytest.CaptureFixture[str], seconds: str) -> None:
    """Click compares with the bounds only."""
    assert cli.run(["login", "--no-browser", "--timeout", seconds]) == 2
    assert "--timeout" in capfd.readouterr().err
