"""The trace of a run, and one thread of it as a tree."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipmate.container.messages.cipher import Cipher
from shipmate.emulator import Platform
from shipmate.errors import BadInput
from shipmate.flow.identity import Run
from shipmate.flow.trace import TraceFile, record_of
from shipmate.flow.trace_tree import drawn, line_of, thread_of, threads
from shipmate.jsonvalue import to_json
from shipmate.logs.redaction import Redactor
from tests.unit.flow.runs import two_steps
from tests.unit.flow.test_topology import edge, node, topology

SECRET = "s3cret-k3y-0f-ada"


class Trial:
    """A trace of messages that a test publishes."""

    def __init__(self, folder: Path, *, keeps_bodies: bool = False) -> None:
        self.made = two_steps()
        self.path = folder / "trace.jsonl"
        redactor = Redactor()
        redactor.add(SECRET)
        run = Run(self.made, Platform(), "run")
        self.cipher = Cipher(run.password, run.iv)
        self.file = TraceFile(self.path, redactor, keeps_bodies=keeps_bodies)
        self.file.open()
        self.write = self.file.writer(self.made, run)

    def seal(self, value: Any) -> bytes:
        return self.cipher.encode(to_json(value), 1)

    def publish(self, event: str, station: str, message_id: str, *, parent: str | None = None, **more: Any) -> None:
        """Publish as a step does."""
        value = more.pop("value", {"body": {"n": 1}})
        headers = {"messageId": message_id, "parentMessageId": parent, "stepId": station, "threadId": "t1", **more}
        body = self.seal(value)
        if event == "error":
            body = json.dumps({"error": body.decode()}).encode()
        elif event == "snapshot":
            body = to_json(value)
        headers = {name: each for name, each in headers.items() if each is not None}
        self.write(self.made.station(station).key(event), headers, body)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path)
    yield trial
    trial.file.close()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Trial]:
    """Return a trace that keeps bodies."""
    trial = Trial(tmp_path, keeps_bodies=True)
    yield trial
    trial.file.close()


def tree(trial: Trial, given: str = "t1") -> list[str]:
    """Return the lines of a tree without times, sizes and ids."""
    lines = drawn(thread_of(trial.path, given)).splitlines()
    return [line.split("  +")[0] for line in lines[2:]]


def test_a_line_says_where_a_message_comes_from_and_where_it_goes() -> None:
    made = two_steps()
    headers = {
        "messageId": "m2", "parentMessageId": "m1", "threadId": "t1", "stepId": "a", "containerId": "run-0-2",
        "start": 5, "end": 9,
    }  # fmt: skip
    assert record_of(made, "data.0", headers, 164, now_ms=10) == {
        "time_ms": 10, "event": "data", "step": "a", "id": "m2", "parent": "m1", "thread": "t1", "to": ["mapper:a:b"],
        "container": 2, "started_ms": 5, "ended_ms": 9, "bytes": 164,
    }  # fmt: skip


def test_a_branch_of_a_router_is_a_message_of_the_router() -> None:
    nodes = [node("a", is_first=True), node("r", "router"), node("b"), node("c")]
    made = topology(nodes, [edge("a", "r"), edge("r", "b", condition="x"), edge("r", "c")])
    record = record_of(made, made.branch_key(made.flow.edges[1]), {"stepId": "r"}, 1, now_ms=1)
    assert (record["event"], record["step"], record["to"]) == ("data", "r", ["b"])


def test_a_key_of_the_author_leads_nowhere() -> None:
    record = record_of(two_steps(), "data.own", {"stepId": "a"}, 1, now_ms=1)
    assert (record["event"], record["step"], record["to"]) == ("data", "a", [])


def test_only_the_owner_can_read_the_trace_and_a_run_writes_it_anew(tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text("old\n")
    trial = Trial(tmp_path)
    trial.publish("data", "a", "m1")
    trial.file.close()
    assert stat.S_IMODE(trial.path.stat().st_mode) == 0o600
    assert [record["id"] for record in trial.records()] == ["m1"]


def test_a_trace_has_no_bodies(trial: Trial) -> None:
    trial.publish("data", "a", "m1", value={"body": {"name": "Ada"}})
    trial.publish("snapshot", "a", "m2", value={"name": "Ada"})
    assert "Ada" not in trial.path.read_text()


def test_bodies_are_kept_without_secrets_and_passthrough(keeping: Trial) -> None:
    body = {"name": "Ada", "password": "hunter2-hunter2", "text": SECRET}
    keeping.publish("data", "a", "m1", value={"body": body, "passthrough": {"x": {"body": {}}}})
    assert keeping.records()[0]["message"] == {"body": {"name": "Ada", "password": "***", "text": "***"}}


def test_an_error_has_its_text_without_secrets(trial: Trial) -> None:
    trial.publish("error", "b", "m2", parent="m1", value={"name": "ValueError", "message": f"key {SECRET}"})
    assert trial.records()[0]["error"] == {"name": "ValueError", "message": "key ***"}


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b"[]", b'{"error": "AAAA"}'])
def test_bytes_of_any_kind_are_a_line(keeping: Trial, body: bytes) -> None:
    for key in ("data.0", "error.1", "snapshot.0", "reply.x", "foreign"):
        keeping.write(key, {"start": b"\xff", "messageId": 7}, body)
    assert [record["event"] for record in keeping.records()] == ["data", "error", "snapshot", "reply", "data"]


def test_a_thread_is_a_tree(trial: Trial) -> None:
    """A mapping keeps the id of its message, so that an id alone does not tell two steps apart."""
    trial.publish("input", "a", "m0")
    trial.publish("data", "a", "m1", parent="m0")
    trial.publish("data", "a", "m2", parent="m0")
    trial.publish("data", "mapper:a:b", "m1", parent="m1")
    trial.publish("error", "mapper:a:b", "e1", parent="m2", value={"name": "T2001", "message": "left side"})
    trial.publish("dead", "mapper:a:b", "m2", stepId="a")
    trial.publish("data", "b", "m3", parent="m1")
    assert tree(trial) == [
        "platform → a",
        "├─ a → mapper:a:b",
        "│  └─ mapper:a:b → b",
        "│     └─ b → result",
        "└─ a → mapper:a:b",
        "   └─ mapper:a:b: T2001: left side",
    ]
    assert tree(trial, "m3") == tree(trial)


def test_a_message_that_a_step_ends_is_marked(trial: Trial) -> None:
    trial.publish("input", "a", "m0")
    trial.publish("data", "a", "m1", parent="m0")
    assert tree(trial) == ["platform → a", "└─ a → mapper:a:b (nothing from mapper:a:b)"]


def test_a_rebound_is_one_line(trial: Trial) -> None:
    trial.publish("input", "a", "m0", stepId=None)
    trial.publish("rebound", "a", "m0", stepId=None, reboundIteration=1, reboundReason="busy")
    trial.publish("input", "a", "m0", stepId=None, reboundIteration=1)
    trial.publish("data", "a", "m1", parent="m0")
    assert tree(trial) == ["platform → a", "├─ a: rebound 1: busy", "└─ a → mapper:a:b (nothing from mapper:a:b)"]


def test_a_retry_is_a_tree_of_its_own_in_the_thread(trial: Trial) -> None:
    trial.publish("input", "b", "m9", stepId="mapper:a:b", retry=True)
    trial.publish("data", "b", "m10", parent="m9")
    assert tree(trial) == ["platform → b (retry)", "└─ b → result"]


def test_bodies_stand_below_their_messages(keeping: Trial) -> None:
    keeping.publish("data", "b", "m1")
    assert tree(keeping)[1] == '   {"body": {"n": 1}}'


def test_lines_of_a_circle_end(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    line = {"time_ms": 1, "event": "data", "step": "a", "id": "m1", "parent": "m1", "thread": "t1", "to": ["a"]}
    path.write_text(f"{json.dumps(line)}\n" * 3)
    assert "a → a" in drawn(thread_of(path, "t1"))


def test_threads_are_listed_with_their_messages_and_errors(trial: Trial) -> None:
    trial.publish("data", "a", "m1")
    trial.publish("error", "b", "e1", parent="m1", value={"message": "no"})
    (thread,) = threads(trial.path)
    assert (thread.id, thread.messages, thread.errors) == ("t1", 1, 1)
    assert line_of(thread).endswith("1 message  1 error")


@pytest.mark.parametrize("text", ["no JSON\n", "[]\n", '{"event": "data"}\n', "[" * 100_000 + "\n"])
def test_another_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match="expected a line of flow run --trace, found other text in line 1"):
        threads(path)


def test_a_missing_file_and_an_unknown_id_are_one_clear_line(tmp_path: Path, trial: Trial) -> None:
    with pytest.raises(BadInput, match="expected the file of a trace, found no such file"):
        threads(tmp_path / "none")
    trial.publish("data", "a", "m1")
    with pytest.raises(BadInput, match="found no line with 'm7'"):
        thread_of(trial.path, "m7")
    with pytest.raises(BadInput, match="expected a writable file for the trace, found a directory"):
        TraceFile(tmp_path, Redactor()).open()
