"""The commands within this process: what each one prints, returns, and refuses."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import click
import pytest

import shipmate
from shipmate.cli import commands as cli
from shipmate.cli import terminal as foreground
from shipmate.cli.terminal import Output
from shipmate.tools import docs

CODE = (
    "def process(context, msg, cfg, snapshot):\n"
    "    print('noise')\n"
    "    return msg\n"
    "def kinds(context, cfg):\n    return {'a': 'A'}\n"
    "def broken(context, cfg):\n    raise ValueError('boom')\n"
)
SCHEMA = {"type": "object", "properties": {"email": {"type": "string", "required": True}}}


@pytest.fixture(autouse=True)
def process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging, the import path and the handlers of signals as they were."""
    root, make = logging.getLogger(), logging.getLogRecordFactory()
    before = root.level, root.handlers[:]
    previous = {number: signal.getsignal(number) for number in foreground._SIGNALS}
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield
    for number, action in previous.items():
        signal.signal(number, action)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    logging.setLogRecordFactory(make)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a component whose action ``go`` returns its message; no two have modules of the same name."""
    name = f"go_{abs(hash(str(tmp_path))):x}"
    (tmp_path / f"{name}.py").write_text(CODE)
    put(tmp_path, {"title": "Test", "description": "d", "actions": {"go": {"title": "Go", "main": f"./{name}.py"}}})
    return tmp_path


def put(root: Path, descriptor: dict[str, Any]) -> None:
    """Write the descriptor."""
    (root / "component.json").write_text(json.dumps(descriptor))


def with_metadata(root: Path, metadata: dict[str, Any]) -> None:
    """Give the action metadata."""
    descriptor = json.loads((root / "component.json").read_text())
    descriptor["actions"]["go"]["metadata"] = metadata
    put(root, descriptor)


def test_exec_prints_events_and_nothing_else(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["exec", "go", "--component", str(root), "--msg", '{"body": {"n": 1}}']) == 0
    captured = capfd.readouterr()
    assert json.loads(captured.out) == {"event": "data", "value": {"body": {"n": 1}, "headers": {}}}
    assert captured.err == "noise\n"


def test_exec_takes_a_fixture_filled_from_the_env_file(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLI_TEST_SET", "environment")
    monkeypatch.setenv("CLI_TEST_UNSET", "to be removed again")
    monkeypatch.delenv("CLI_TEST_UNSET")
    (root / ".env").write_text("CLI_TEST_SET=file\nCLI_TEST_UNSET=file\n")
    (root / "test").mkdir()
    fixture = {"msg": {"body": ["{{CLI_TEST_SET}}", "{{CLI_TEST_UNSET}}"]}, "cfg": {"a": "{{CLI_TEST_NOWHERE}}"}}
    (root / "test" / "fixture.json").write_text(json.dumps({"fixtures": {"one": fixture}}))
    assert cli.run(["exec", "go", "--component", str(root), "--fixture", "one", "--cfg", "{}"]) == 0
    assert json.loads(capfd.readouterr().out)["value"]["body"] == ["environment", "file"]
    assert os.environ["CLI_TEST_UNSET"] == "file"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["call", "go", "options"], {"k": "K"}), (["verify"], {"verified": True})],
)
def test_call_and_verify_take_their_cfg_from_a_fixture(
    root: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], expected: Any
) -> None:
    """elasticio-cli runs select models and the check of credentials on fixtures, and so do those who come from it."""
    module = next(root.glob("go_*.py"))
    module.write_text(f"{CODE}def options(context, cfg):\n    return {{'k': cfg['label']}}\n")
    (root / "verify_credentials.py").write_text(
        "def verify_credentials(context, credentials):\n    return {'verified': credentials == {'label': 'K'}}\n"
    )
    (root / "test").mkdir()
    # The message needs a variable that is not set, and is not needed.
    fixture = {"cfg": {"label": "K"}, "msg": {"body": "{{CLI_TEST_NOWHERE}}"}}
    (root / "test" / "fixture.json").write_text(json.dumps({"fixtures": {"one": fixture, "two": {"cfg": {}}}}))
    assert cli.run([*arguments, "--component", str(root), "--fixture", "one"]) == 0
    assert json.loads(capfd.readouterr().out) == expected
    assert cli.run([*arguments, "--component", str(root), "--fixture", "two", "--cfg", '{"label": "K"}']) == 0


def test_exec_warns_of_a_message_that_does_not_fit(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with_metadata(root, {"in": SCHEMA})
    assert cli.run(["exec", "go", "--component", str(root), "--msg", '{"body": {"email": 1}}']) == 0
    assert "/email" in capfd.readouterr().err


@pytest.mark.parametrize("metadata", [{"in": SCHEMA}, {"in": "./missing.json"}])
def test_strict_refuses_it(root: Path, capfd: pytest.CaptureFixture[str], metadata: dict[str, Any]) -> None:
    with_metadata(root, metadata)
    assert cli.run(["exec", "go", "--component", str(root), "--strict"]) == 2
    captured = capfd.readouterr()
    assert (captured.out, captured.err[:7], captured.err.count("\n")) == ("", "Error: ", 1)


def test_metadata_that_cannot_be_read_is_a_warning(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with_metadata(root, {"in": "./missing.json"})
    assert cli.run(["exec", "go", "--component", str(root)]) == 0
    assert "missing.json" in capfd.readouterr().err


def test_a_sample_is_made_from_the_metadata(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with_metadata(root, {"in": SCHEMA})
    assert cli.run(["exec", "go", "--component", str(root), "--sample", "--strict", "--variables", '{"a": "b"}']) == 0
    assert isinstance(json.loads(capfd.readouterr().out)["value"]["body"]["email"], str)


@pytest.mark.parametrize(("name", "status", "out"), [("kinds", 0, {"a": "A"}), ("broken", 1, None), ("nope", 2, None)])
def test_call_prints_the_answer(
    root: Path, capfd: pytest.CaptureFixture[str], name: str, status: int, out: Any
) -> None:
    assert cli.run(["call", "go", name, "--component", str(root)]) == status
    captured = capfd.readouterr()
    if status == 0:
        assert json.loads(captured.out) == out
    elif status == 1:
        assert json.loads(captured.out)["error"]["message"] == "boom"
    else:
        assert (captured.out, "kinds" in captured.err) == ("", True)


def test_verify_prints_the_verdict(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", "--component", str(root), "--cfg", "{}"]) == 0
    assert json.loads(capfd.readouterr().out) == {"verified": True}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["exec", "nope"], "go"),
        (["exec", "go", "--cfg", "-", "--msg", "-"], "only one option"),
        (["exec", "go", "--sample", "--msg", "{}"], "--sample"),
        (["exec", "go", "--cfg", "{"], "line 1, column 2"),
        (["nope"], "nope"),
        (["validate", "--descriptor", "nope.json"], "nope.json"),
        (["exec"], "FUNCTION"),
    ],
)
def test_wrong_usage_is_one_line(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    monkeypatch.chdir(root)
    assert cli.run(arguments) == 2
    captured = capfd.readouterr()
    assert (captured.out, captured.err[:7], captured.err.count("\n")) == ("", "Error: ", 1)
    assert text in captured.err


def test_no_command_shows_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    assert "exec" in capfd.readouterr().err


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert shipmate.__version__ in capfd.readouterr().out


def test_an_abort_has_the_status_of_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And ends the line of the question, for the shell's prompt."""

    def abort(**_: object) -> Never:
        raise click.Abort

    monkeypatch.setattr(cli.commands, "main", abort)
    assert cli.run([]) == 130
    assert capfd.readouterr().err == "\n"


