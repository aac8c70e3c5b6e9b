"""What ``shipmate flow`` shows of a run, keeps of its errors, and retries; the run itself is played by the test."""

import errno
import io
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import commands, flow_watch
from shipmate.cli.flow_watch import _screen
from shipmate.cli.terminal import Output
from shipmate.flow.collector import Collected
from shipmate.flow.coordinator import FlowStopped, RunOptions
from shipmate.flow.folder import RunFolder
from shipmate.flow.graph import Flow
from shipmate.flow.lines import Lines
from shipmate.flow.observer import Observer
from shipmate.flow.table import Table
from shipmate.flow.topology import Topology
from shipmate.logs.log import Redactor, configure
from tests.unit.flow.conftest import COMPONENT, sign_up
from tests.unit.flow.runs import STACK

SECRET = "s3cret-k3y-0f-ada"
Play = Callable[["Played"], int]


class Played:
    """A coordinator whose run is a function of the test."""

    play: Play

    def __init__(self, flow: Flow, options: RunOptions, observer: Observer, redactor: Redactor) -> None:
        self.topology = Topology(flow, "run")
        self.options, self.observer = options, observer
        RunFolder(flow).path.mkdir(parents=True, exist_ok=True)  # the run has done this
        self.interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1

    def run(self) -> int:
        self.observer.counts([])
        return type(self).play(self)

    def collect(self, step: str, value: Any, **headers: Any) -> Collected:
        return Collected(self.topology.station(step), headers, value, 1)

    def fail(self, step: str, *, message_id: str = "m1") -> None:
        """Report an error as a step does."""
        value = {"error": {"name": "ValueError", "message": "no such list", "stack": STACK}, "errorInput": {"body": 1}}
        self.observer.error(self.collect(step, value, parentMessageId=message_id, threadId="t1"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a flow, its component and its key file."""
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "component.json").write_text(json.dumps(COMPONENT))
    (tmp_path / "crm.keys.json").write_text(json.dumps({"api_key": SECRET}))
    (tmp_path / "flow.yaml").write_text(json.dumps(sign_up()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOG_LEVEL", "info")
    monkeypatch.setenv("CRM_API_KEY", SECRET)
    return tmp_path


@pytest.fixture
def play(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    """Return a function that chooses how the flow in the current folder runs."""

    def choose(run: Play) -> None:
        monkeypatch.setattr(flow_watch, "Coordinator", type("Chosen", (Played,), {"play": staticmethod(run)}))

    return choose


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def kept(folder: Path) -> list[dict[str, Any]]:
    return records(folder / ".shipmate" / "flow" / "flow" / "errors.jsonl")


def failing(run: Played) -> int:
    run.fail("step_2", message_id="m1")
    run.fail("step_3", message_id="m2")
    return 1


RUN = ["flow", "run", "flow.yaml"]
ERRORS = ".shipmate/flow/flow/errors.jsonl"


def test_results_are_lines_on_standard_output(play: Callable[[Play], None], capfd: pytest.CaptureFixture[str]) -> None:
    def run(played: Played) -> int:
        message = {"body": {"text": "\u2028\ud800"}, "passthrough": {}}
        played.observer.result(played.collect("step_4", message, messageId="m1", threadId="t1"))
        return 0

    play(run)
    assert commands.run(RUN) == 0
    (line,) = capfd.readouterr().out.split("\n")[:-1]
    assert json.loads(line) == {
        "step": "step_4", "id": "m1", "thread": "t1", "message": {"body": {"text": "\u2028\ud800"}},
    }  # fmt: skip


def test_results_that_cannot_be_written_end_the_run(
    play: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A flow whose results are lost must not look as if it has succeeded."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def run(played: Played) -> int:
        for _ in range(2):
            played.observer.result(played.collect("step_4", {"body": {}}, messageId="m1", threadId="t1"))
        assert played.interrupts == 1
        return 0

    monkeypatch.setattr(Output, "write", refuse)
    play(run)
    assert commands.run(RUN) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "Error: no space left on device: standard output"


def test_a_run_is_lines_of_json_where_no_terminal_is(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    play(failing)
    assert commands.run(RUN) == 1
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["msg"] for line in lines] == [
        "the flow begins", "a message failed", "a message failed", "the flow has ended",
    ]  # fmt: skip
    assert (lines[1]["step"], lines[1]["messageId"]) == ("step_2", "m1")
    assert (lines[3]["status"], lines[3]["errors"]) == (1, 2)
    assert [record["step"] for record in kept(folder)] == ["step_2", "step_3"]


def test_secrets_of_the_environment_are_in_no_text(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(played: Played) -> int:
        value = {"error": {"name": "E", "message": f"key {SECRET}", "stack": SECRET}}
        played.observer.error(played.collect("step_2", value))
        raise FlowStopped(f"the step died\n    key {SECRET}\x1b[2J")

    play(run)
    assert commands.run(RUN) == 1
    shown = capfd.readouterr()
    assert SECRET not in shown.out + shown.err + json.dumps(kept(folder))
    assert shown.err.endswith("Error: the step died\n    key ***\\u001b[2J\n")


def test_errors_can_be_kept_elsewhere_and_without_messages(play: Callable[[Play], None], folder: Path) -> None:
    play(failing)
    assert commands.run([*RUN, "--errors", "mine.jsonl", "--no-inputs"]) == 1
    assert [("input" in record) for record in records(folder / "mine.jsonl")] == [False, False]
    assert not (folder / ERRORS).exists()


def test_a_reader_who_leaves_drains_the_flow(play: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int, data: bytes) -> int:
        raise BrokenPipeError

    def run(played: Played) -> int:
        with monkeypatch.context() as patch:
            patch.setattr("shipmate.cli.terminal.os.write", broken)
            played.observer.result(played.collect("step_4", {"body": 1}))
        return played.interrupts

    play(run)
    assert commands.run(RUN) == 1


def test_a_retry_feeds_the_errors_of_a_run_and_removes_those_that_succeed(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    play(failing)
    commands.run(RUN)
    fed = []

    def retry(played: Played) -> int:
        for each in played.options.inputs or ():
            fed.append((each.step, each.message, each.headers["retry"]))
            if each.step == "step_3":
                played.fail("step_3", message_id=each.headers["messageId"])
        return 1

    play(retry)
    capfd.readouterr()
    assert commands.run(["flow", "retry", ERRORS]) == 1
    assert fed == [("step_2", {"body": 1}, True), ("step_3", {"body": 1}, True)]
    assert [record["step"] for record in kept(folder)] == ["step_3"]
    last = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert (last["msg"], last["retried"], last["failed_again"]) == ("errors are retried", 2, 1)


def test_a_retry_that_is_stopped_keeps_its_errors(play: Callable[[Play], None], folder: Path) -> None:
    play(failing)
    commands.run(RUN)

    def retry(played: Played) -> int:
        list(played.options.inputs or ())
        raise FlowStopped("the step died")

    play(retry)
    assert commands.run(["flow", "retry", ERRORS]) == 1
    play(lambda played: len(list(played.options.inputs or ())) and 130)
    assert commands.run(["flow", "retry", ERRORS]) == 130
    assert [record["step"] for record in kept(folder)] == ["step_2", "step_3"]


def test_a_retry_is_limited_to_a_step_and_the_file_goes_with_its_last_error(
    play: Callable[[Play], None], folder: Path
) -> None:
    play(failing)
    commands.run(RUN)
    play(lambda played: len(list(played.options.inputs or ())) - 1)
    assert commands.run(["flow", "retry", ERRORS, "--step", "step_3"]) == 0
    assert [record["step"] for record in kept(folder)] == ["step_2"]
    assert commands.run(["flow", "retry", ERRORS]) == 0
    assert not (folder / ERRORS).exists()


def test_the_errors_of_one_function_are_retried_with_its_component(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(played: Played) -> int:
        played.fail("step_1")
        return 1

    play(run)
    function = ["flow", "run", "--function", "upsert_contact", "--component", "crm"]
    assert commands.run([*function, "--msg", "{}", "--cfg", '{"list": "news"}', "--account", "crm.keys.json"]) == 1
    (errors,) = folder.glob("crm/.shipmate/flow/*/errors.jsonl")
    assert SECRET not in errors.read_text()
    monkeypatch.chdir("/")
    capfd.readouterr()
    assert commands.run(["flow", "retry", str(errors)]) == 2
    assert "give --cfg again" in capfd.readouterr().err
    seen = []

    def retry(played: Played) -> int:
        seen.append((played.topology.flow.first.fields, played.topology.flow.accounts))
        return len(list(played.options.inputs or ())) - 1

    play(retry)
    assert commands.run(["flow", "retry", str(errors), "--cfg", '{"list": "old"}']) == 0
    assert seen == [({"list": "old"}, {"account": folder / "crm.keys.json"})]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "flow.yaml", "--keep-bodies"], "--keep-bodies needs --trace"),
        (["run", "flow.yaml", "--errors", "."], "expected a writable file for errors, found a directory: ."),
        (["run", "flow.yaml", "--trace", "."], "expected a writable file for the trace, found a directory: ."),
        (["retry", "none.jsonl"], "expected a file with the errors of a flow, found none: none.jsonl"),
        (["retry", "flow.yaml"], "expected an error of shipmate flow run, found other text in line 1: flow.yaml"),
        (["retry", "odd.jsonl"], "expected texts in /flow of each error, found another value: odd.jsonl"),
        (["retry", "empty.jsonl"], "expected the name of a flow file in /flow/file of each error, found none"),
        (["trace"], "expected the file of a trace, found no such file or directory: trace.jsonl"),
        (["trace", "t1", "--file", "flow.yaml"], "found other text in line 1: flow.yaml"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    error = {"id": "e1", "step": "step_2", "input": {}}
    (folder / "odd.jsonl").write_text(json.dumps({**error, "flow": {"file": 7}}))
    (folder / "empty.jsonl").write_text(json.dumps({**error, "flow": {}}))
    play(failing)
    assert commands.run(["flow", *arguments]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert text in line


def test_a_trace_is_listed_and_drawn(
    play: Callable[[Play], None], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = {"time_ms": 0, "event": "data", "step": "a\u001b[2J", "id": "m1", "thread": "t1", "to": [], "bytes": 5}
    (folder / "trace.jsonl").write_text(json.dumps(line) + "\n")
    assert commands.run(["flow", "trace"]) == 0
    assert commands.run(["flow", "trace", "m1"]) == 0
    assert capfd.readouterr().out == (
        "t1  1970-01-01T00:00:00.000Z  1 message  0 errors\n"
        "thread t1\nbegan 1970-01-01T00:00:00.000Z: 1 message, 0 errors, 0 rebounds\n"
        "a\\u001b[2J → result  +0.000 s  5 bytes  m1\n"
    )


class Terminal(io.StringIO):
    """Standard error at a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch, term: str) -> Terminal:
    """Put a terminal in the place of standard error; pytest would replace that of a fixture."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", term)
    return stderr


def test_a_terminal_gets_a_table_with_the_log_and_the_results_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = terminal(monkeypatch, "xterm")
    with open(os.devnull, "w") as null, configure(logging.INFO, Redactor(), stream=stderr, as_json=False):
        output = Output(null.fileno())
        output.is_terminal = True
        with _screen(output) as (view, write):
            assert isinstance(view, Table)
            logging.getLogger("shipmate.flow").info("a line")
            write({"text": "\x1b[2J"})
        logging.getLogger("shipmate.flow").info("after the end")
    lines = stderr.getvalue()
    assert "a line\n" in lines
    assert '{"text":"\\u001b[2J"}\n' in lines
    assert "after the end\n" in lines


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "dumb")
    with open(os.devnull, "w") as null, _screen(Output(null.fileno())) as (view, _):
        assert isinstance(view, Lines)
