"""Measures many idle steps: their cost for the broker, the platform and the machine, and their storms.

Each step is a real ``shipmate run`` with a queue of its own. All of them start at once, wait, lose the broker at once,
and find it again.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.node_figures import NodeFigures, accepted, figures_of, most_in
from bench.processes import ProcessTree, VoidRun, cpu_seconds
from bench.queues import BrokerQueues
from bench.runtimes import shipmate
from bench.watched_platform import WatchedPlatform
from shipmate.emulator import RabbitMQNode

_FUNCTION: Final = "echo"
_STEP: Final = "step-{}"
_LOOK_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 180.0
_MIB: Final = 2**20
_RECONNECT: Final = {"AMQP_RECONNECT_ATTEMPTS": 60, "AMQP_RECONNECT_TIMEOUT": 1000}
"""As in deploy/: a minute of patience."""


@dataclass(frozen=True, slots=True)
class Start:
    """Steps that start together."""

    seconds: float
    """From the start of the first process until the last one consumes."""
    platform_calls: int
    most_calls_at_once: int
    most_calls_per_second: int
    most_connections_per_second: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Steps that wait for messages; memory and CPU time are those of one step."""

    rss_mib: float
    """Resident memory, the median."""
    own_mib: float
    """The memory that no other process shares, the median."""
    threads: float
    descriptors: float
    step_cpu_ms_per_minute: float
    broker_cpu_ms_per_minute: float
    broker_sockets: float
    broker_processes: float
    platform_calls: int
    """Requests of all steps in the idle time."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Steps whose broker was killed and started again."""

    broker_seconds: float
    """From the kill until the broker accepts connections."""
    seconds: float
    """From that moment until all steps consume."""
    most_connections_per_second: int
    platform_calls: int


@dataclass(frozen=True, slots=True)
class StepsOutcome:
    """The figures of so many steps."""

    steps: int
    platform_ms: int
    start: Start
    idle: Idle
    restart: Restart


def run(
    steps: int,
    node: RabbitMQNode,
    folder: Path,
    *,
    idle_seconds: float = 30.0,
    settle_seconds: float = 3.0,
    platform_ms: int = 100,
) -> StepsOutcome:
    """Run steps at a broker that has nothing else to do, and at a platform of their own.

    Args:
        steps: Their number.
        node: The broker, which is killed and started again.
        folder: For logs and byte code.
        idle_seconds: The length of the idle time; heartbeats come every 30 seconds.
        settle_seconds: The time after which the broker's log has all connections: it is written with a delay.
        platform_ms: Time after which the platform's API answers.

    Raises:
        VoidRun: A step has ended, or does not consume.
    """
    names = [_STEP.format(number) for number in range(steps)]
    with ExitStack() as stack:
        platform = stack.enter_context(
            WatchedPlatform(pause_seconds=platform_ms / 1000, steps={"flow": {name: {} for name in names}})
        )
        queues = BrokerQueues(node.uri, name="bench")
        stack.callback(queues.close)
        before = figures_of(node)
        for name in names:
            queues.channel.queue_declare(queues.queue(name), durable=True)
        begin = time.perf_counter()
        trees = [stack.enter_context(_start(name, queues, platform, folder)) for name in names]
        _wait_for_all(queues, names, trees)
        seconds = time.perf_counter() - begin
        time.sleep(settle_seconds)
        start = _started(seconds, node, platform)
        platform.forget()
        idle = _idle(trees, node, platform, before=before, seconds=idle_seconds)
        restart = _restart(queues, names, trees, node, platform, settle_seconds)
        return StepsOutcome(steps, platform_ms, start, idle, restart)


def _start(name: str, queues: BrokerQueues, platform: WatchedPlatform, folder: Path) -> ProcessTree:
    runtime = shipmate()
    environ = {
        **queues.environ(_FUNCTION, CONTAINER_ID=name, LISTEN_MESSAGES_ON=queues.queue(name), **_RECONNECT),
        **platform.environ(step_id=name),
        "ELASTICIO_STEP_ID": name,
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    log = folder / f"{name}.log"
    return ProcessTree(runtime.command, folder=runtime.folders[_FUNCTION], environ=environ, log=log)


def _started(seconds: float, node: RabbitMQNode, platform: WatchedPlatform) -> Start:
    moments = [each.at_seconds for each in platform.calls]
    return Start(seconds, len(moments), platform.most_at_once, most_in(moments, 1.0), most_in(accepted(node), 1.0))


def _idle(
    trees: Sequence[ProcessTree],
    node: RabbitMQNode,
    platform: WatchedPlatform,
    *,
    before: NodeFigures,
    seconds: float,
) -> Idle:
    found = figures_of(node)
    broker = psutil.Process(found.pid)
    begun = (cpu_seconds(broker), sum(each.cpu_seconds() for each in trees), time.perf_counter())
    time.sleep(seconds)
    ended = (cpu_seconds(broker), sum(each.cpu_seconds() for each in trees), time.perf_counter())
    broker_seconds, step_seconds, passed = (end - start for start, end in zip(begun, ended, strict=True))
    minutes = passed / 60 * len(trees)
    memory = [each.root.memory_full_info() for each in trees]
    return Idle(
        rss_mib=statistics.median(each.rss for each in memory) / _MIB,
        own_mib=statistics.median(each.uss for each in memory) / _MIB,
        threads=statistics.median(each.threads() for each in trees),
        descriptors=statistics.median(each.descriptors() for each in trees),
        step_cpu_ms_per_minute=step_seconds * 1000 / minutes,
        broker_cpu_ms_per_minute=broker_seconds * 1000 / minutes,
        broker_sockets=(found.sockets - before.sockets) / len(trees),
        broker_processes=(found.processes - before.processes) / len(trees),
        platform_calls=len(platform.calls),
    )


def _restart(
    queues: BrokerQueues,
    names: Sequence[str],
    trees: Sequence[ProcessTree],
    node: RabbitMQNode,
    platform: WatchedPlatform,
    settle_seconds: float,
) -> Restart:
    platform.forget()
    known, begin = len(accepted(node)), time.perf_counter()
    queues.close()
    node.kill()
    node.start()
    up = time.perf_counter()
    queues.connect()
    _wait_for_all(queues, names, trees)
    seconds = time.perf_counter() - up
    time.sleep(settle_seconds)
    return Restart(up - begin, seconds, most_in(accepted(node)[known:], 1.0), len(platform.calls))


def _wait_for_all(queues: BrokerQueues, names: Sequence[str], trees: Sequence[ProcessTree]) -> None:
    """Wait until each queue has a consumer.

    Raises:
        VoidRun: A step has ended, or three minutes have passed.
    """
    waiting, deadline = list(names), time.perf_counter() + _TIMEOUT_SECONDS
    while waiting := [name for name in waiting if not _consumers(queues, name)]:
        for each in trees:
            each.must_live()
        if time.perf_counter() > deadline:
            raise VoidRun(f"{len(waiting)} of {len(names)} steps do not consume within {_TIMEOUT_SECONDS:.0f} s")
        queues.wait(_LOOK_SECONDS)


def _consumers(queues: BrokerQueues, name: str) -> int:
    return int(queues.channel.queue_declare(queues.queue(name), passive=True).method.consumer_count)