def test_output_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> Never:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.commands, "main", fail)
    assert cli.run([]) == 1
    assert capfd.readouterr().err == "Error: no space left on device: standard output\n"


def test_the_process_ends_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run", lambda: 7)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 7


@pytest.mark.parametrize(("event", "is_held_back"), [("data", True), ("error", True), ("updateKeys", False)])
def test_a_function_whose_reader_has_gone_is_held_back_except_while_it_saves_keys(
    event: str, is_held_back: bool
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    held: list[bool] = []
    output = Output(writer)
    output.hold_back = lambda: held.append(True)  # type: ignore[method-assign]  # nothing would release it
    cli.write_event(output, {"event": event, "value": 1})
    os.close(writer)
    assert (bool(held), output.interim_status) == (is_held_back, int(event == "error"))


def test_validate_prints_problems_and_what_was_not_checked(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["validate", "--component", str(root)]) in (0, 1)
    assert "checked" in capfd.readouterr().out
    put(root, {"title": 1})
    for arguments in (["--component", str(root)], ["--descriptor", str(root / "component.json")]):
        assert cli.run(["validate", *arguments]) == 1
        assert "/title" in capfd.readouterr().out


def test_validate_ends_with_the_problems_and_their_sum(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    next(root.glob("go_*.py")).unlink()
    assert cli.run(["validate", "--component", str(root)]) == 1
    *lines, last = capfd.readouterr().out.splitlines()
    assert last.startswith("1 error, ")
    problems = [line.startswith(("error:", "warning:")) for line in lines]
    assert problems == sorted(problems)


def test_the_shell_completes_ids_of_functions(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = click.Context(cli.commands)
    context.params["root"] = root
    complete = cli._complete_function
    assert complete(context, click.Argument(["function"]), "g") == ["go"]
    assert complete(context, click.Argument(["function"]), "x") == []
    context.params["root"] = root / "missing"
    assert complete(context, click.Argument(["function"]), "") == []


def test_docs_prints_writes_and_checks(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    section = docs.section(Path())
    assert cli.run(["docs"]) == 0
    assert capfd.readouterr().out == section
    assert cli.run(["docs", "--check"]) == 1
    assert capfd.readouterr().err == "Error: README.md does not exist: run shipmate docs --output README.md\n"
    assert cli.run(["docs", "--output", "README.md"]) == 0
    assert cli.run(["docs", "--check"]) == 0
    assert cli.run(["docs", "--check", "--output", "other.md"]) == 1
    put(root, {"title": "Other"})
    capfd.readouterr()
    assert cli.run(["docs", "--check", "--component", str(root)]) == 1
    assert "README.md is not up to date: run shipmate docs" in capfd.readouterr().err
    (root / "README.md").write_text("mine")
    assert cli.run(["docs", "--check"]) == 2
    put(root, [])
    assert cli.run(["docs"]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_new_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert cli.run(["new", "my crm", "--auth", "none"]) == 0
    python = "python"
    assert capfd.readouterr().out.splitlines() == [
        "Created My crm in my crm: action create_record, trigger new_records, none.",
        "",
        "    cd 'my crm'",
        f"    {python} -m pip install --requirement requirements-dev.txt",
        f"    {python} -m pytest",
    ]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", "/nowhere")
    assert cli.run(["new", "."]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("Created Here in .: ")
    assert lines[-1] == f"    {sys.executable} -m shipmate validate"
    assert len(lines) == 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a folder that even root cannot write to")
def test_new_refuses_a_folder_that_cannot_be_written_to_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["new", "/proc/new"]) == 2
    assert capfd.readouterr().err == ("Error: expected a writable folder, found no such file or directory: /proc/new\n")
