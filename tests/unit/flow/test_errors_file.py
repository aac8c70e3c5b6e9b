"""The file that keeps errors, and what a retry makes of it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.flow.errors_file import ErrorsFile
from shipmate.flow.retry import Retry, StepInput, sender_of
from tests.unit.flow.runs import failure, two_steps
from tests.unit.flow.test_topology import edge, node, topology

FLOW = {"file": "/home/ada/flow.yaml", "flow_id": None, "template": None}


def write(path: Path, *failures: dict[str, Any]) -> ErrorsFile:
    """Return an open file with some errors."""
    file = ErrorsFile(path)
    file.open()
    for number, each in enumerate(failures, 1):
        file.add(failure(**{"id": f"e{number}", **each}).record(FLOW, has_input=True))
    return file


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    path.touch(0o644)
    write(path, {}).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_run_adds_to_the_errors_of_earlier_runs(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    write(path, {"id": "e1"}).close()
    write(path, {"id": "e2"}).close()
    assert ids(path) == ["e1", "e2"]


def test_a_file_without_errors_does_not_remain(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    write(path).close()
    assert not path.exists()


def test_a_device_is_never_deleted() -> None:
    file = ErrorsFile(Path("/dev/null"))
    file.open()
    file.close()
    assert Path("/dev/null").is_char_device()


def test_an_error_opens_the_file(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    file = ErrorsFile(path)
    file.add(failure().record(FLOW, has_input=True))
    file.close()
    assert ids(path) == ["e1"]


def test_one_run_uses_the_file_at_a_time(tmp_path: Path) -> None:
    first = write(tmp_path / "errors.jsonl", {})
    with pytest.raises(BadInput, match="another run that uses"):
        ErrorsFile(tmp_path / "errors.jsonl").open()
    first.close()


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a writable file for errors, found a directory"):
        ErrorsFile(tmp_path).open()


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"id": 1, "step": "b"}', "[" * 100_000, '"\udce4"'])
def test_other_text_is_one_clear_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "errors.jsonl"
    file = write(path, {})
    with path.open("ab") as added:
        added.write(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(BadInput, match="found other text in line 2"):
        Retry(file)
    file.close()


def test_a_retry_sends_each_message_to_the_step_at_which_it_failed(tmp_path: Path) -> None:
    file = write(tmp_path / "errors.jsonl", {"step": "mapper:a:b"}, {"step": "b", "thread": "t2"})
    retry = Retry(file)
    first, second = retry.inputs(two_steps().flow)
    assert (first.step, second.step) == ("mapper:a:b", "b")
    assert first.message == {"body": {"n": 1}}
    assert {**second.headers, "messageId": ""} == {
        "messageId": "", "retry": True, "threadId": "t2", "x-eio-meta-trace-id": "t2", "stepId": "mapper:a:b",
    }  # fmt: skip
    assert first.headers["stepId"] == "a"
    assert retry.flow == FLOW
    file.close()


def test_a_retry_can_be_limited_to_a_step(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    file = write(path, {"step": "a"}, {"step": "b"})
    retry = Retry(file, "b")
    assert [each.step for each in retry.inputs(two_steps().flow)] == ["b"]
    retry.finish(is_complete=True)
    file.close()
    assert ids(path) == ["e1"]


def test_errors_whose_messages_succeed_are_removed_and_new_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    file = write(path, {}, {}, {"input": None})
    retry = Retry(file)
    inputs = list(retry.inputs(two_steps().flow))
    file.add(failure(id="new", parent=inputs[0].headers["messageId"]).record(FLOW, has_input=True))
    assert (retry.fed, retry.without_input, retry.finish(is_complete=True)) == (2, 1, 1)
    file.close()
    assert ids(path) == ["e3", "new"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["errors.jsonl"]


def test_a_retry_that_is_ended_at_once_loses_no_message(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    file = write(path, {}, {}, {})
    retry = Retry(file)
    inputs = list(retry.inputs(two_steps().flow))
    file.add(failure(id="new", parent=inputs[1].headers["messageId"]).record(FLOW, has_input=True))
    retry.finish(is_complete=False)
    file.close()
    assert ids(path) == ["e1", "e3", "new"]


def test_a_message_that_was_not_sent_stays(tmp_path: Path) -> None:
    """A signal ends the feed between two messages."""
    path = tmp_path / "errors.jsonl"
    file = write(path, {}, {})
    retry = Retry(file)
    feed = retry.inputs(two_steps().flow)
    sent: list[StepInput] = [next(feed)]
    next(feed)
    retry.finish(is_complete=True)
    file.close()
    assert len(sent) == 1
    assert ids(path) == ["e2"]


def test_the_file_is_deleted_with_its_last_error(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    file = write(path, {})
    retry = Retry(file)
    list(retry.inputs(two_steps().flow))
    retry.finish(is_complete=True)
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failures", "step", "text"),
    [
        ([], None, "expected errors with their messages, found none"),
        ([{"input": None}], None, "expected errors with their messages, found 1 without"),
        ([{"step": "step_2"}], "step_1", "found 'step_1'; did you mean 'step_2'?"),
    ],
)
def test_a_file_without_errors_to_retry_is_one_clear_line(
    tmp_path: Path, failures: list[dict[str, Any]], step: str | None, text: str
) -> None:
    file = write(tmp_path / "errors.jsonl", *failures)
    with pytest.raises(BadInput) as raised:
        Retry(file, step)
    assert text in str(raised.value)
    file.close()


def test_errors_of_two_flows_are_not_retried_together(tmp_path: Path) -> None:
    file = write(tmp_path / "errors.jsonl", {})
    file.add(failure(id="other").record({"file": "/home/ada/other.yaml"}, has_input=True))
    with pytest.raises(BadInput, match="expected the errors of one flow, found those of 2"):
        Retry(file)
    file.close()


def test_a_step_that_the_flow_has_no_more_is_one_clear_line(tmp_path: Path) -> None:
    file = write(tmp_path / "errors.jsonl", {"step": "c"})
    with pytest.raises(BadInput, match="expected a step of the flow f1, found 'c'"):
        Retry(file).check(two_steps().flow)
    file.close()


def test_the_sender_of_two_is_the_one_that_is_not_in_the_passthrough() -> None:
    nodes = [node("a", is_first=True), node("b"), node("c"), node("d")]
    flow = topology(nodes, [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")]).flow
    assert sender_of(flow, "d", {"passthrough": {"a": {}, "b": {}}}) == "c"
    assert sender_of(flow, "d", {}) == "b"
    assert sender_of(flow, "a", {}) is None
