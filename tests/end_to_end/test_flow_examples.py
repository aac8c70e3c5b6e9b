"""The flows in examples/ do what their pages say."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from shipmate.emulator import RabbitMQNode

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHIPMATE = [sys.executable, "-m", "shipmate"]
NPM = shutil.which("npm") or ""
HOOK = r"http://127\.0\.0\.1:\d+/hook/flow"


def environ(rabbitmq: RabbitMQNode) -> dict[str, str]:
    """Return variables with which flows use the broker of the tests, and commands the Python of the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "SHIPMATE_AMQP_URI": rabbitmq.uri, "PATH": path}


def run_once(folder: Path, rabbitmq: RabbitMQNode) -> list[Any]:
    """Check the flow of a folder, run it once, and return the bodies of its results."""
    options: dict[str, Any] = {"cwd": folder, "env": environ(rabbitmq), "capture_output": True, "text": True}
    checked = subprocess.run([*SHIPMATE, "flow", "check", "flow.yaml"], **options)
    assert (checked.returncode, checked.stdout) == (0, "0 errors, 0 warnings\n"), checked.stderr
    done = subprocess.run([*SHIPMATE, "flow", "run", "flow.yaml", "--once"], **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line)["message"]["body"] for line in done.stdout.splitlines()]


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
    with started([sys.executable, "apis.py"], folder, environ(rabbitmq)) as apis:
        line_with(apis, "^ready$")
        before = json.loads((folder / "outlook.keys.json").read_text())["oauth"]["refresh_token"]

        results = run_once(folder, rabbitmq)

        assert len(results) == 3
        assert all(each["created"] for each in results)
        assert json.loads((folder / "outlook.keys.json").read_text())["oauth"]["refresh_token"] != before
        lines_with(apis, "^salesforce: PATCH .*: 401$", *["^salesforce: PATCH .*: 201$"] * 3)
        assert run_once(folder, rabbitmq) == []


@pytest.mark.timeout(180)
@pytest.mark.skipif(not NPM, reason="needs Node and npm")
def test_two_languages_work_in_one_flow(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    folder = tmp_path / "languages"
    shutil.copytree(EXAMPLES / "flows" / "languages", folder, ignore=shutil.ignore_patterns("node_modules", ".*"))
    installed = subprocess.run([NPM, "ci", "--prefix", "prices"], cwd=folder, capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"npm ci: {installed.stderr[-200:]}")

    results = run_once(folder, rabbitmq)

    assert {each["order"]: each["price"].replace("\xa0", " ") for each in results} == {
        1: "2.410,90 €", 2: "15,00 $", 3: "1.000 ¥",
    }  # fmt: skip


@pytest.mark.timeout(60)
def test_a_webhook_replies(tmp_path: Path, rabbitmq: RabbitMQNode) -> None:
    folder = tmp_path / "webhook"
    shutil.copytree(EXAMPLES / "flows" / "webhook", folder, ignore=shutil.ignore_patterns(".*"))
    with started([*SHIPMATE, "flow", "run", "flow.yaml"], folder, environ(rabbitmq)) as flow:
        url = line_with(flow, HOOK)
        welcome = requests.post(url, json={"name": "Ada", "mail": "Ada@Example.com"}, timeout=30)
        refused = requests.post(url, json={"name": "Ada"}, timeout=30)

    assert (welcome.status_code, welcome.json()) == (
        201, {"greeting": "Welcome to Acme, Ada", "mail": "ada@example.com"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()) == (422, {"error": "expected an address of mail"})
