"""The journal of a run: results, errors, sums, and what is logged of them."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.flow.collector import Collected
from shipmate.flow.containers import Line
from shipmate.flow.errors_file import ErrorsFile
from shipmate.flow.journal import ErrorKeeping, Journal
from shipmate.flow.lines import Lines
from shipmate.flow.progress import StationCounts
from shipmate.logs.redaction import Redactor
from tests.unit.flow.runs import collected_error, counts, two_steps

FLOW = {"file": "/home/ada/flow.yaml"}
SECRET = "s3cret-k3y-0f-ada"


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Trial:
    """A journal whose run is a test."""

    def __init__(self, folder: Path, *, has_inputs: bool = True) -> None:
        self.made = two_steps()
        self.clock = Clock()
        self.results: list[Mapping[str, Any]] = []
        self.path = folder / "errors.jsonl"
        self.file = ErrorsFile(self.path)
        redactor = Redactor()
        redactor.add(SECRET)
        self.journal = Journal(
            self.made.flow,
            Lines(),
            self.results.append,
            redactor,
            ErrorKeeping(self.file, FLOW, has_inputs=has_inputs),
            clock=lambda: 1_769_862_601.25,
            monotonic=self.clock,
        )

    def kept(self) -> dict[str, Any]:
        """Return the only error in the file."""
        (line,) = self.path.read_text().splitlines()
        record: dict[str, Any] = json.loads(line)
        return record

    def counts(self, received: int) -> list[StationCounts]:
        return [counts(self.made, "a", running=1, consuming=1, received=received)]


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path)
    yield trial
    trial.file.close()


def test_a_result_is_a_line_with_its_step_its_ids_and_the_message(trial: Trial) -> None:
    message = {"id": "m2", "body": {"n": 1}, "headers": {}, "passthrough": {"a": {"body": {}}}}
    headers = {"messageId": "m2", "threadId": "t1"}
    trial.journal.result(Collected(trial.made.station("b"), headers, message, 10))
    assert trial.results == [
        {"step": "b", "id": "m2", "thread": "t1", "message": {"id": "m2", "body": {"n": 1}, "headers": {}}}
    ]


def test_an_error_is_kept_with_the_message_that_failed(trial: Trial) -> None:
    given = {"body": {"n": 1}, "passthrough": {"a": {"body": {}}}}
    trial.journal.error(collected_error(trial.made, "b", given=given))
    kept = trial.kept()
    assert len(kept.pop("id")) == 36
    assert "lists.py" in kept.pop("stack")
    assert kept == {
        "time": "2026-01-31T12:30:01.250Z", "flow": FLOW, "step": "b", "thread": "t1", "parent": "m1",
        "name": "ValueError", "message": "no such list", "input": given,
    }  # fmt: skip


def test_messages_are_left_out_where_nobody_is_to_keep_them(tmp_path: Path) -> None:
    trial = Trial(tmp_path, has_inputs=False)
    trial.journal.error(collected_error(trial.made, "b", given={"body": {"name": "Ada"}}))
    assert "input" not in trial.kept()
    assert "Ada" not in trial.path.read_text()
    trial.file.close()


def test_the_text_of_an_error_has_no_secret(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    error = {"name": "ValueError", "message": f"key {SECRET}", "stack": f"ValueError: key {SECRET}"}
    trial.journal.error(collected_error(trial.made, "b", error))
    assert SECRET not in trial.path.read_text() + str([record.__dict__ for record in caplog.records])
    assert trial.kept()["message"] == "key ***"


@pytest.mark.parametrize("error", [None, "text", {"message": {"a": 1}}, {"name": None}, ["list"]])
def test_an_error_of_any_form_is_kept(trial: Trial, error: Any) -> None:
    trial.journal.error(Collected(trial.made.station("b"), {}, {"error": error}, 10))
    kept = trial.kept()
    assert (kept["step"], kept["parent"]) == ("b", None)
    assert all(isinstance(kept[name], str) for name in ("name", "message", "stack"))


def test_an_error_that_cannot_be_kept_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trial = Trial(tmp_path / "missing")
    trial.journal.error(collected_error(trial.made, "b"))
    assert "an error could not be kept: expected a writable file" in caplog.text
    assert trial.journal.totals().errors == 1


def test_counts_are_logged_when_they_have_changed_every_few_seconds(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for now, received in [(100.0, 0), (101.0, 1), (105.0, 2), (106.0, 3), (110.0, 3), (115.0, 3)]:
        trial.clock.now = now
        trial.journal.counts(trial.counts(received))
    logged = [record for record in caplog.records if record.msg == "counts"]
    assert [record.__dict__["counts"]["a"]["in"] for record in logged] == [2, 3]


def test_the_lines_of_a_run_are_its_beginning_its_steps_its_errors_and_its_end(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    trial.journal.counts([counts(trial.made, "a", running=1), counts(trial.made, "mapper:a:b", consuming=1)])
    trial.journal.counts(trial.counts(1))
    trial.journal.counts(trial.counts(1))
    trial.journal.error(collected_error(trial.made, "b"))
    trial.journal.rebound(Collected(trial.made.station("b"), {}, None, 1), 15.0)
    trial.clock.now = 101.5
    trial.journal.end(1)
    begin, ready, error, end = (record.__dict__ for record in caplog.records)
    assert (begin["msg"], begin["flow"], begin["steps"]) == ("the flow begins", "f1", ["a", "b"])
    assert (ready["msg"], ready["step"], ready["containers"]) == ("a step takes messages", "a", 1)
    assert (error["msg"], error["step"], error["threadId"], error["messageId"]) == ("a message failed", "b", "t1", "m1")
    assert error["error"]["message"] == "no such list"
    assert (end["msg"], end["status"], end["seconds"]) == ("the flow has ended", 1, 1.5)
    assert (end["results"], end["errors"], end["rebounds"]) == (0, 1, 1)
    assert end["errors_file"] == str(trial.path)
    assert end["counts"]["a"]["in"] == 1


def test_a_run_that_did_not_begin_has_no_end(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    trial.journal.end(2)
    assert not caplog.records


def test_an_error_in_the_log_of_a_container_names_the_step(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    trial.journal.line(Line("b", 2, 50, "100 % wrong"))
    (record,) = caplog.records
    assert (record.msg % record.args if record.args else record.getMessage()) == "100 % wrong"
    assert (record.__dict__["step"], record.__dict__["container"]) == ("b", 2)
