"""Flows of small components in a folder, run by the command."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from shipmate.emulator import RabbitMQNode
from tests.forked import FLOWS, Process, run, start

TRIGGERS = ("many", "first")
ECHO = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    return message({**msg["body"], **cfg})
"""
WITHOUT_PASSTHROUGH = "$sift($, function($value, $name) { $name != 'elasticio' })"
SAME = {"command": "jsonata:transform", "fields": {"expression": WITHOUT_PASSTHROUGH}}
"""A step that emits what it gets, and has no process of its own."""
REBOUNDING = """
from pathlib import Path
from shipmate import message

def process(context, msg, cfg, snapshot):
    seen = Path("seen")
    if not seen.exists():
        seen.write_text("")
        context.emit("rebound", "try again")
        return None
    return message(msg["body"])
"""


@dataclass(frozen=True)
class Ran:
    """A run that has ended."""

    status: int
    results: list[Any]
    """The bodies of the last steps' messages."""
    text: str
    """Its log."""


class FlowFolder:
    """A folder with a flow file and the folder of one component, whose functions the test writes."""

    def __init__(self, folder: Path, amqp_uri: str | None) -> None:
        """Write nothing yet; the broker is a private one if the address is None."""
        self.folder = folder
        self.file = folder / "flow.json"
        self.environ = {name: value for name, value in os.environ.items() if name != "SHIPMATE_AMQP_URI"}
        self.environ["ELASTICIO_DATA_RATE_LIMIT"] = "0"
        if amqp_uri is not None:
            self.environ["SHIPMATE_AMQP_URI"] = amqp_uri
        self.state = folder / ".shipmate" / "flow" / "flow"

    def component(self, **functions: str) -> None:
        """Write the component ``own`` with these functions; ``many`` and ``first`` are triggers."""
        root = self.folder / "own"
        root.mkdir(exist_ok=True)
        described: dict[str, Any] = {"title": "Own", "language": "python", "triggers": {}, "actions": {}}
        for name in functions:
            section = "triggers" if name in TRIGGERS else "actions"
            described[section][name] = {"title": name, "main": f"./{name}.py"}
        (root / "component.json").write_text(json.dumps(described))
        for name, code in functions.items():
            (root / f"{name}.py").write_text(code)

    def flow(self, *steps: Any, edges: Sequence[Any] | None = None, **more: Any) -> None:
        """Write the flow of some steps, each ``function`` of the own component, ``component:function``, or a node.

        Args:
            *steps: The steps, ``s1``, ``s2`` and so on; a mapping is a node as the file has it.
            edges: The edges, by default from each step to the next one.
            **more: Further members of the file.
        """
        nodes = []
        for number, step in enumerate(steps, 1):
            given = dict(step) if isinstance(step, Mapping) else {"command": step}
            given.setdefault("id", f"s{number}")
            command = given["command"]
            given["command"] = f"team/{command}" if ":" in command else f"team/own:{command}"
            nodes.append(given)
        names = [node["id"] for node in nodes]
        pairs = [{"source": a, "target": b} for a, b in pairwise(names)]
        graph = {"nodes": nodes, "edges": pairs if edges is None else list(edges)}
        self.file.write_text(json.dumps({"name": "Test", "graph": graph, "components": {"own": "own"}, **more}))

    def start(self, *options: str | Path, **streams: Any) -> Process:
        """Begin to run the flow."""
        return self._start("run", self.file, *options, **streams)

    def run(self, *options: str | Path) -> Ran:
        """Run the flow to its end."""
        return ended(self.start(*options))

    def retry(self, *options: str) -> Ran:
        """Send the messages of the flow's errors again."""
        return ended(self._start("retry", self.state / "errors.jsonl", *options))

    def trace(self, file: Path, *options: str) -> list[str]:
        """Return the lines that the command for traces prints."""
        return self._start("trace", "--file", file, *options).communicate()[0].splitlines()

    def _start(self, *arguments: str | Path, **streams: Any) -> Process:
        # In another folder, so that `processes` does not return it.
        return start("shipmate", "flow", *arguments, loaded=FLOWS, env=self.environ, cwd="/", **streams)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the flow's containers, of any run."""
        return [each for each in psutil.process_iter() if _belongs(each, str(self.folder))]


def environ_of_reader(rabbitmq: RabbitMQNode) -> dict[str, str]:
    """Return variables with which flows use the broker of the tests, and commands the Python of the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "SHIPMATE_AMQP_URI": rabbitmq.uri, "PATH": path}


def run_once(folder: Path, rabbitmq: RabbitMQNode) -> list[Any]:
    """Check the flow of a folder, run it once, and return the bodies of its results."""
    options: dict[str, Any] = {"loaded": FLOWS, "cwd": folder, "env": environ_of_reader(rabbitmq)}
    checked = run("shipmate", "flow", "check", "flow.yaml", **options)
    assert (checked.returncode, checked.stdout) == (0, "0 errors, 0 warnings\n"), checked.stderr
    done = run("shipmate", "flow", "run", "flow.yaml", "--once", **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line)["message"]["body"] for line in done.stdout.splitlines()]


def ended(process: Process, seconds: float = 60.0) -> Ran:
    """Wait for the end of a run."""
    output, log = process.communicate(timeout=seconds)
    results = [json.loads(line) for line in output.splitlines()]
    return Ran(process.returncode, [each["message"]["body"] for each in results if "message" in each], log)


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(folder)
    except psutil.Error:
        return False
