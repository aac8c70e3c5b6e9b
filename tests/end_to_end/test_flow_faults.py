"""Flows lose nothing, and leave nothing behind, whatever is killed."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench import flow_faults
from shipmate.emulator import RabbitMQNode
from tests.flows import SAME, FlowFolder, ended
from tests.forked import Process

pytestmark = pytest.mark.timeout(180)

MANY = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    for number in range(cfg["count"]):
        yield message({"number": number})
"""
DYING = """
import os

def process(context, msg, cfg, snapshot):
    print("last words", flush=True)
    os._exit(7)
"""
WAITING = """
import time

def process(context, msg, cfg, snapshot):
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, rabbitmq: RabbitMQNode) -> FlowFolder:
    folder = FlowFolder(tmp_path, rabbitmq.uri)
    folder.component(many=MANY, waiting=WAITING)
    return folder


def lines_of(process: Process) -> Iterator[int]:
    """Yield the number of each result as it comes."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)["message"]["body"]["number"]


def tree_of(process: Process) -> list[psutil.Process]:
    """Return the processes that a run has started, as soon as the step ``s2`` takes messages."""
    assert process.stderr is not None
    for line in process.stderr:
        if (found := json.loads(line))["msg"] == "a step takes messages" and found["step"] == "s2":
            return psutil.Process(process.pid).children(recursive=True)
    raise AssertionError("the run has ended")


def wait_for_end_of(processes: list[psutil.Process]) -> None:
    """Wait until all have ended; one that nobody has asked for its status has ended, too."""
    while running := [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]:
        psutil.wait_procs(running, timeout=0.1)


def test_a_flow_loses_nothing_when_containers_die_tokens_expire_and_the_broker_restarts(
    tmp_path: Path, own_rabbitmq: RabbitMQNode
) -> None:
    outcome = flow_faults.run(tmp_path, own_rabbitmq, 100, stops_broker=False)
    assert outcome.problems == [], f"{outcome}\n{outcome.log}"
    assert len(outcome.faults) == 4


def test_the_processes_of_a_killed_run_end_and_the_next_run_deletes_its_queues(
    folder: FlowFolder, rabbitmq: RabbitMQNode
) -> None:
    folder.flow("simple-trigger:timer", "waiting")
    process = folder.start("--once")
    started = tree_of(process)
    process.kill()
    process.communicate()
    wait_for_end_of(started)
    assert flow_faults.names_of_flows(rabbitmq) != []

    folder.flow({"command": "many", "fields": {"count": 5}}, SAME)
    ran = folder.run("--once")

    assert ran.status == 0, ran.text
    assert len(ran.results) == 5
    assert flow_faults.names_of_flows(rabbitmq) == []


def test_a_private_broker_ends_with_a_killed_run(folder: FlowFolder) -> None:
    del folder.environ["SHIPMATE_AMQP_URI"]
    folder.flow("simple-trigger:timer", "waiting")
    process = folder.start("--once")
    started = tree_of(process)
    assert any(each.name() == "beam.smp" for each in started)
    process.kill()
    process.communicate()
    wait_for_end_of(started)


def test_a_step_that_dies_with_each_message_stops_the_flow(folder: FlowFolder) -> None:
    folder.component(dying=DYING)
    folder.flow("simple-trigger:timer", "dying")
    ran = folder.run("--once")
    assert ran.status == 1
    assert "last words" in ran.text
    assert "the step s2 died 5 times in a row without a processed message (exit status 7)" in ran.text
    assert folder.processes() == []


def test_a_run_that_is_terminated_leaves_nothing(folder: FlowFolder, rabbitmq: RabbitMQNode) -> None:
    folder.flow({"command": "many", "fields": {"count": 5}}, SAME, schedule="1h")
    process = folder.start()
    numbers = lines_of(process)
    assert sorted(next(numbers) for _ in range(5)) == list(range(5))
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 0
    assert folder.processes() == []
    assert flow_faults.names_of_flows(rabbitmq) == []
