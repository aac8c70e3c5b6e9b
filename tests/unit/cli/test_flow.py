"""``shipmate flow``: output and exit statuses of check and new."""

import json
from pathlib import Path

import pytest

from shipmate.cli import commands
from tests.unit.flow.conftest import COMPONENT


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a component, which is the current one."""
    (tmp_path / "component.json").write_text(json.dumps(COMPONENT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_flow_is_written_and_checked(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["flow", "new"]) == 0
    assert commands.run(["flow", "check", "flow.yaml"]) == 0

    assert "shipmate flow check flow.yaml" in capfd.readouterr().out
    assert (root / "flow.yaml").exists()


def test_errors_of_a_flow_are_lines_and_a_sum(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "flow.yaml").write_text("graph: {nodes: [{id: a, command: webhook:receive, x: 1}]}\nprefetch: 0\n")

    assert commands.run(["flow", "check", "flow.yaml"]) == 2
    assert capfd.readouterr().out == (
        "flow.yaml: /graph/nodes/0/x: warning: expected a known member, found 'x', which is ignored\n"
        "flow.yaml: /prefetch: expected a whole number from 1 to 65535, found 0\n"
        "1 error, 1 warning\n"
    )


def test_warnings_do_not_change_the_exit_status(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "flow.yaml").write_text("graph: {nodes: [{id: a, command: webhook:receive, x: 1}]}\n")

    assert commands.run(["flow", "check", "--json", "flow.yaml"]) == 0
    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == [
        {
            "file": "flow.yaml",
            "pointer": "/graph/nodes/0/x",
            "severity": "warning",
            "message": "expected a known member, found 'x', which is ignored",
        }
    ]


def test_a_file_that_does_not_exist_is_one_line(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["flow", "check", "none.yaml"]) == 2
    line = "none.yaml: expected a readable file, found no such file or directory"
    assert capfd.readouterr().out == f"{line}\n1 error, 0 warnings\n"


@pytest.mark.parametrize("command", [["check", "flow.yaml"], ["new"]])
def test_the_missing_packages_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """The base installation has none of them."""
    monkeypatch.setattr("shipmate.flow.extra.find_spec", lambda name: None if name != "yaml" else name)

    assert commands.run(["flow", *command]) == 2
    expected = "Error: expected jsonata-python, regex, rich, found none; run pip install 'shipmate[flow]'\n"
    assert capfd.readouterr().err == expected


@pytest.mark.parametrize("name", ["flow.yaml", "flow.yml", "flow.json"])
def test_the_only_flow_of_the_folder_is_checked_without_its_name(
    root: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    (root / name).write_text('{"graph": []}')

    assert commands.run(["flow", "check"]) == 2
    assert capfd.readouterr().out.startswith(f"{name}: /graph: expected an object")


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_folder_without_one_flow_is_one_line(root: Path, capfd: pytest.CaptureFixture[str], command: str) -> None:
    assert commands.run(["flow", command]) == 2
    assert capfd.readouterr().err == (
        "Error: expected flow.yaml, flow.yml or flow.json in this folder, found none; name a file, or write one: "
        "shipmate flow new\n"
    )
    for name in ("flow.yaml", "flow.json"):
        (root / name).write_text("")
    assert commands.run(["flow", command]) == 2
    assert capfd.readouterr().err == (
        "Error: expected one flow file in this folder, found flow.yaml and flow.json; name one of them\n"
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["flow.yaml", "--function", "x"], "FILE and --function exclude each other"),
        (["--function", "x"], "--function needs --msgs or --msg"),
        (["flow.yaml", "--cfg", "{}"], "--cfg needs --function; a flow file has its own"),
        (["flow.yaml", "--prefetch", "1"], "--prefetch needs --function; a flow file has its own"),
        (["--component", "."], "--component needs --function; a flow file has its own"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    root: Path, capfd: pytest.CaptureFixture[str], options: list[str], problem: str
) -> None:
    assert commands.run(["flow", "run", *options]) == 2
    assert problem in capfd.readouterr().err


@pytest.mark.parametrize("text", ["hello", '"hello"', "{body: 1}", "7", ""])
def test_a_message_that_is_none_comes_with_an_example(root: Path, capfd: pytest.CaptureFixture[str], text: str) -> None:
    (root / "flow.yaml").write_text("graph: {nodes: [{id: a, command: webhook:receive}]}\n")

    assert commands.run(["flow", "run", "--msg", text]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith(
        """; a message is JSON in quotes, such as --msg '{"body": {"name": "Ada"}}', or a file with it"""
    )


@pytest.mark.parametrize(
    ("command", "options", "begins_with"),
    [("router:route", [], "the action route"), ("webhook:receive", ["--once"], "a webhook")],
)
def test_a_first_step_that_nothing_begins_is_one_line(
    root: Path, capfd: pytest.CaptureFixture[str], command: str, options: list[str], begins_with: str
) -> None:
    (root / "flow.yaml").write_text(f"graph: {{nodes: [{{id: a, command: '{command}'}}]}}\n")

    assert commands.run(["flow", "run", *options]) == 2
    problem = f"expected a message for a flow that begins with {begins_with}, found none"
    assert capfd.readouterr().err == f"Error: {problem}; give it with --msg or --msgs\n"
