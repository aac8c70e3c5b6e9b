"""What a flow shows, its errors that are retried, and its trace, at a real broker."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import RabbitMQNode
from tests.flows import ECHO, REBOUNDING, SAME, FlowFolder

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("measured")]

FAILING = """
def process(context, msg, cfg, snapshot):
    raise ValueError("no such list")
"""
EACH = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    for number in range(3):
        yield message({"number": number})
"""


@pytest.fixture
def folder(tmp_path: Path, rabbitmq: RabbitMQNode) -> FlowFolder:
    folder = FlowFolder(tmp_path, rabbitmq.uri)
    folder.component(each=EACH, failing=FAILING, rebounding=REBOUNDING)
    folder.environ["ELASTICIO_REBOUND_INITIAL_EXPIRATION"] = "100"
    return folder


def errors_of(folder: FlowFolder) -> list[dict[str, Any]]:
    path = folder.state / "errors.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def repair(folder: FlowFolder) -> None:
    """Let the function that fails succeed, and rename what it gets."""
    folder.component(each=EACH, failing=ECHO, rebounding=REBOUNDING)


def test_errors_are_retried_at_their_step_after_a_repair(folder: FlowFolder) -> None:
    mapped = {"source": "s3", "target": "s4", "config": {"mapper": {"n": "number", "from": "$keys($getPassthrough())"}}}
    edges = [{"source": "s1", "target": "s2"}, {"source": "s2", "target": "s3"}, mapped]
    folder.flow("simple-trigger:timer", "each", "failing", SAME, edges=edges)
    assert folder.run("--once").status == 1
    assert {record["step"] for record in errors_of(folder)} == {"s3"}

    again = folder.retry()
    assert again.status == 1, again.text
    assert sorted(record["input"]["body"]["number"] for record in errors_of(folder)) == [0, 1, 2]

    repair(folder)
    done = folder.retry()

    assert done.status == 0, done.text
    # The passthrough is that of a message that took the way of the flow.
    assert sorted(done.results, key=lambda body: body["n"]) == [{"n": n, "from": ["s1", "s2", "s3"]} for n in range(3)]
    assert not (folder.state / "errors.jsonl").exists()


def test_a_message_that_a_mapping_could_not_map_is_mapped_again(folder: FlowFolder) -> None:
    def flow(expression: str) -> None:
        mapped = {"source": "s2", "target": "s3", "config": {"mapper": {"n": expression}}}
        folder.flow("simple-trigger:timer", "each", SAME, edges=[{"source": "s1", "target": "s2"}, mapped])

    flow("number + 'x'")
    assert folder.run("--once").status == 1
    assert {record["step"] for record in errors_of(folder)} == {"mapper:s2:s3"}
    flow("number + 1")
    done = folder.retry()
    assert done.status == 0, done.text
    assert sorted(body["n"] for body in done.results) == [1, 2, 3]


def test_an_error_handler_that_failed_gets_the_error_again(folder: FlowFolder) -> None:
    handler = {"id": "all", "command": "failing", "error": True}
    folder.flow("simple-trigger:timer", "failing", handler, edges=[{"source": "s1", "target": "s2"}, {"target": "all"}])
    assert folder.run("--once").status == 1
    assert {record["step"] for record in errors_of(folder)} == {"s2", "all"}
    repair(folder)
    done = folder.retry("--step", "all")
    assert done.status == 0, done.text
    assert [body["error"]["message"] for body in done.results] == ["no such list"]
    assert {record["step"] for record in errors_of(folder)} == {"s2"}


def test_a_retry_passes_the_step_that_replies(folder: FlowFolder) -> None:
    """Nobody waits for the reply any more."""
    folder.flow("webhook:receive", "failing", "request-reply:reply")
    assert folder.run("--msg", '{"body": {"n": 1}}').status == 1
    repair(folder)
    done = folder.retry()
    assert done.status == 0, done.text
    assert [body["n"] for body in done.results] == [1]


def test_the_trace_of_a_run_is_a_tree(folder: FlowFolder) -> None:
    mapped = {"source": "s1", "target": "s2", "config": {"mapper": {"n": "number"}}}
    folder.flow("simple-trigger:timer", "rebounding", edges=[mapped])
    file = folder.folder / "trace.jsonl"
    ran = folder.run("--once", "--trace", file, "--keep-bodies")
    assert ran.status == 0, ran.text

    (line,) = folder.trace(file)
    assert "3 messages  0 errors" in line
    shown = folder.trace(file, line.split()[0])
    assert [each.split("  +")[0] for each in shown[2:] if "  +" in each] == [
        "platform → s1",
        "├─ s1 → mapper:s1:s2",
        "│  └─ mapper:s1:s2 → s2",
        "│     ├─ s2: rebound 1: try again",
        "│     └─ s2 → result",
        "└─ s1: snapshot",
    ]
    assert '"fireTime"' in "\n".join(shown)


def test_a_terminal_shows_a_table(folder: FlowFolder) -> None:
    edges = [{"source": "s1", "target": "s2"}, {"source": "s2", "target": "s3"}, {"source": "s2", "target": "s4"}]
    folder.flow("simple-trigger:timer", "each", "failing", SAME, edges=edges)
    master, slave = os.openpty()
    folder.environ |= {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = folder.start("--once", stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while data := os.read(master, 65536):
            shown += data
    except OSError:  # Linux ends a terminal without writers so
        pass
    output, _ = process.communicate(timeout=60)
    os.close(master)
    text = shown.decode()

    assert process.returncode == 1, text
    assert len(output.splitlines()) == 3
    assert "ended" in text
    assert "ValueError: no such list" in text
    assert "failing.py" in text
    assert "3 results, 3 errors, 0 rebounds" in text
