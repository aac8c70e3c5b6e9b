"""The flows in examples/ do what their pages say."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from shipmate.emulator import RabbitMQNode
from tests.flows import environ_of_reader, run_once

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHIPMATE = [sys.executable, "-m", "shipmate"]
HOOK = r"http://127\.0\.0\.1:\d+/hook/flow"


@contextmanager
def started(command: list[str], folder: Path, env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until it is ready to be used, and end it with Ctrl-C."""
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 0


def line_with(process: "subprocess.Popen[str]", pattern: str) -> str:
    """Return the part of a program's output that a pattern matches, as soon as it comes."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if match := re.search(pattern, line):
            return match[0]
    raise AssertionError("".join(seen))


def lines_with(process: "subprocess.Popen[str]", *patterns: str) -> None:
    """Read a program's output until each pattern has matched a line of its own, in any order."""
    assert process.stdout is not None
    pending = list(patterns)
    for line in process.stdout:
        if (found := next((each for each in pending if re.search(each, line)), None)) is not None:
            pending.remove(found)
        if not pending:
            return
    raise AssertionError(pending)


@pytest.mark.timeout(120)
def test_outlook_contacts_become_contacts_of_salesforce(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    """Both tokens have expired; a second run goes on from the snapshot."""
    ignored = shutil.ignore_patterns("*.keys.json", ".*", "__pycache__")
    for name in ("flows/contacts", "microsoft-outlook", "salesforce"):
        shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored)
    folder = tmp_path / "flows" / "contacts"
    with started([sys.executable, "apis.py"], folder, environ_of_reader(rabbitmq)) as apis:
        line_with(apis, "^ready$")
        before = json.loads((folder / "outlook.keys.json").read_text())["oauth"]["refresh_token"]

        results = run_once(folder, rabbitmq)

        assert len(results) == 3
        assert all(each["created"] for each in results)
        assert json.loads((folder / "outlook.keys.json").read_text())["oauth"]["refresh_token"] != before
        lines_with(apis, "^salesforce: PATCH .*: 401$", *["^salesforce: PATCH .*: 201$"] * 3)
        assert run_once(folder, rabbitmq) == []


@pytest.mark.timeout(60)
def test_a_webhook_replies(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    folder = tmp_path / "webhook"
    shutil.copytree(EXAMPLES / "flows" / "webhook", folder, ignore=shutil.ignore_patterns(".*"))
    with started([*SHIPMATE, "flow", "run", "flow.yaml"], folder, environ_of_reader(rabbitmq)) as flow:
        url = line_with(flow, HOOK)
        welcome = requests.post(url, json={"name": "Ada", "mail": "Ada@Example.com"}, timeout=30)
        refused = requests.post(url, json={"name": "Ada"}, timeout=30)

    assert (welcome.status_code, welcome.json()) == (
        201, {"greeting": "Welcome to Acme, Ada", "mail": "ada@example.com"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()) == (422, {"error": "expected an address of mail"})
