"""Many containers on one queue, and many steps at one broker and one platform."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import idle_steps, shared_queue
from bench.idle_steps import StepsOutcome
from bench.light_steps import Light, LightSteps
from bench.node_figures import NodeFigures, figures_of
from bench.processes import VoidRun
from bench.shared_queue import Crowd
from shipmate.emulator import RabbitMQNode, StepQueues

PARTS: Final = ("queue", "steps", "light")
WAITS_MS: Final = (100, 0)
_REFRESH_SECONDS: Final = 0.3
_LOOK_SECONDS: Final = 0.1
_QUEUE: Final = "light-{}"


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of a run."""

    containers: Sequence[int] = (1, 2, 4, 8)
    """The numbers of containers on one queue."""
    steps: Sequence[int] = (10, 100)
    """The numbers of real steps, each with a queue of its own."""
    light_steps: Sequence[int] = (10, 100, 1000)
    """The numbers of steps without a runtime."""
    seconds: float = 12.0
    """The measured time for containers on one queue."""
    idle_seconds: float = 30.0
    """The measured time for steps that do nothing."""
    parts: Sequence[str] = PARTS


@dataclass(frozen=True, slots=True)
class LightOutcome:
    """The figures of so many light steps; those of the broker without the light steps are in ``before``."""

    steps: int
    before: NodeFigures
    queues_declared: NodeFigures
    open: NodeFigures
    opened: dict[str, Any]
    refresh: dict[str, Any]
    reopened: dict[str, Any]
    """After a kill of the broker; ``broker_seconds`` is the time until it accepts connections again. Empty without."""


@dataclass(slots=True)
class ScaleResults:
    """All figures of a run."""

    crowds: list[shared_queue.Outcome] = field(default_factory=list)
    steps: list[StepsOutcome] = field(default_factory=list)
    light: list[LightOutcome] = field(default_factory=list)
    void: list[str] = field(default_factory=list)
    """The void runs, each with its reason."""


def run(wanted: Scale, *, say: Callable[[str], None]) -> ScaleResults:
    """Measure all parts, with brokers of their own; void runs are kept with their reasons."""
    results = ScaleResults()

    @contextmanager
    def measuring(name: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        except VoidRun as reason:
            results.void.append(f"{name}: {reason}")
            say(f"VOID {results.void[-1]}")
        else:
            say(f"{name}: measured in {time.perf_counter() - begin:.0f} s")

    with tempfile.TemporaryDirectory(prefix="shipmate-bench-") as name:
        folder = Path(name)
        if "queue" in wanted.parts:
            with RabbitMQNode() as node:
                # Once without measuring, so that byte code is compiled.
                shared_queue.run(Crowd(1, 0, seconds=0.5), node.uri, folder, name="warm-up")
                for wait_ms in WAITS_MS:
                    for count in wanted.containers:
                        with measuring(f"{count} containers, API after {wait_ms} ms"):
                            crowd = Crowd(count, wait_ms, seconds=wanted.seconds)
                            results.crowds.append(shared_queue.run(crowd, node.uri, folder, name="bench"))
        for count in wanted.steps if "steps" in wanted.parts else ():
            with RabbitMQNode() as node, measuring(f"{count} steps"):
                results.steps.append(idle_steps.run(count, node, folder, idle_seconds=wanted.idle_seconds))
        for count in wanted.light_steps if "light" in wanted.parts else ():
            with RabbitMQNode() as node:
                results.light.append(light(count, node))
            say(f"{count} light steps: measured")
    return results


def light(steps: int, node: RabbitMQNode, *, is_killed: bool = True) -> LightOutcome:
    """Open so many light steps at a broker, expire their token, and kill and start the broker if ``is_killed``."""
    before = figures_of(node)
    with StepQueues(node.uri, name="bench") as queues:
        for number in range(steps):
            queues.channel.queue_declare(_QUEUE.format(number), durable=True)
        declared = figures_of(node)
        with LightSteps(Light(node.uri, steps, _QUEUE, queues.exchange)) as fleet:
            opened = fleet.ask("open")
            found = figures_of(node)
            refresh = fleet.ask("refresh", _REFRESH_SECONDS, _LOOK_SECONDS)
            reopened = _reopen(fleet, node, queues) if is_killed else {}
    return LightOutcome(steps, before, declared, found, opened, refresh, reopened)


def _reopen(fleet: LightSteps, node: RabbitMQNode, queues: StepQueues) -> dict[str, Any]:
    """Kill and start the broker, and return how the light steps came back."""
    queues.close()
    begin = time.perf_counter()
    node.kill()
    node.start()
    up = time.perf_counter()
    reopened = fleet.ask("reopened")
    total_seconds = time.perf_counter() - up
    queues.connect()
    return {**reopened, "broker_seconds": up - begin, "total_seconds": total_seconds}
