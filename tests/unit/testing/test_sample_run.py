"""The sample run of a function: what an exception of its own code means, and what the end of the report says."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shipmate.testing import checks
from shipmate.testing.plugin import pytest_terminal_summary
from shipmate.testing.trial import Surroundings, Trial, trial
from shipmate.testing.verdict import Failed, NotChecked

RAW = {"title": "CRM", "actions": {"go": {"title": "Go", "main": "./go.py"}}}


def judge(folder: Path, lines: str) -> Trial:
    """Run the check of messages for a function with these lines, and return its trial."""
    (folder / "component.json").write_text(json.dumps(RAW))
    body = "\n".join(f"    {line}" for line in lines.splitlines())
    (folder / "go.py").write_text(f"def process(context, msg, cfg, snapshot):\n{body}\n")
    with trial(folder, Surroundings()) as started:
        try:
            checks.messages_match_metadata(started, started.subject.descriptor.function("go"))
        except NotChecked:
            pass
        return started


@pytest.mark.parametrize(
    "line", ["{}['typo']", "(7).is_integr()", "len(7)", "[][0]", "context.session(cfg).get('https://a.test').jsn()"]
)
def test_an_exception_of_its_own_code_fails_the_suite(tmp_path: Path, line: str) -> None:
    """A function that never works must not be among the skipped ones."""
    with pytest.raises(Failed, match=r"never seen to work.*\n.*Error.*\n.*go\.py"):
        judge(tmp_path, line)


@pytest.mark.parametrize("line", ["raise ValueError('name: expected a text')", "int('x')"])
def test_a_refusal_of_the_sample_is_no_defect(tmp_path: Path, line: str) -> None:
    """A value error is how functions refuse inputs, which are made up here."""
    assert judge(tmp_path, line).worked is False


@pytest.mark.parametrize(
    ("line", "worked"),
    [("return {'body': {}}", True), ("context.session(cfg).get('https://a.test')", True), ("pass", False)],
)
def test_a_run_worked_if_it_did_something_without_an_error(tmp_path: Path, line: str, worked: bool) -> None:
    """A function that neither emits nor sends anything was not seen to work."""
    assert judge(tmp_path, line).worked is worked


def test_the_report_ends_with_the_functions_that_never_worked() -> None:
    """Skipped checks are read only when something is red."""
    lines: list[str] = []
    reports = [
        SimpleNamespace(nodeid="tests/test_it.py::T::t", shipmate_sample_run=run)
        for run in (("create", False), ("delete", True), ("poll", False))
    ]
    reporter: Any = SimpleNamespace(
        stats={"skipped": reports[:1], "passed": reports[1:], "warnings": [object()]},
        write_line=lambda text, **_: lines.append(text),
    )
    pytest_terminal_summary(reporter)

    assert lines == ["shipmate: 2 of 3 functions were never seen to work: create, poll; -rs says why"]
