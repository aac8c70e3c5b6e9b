"""Flows lose nothing, and leave nothing behind, whatever is killed."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bench import flow_faults
from shipmate.emulator import RabbitMQNode
from tests.flows import ECHO, FlowFolder, ended, names_of_flows
from tests.forked import Forked

pytestmark = pytest.mark.timeout(180)

MANY = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    for number in range(cfg["count"]):
        yield message({"number": number})
"""
WAITING = """
import time

def process(context, msg, cfg, snapshot):
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, own_rabbitmq: RabbitMQNode) -> FlowFolder:
    folder = FlowFolder(tmp_path, own_rabbitmq.uri)
    folder.component(many=MANY, echo=ECHO, waiting=WAITING)
    return folder


def lines_of(process: Forked) -> Iterator[int]:
    """Yield the number of each result as it comes."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)["message"]["body"]["number"]


def containers_of(folder: FlowFolder, function: str) -> list[psutil.Process]:
    return [each for each in folder.processes() if each.environ().get("ELASTICIO_FUNCTION") == function]


def wait_until(is_so: Callable[[], object]) -> None:
    while not is_so():
        os.sched_yield()


def test_a_flow_loses_nothing_when_containers_die_tokens_expire_and_the_broker_restarts(
    tmp_path: Path, own_rabbitmq: RabbitMQNode
) -> None:
    outcome = flow_faults.run(tmp_path, own_rabbitmq, 300)
    assert outcome.problems == [], f"{outcome}\n{outcome.log}"
    assert len(outcome.faults) == 5


def test_the_processes_of_a_killed_run_end_and_the_next_run_deletes_its_queues(
    folder: FlowFolder, own_rabbitmq: RabbitMQNode
) -> None:
    folder.flow({"command": "many", "fields": {"count": 5}}, "waiting")
    process = folder.start("--once")
    wait_until(lambda: containers_of(folder, "waiting"))
    process.kill()
    process.communicate()
    wait_until(lambda: not folder.processes())
    assert names_of_flows(own_rabbitmq) != []

    folder.flow({"command": "many", "fields": {"count": 5}}, "echo")
    ran = folder.run("--once")

    assert ran.status == 0, ran.text
    assert len(ran.results) == 5
    assert names_of_flows(own_rabbitmq) == []


def test_a_private_broker_ends_with_a_killed_run(folder: FlowFolder) -> None:
    del folder.environ["SHIPMATE_AMQP_URI"]
    folder.flow({"command": "many", "fields": {"count": 5}}, "waiting")
    process = folder.start("--once")
    wait_until(lambda: containers_of(folder, "waiting"))
    tree = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    wait_until(lambda: all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in tree))


def test_a_step_that_dies_with_each_message_stops_the_flow(folder: FlowFolder) -> None:
    dying = "import os\n\ndef process(context, msg, cfg, snapshot):\n    print('last words', flush=True)\n    os._exit(7)\n"
    folder.component(dying=dying)
    folder.flow("simple-trigger:timer", "dying")
    ran = folder.run("--once")
    assert ran.status == 1
    assert "last words" in ran.text
    assert "the step s2 died 5 times in a row without a processed message (exit status 7)" in ran.text
    assert folder.processes() == []


def test_a_run_that_is_terminated_leaves_nothing(folder: FlowFolder, own_rabbitmq: RabbitMQNode) -> None:
    folder.flow({"command": "many", "fields": {"count": 5}}, "echo", schedule="1h")
    process = folder.start()
    numbers = lines_of(process)
    assert sorted(next(numbers) for _ in range(5)) == list(range(5))
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 0
    assert folder.processes() == []
    assert names_of_flows(own_rabbitmq) == []
