"""A step on each transport."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from shipmate.emulator import Platform, StepQueues
from tests.station import AmqpStation, MemoryStation, Start


@pytest.fixture
def start_amqp(platform: Platform, queues: StepQueues) -> Iterator[Callable[..., AmqpStation]]:
    """Starts steps at RabbitMQ: ``start_amqp("told", PROTOCOL_VERSION=2)``; they are stopped at the end."""
    with ExitStack() as stack:

        def start(function: str = "told", **settings: object) -> AmqpStation:
            station = AmqpStation(platform, queues, function, **settings)
            stack.callback(station.stop)
            return station

        yield start


@pytest.fixture
def start_in_memory(platform: Platform) -> Iterator[Callable[..., MemoryStation]]:
    """Starts steps on a transport in memory; they are stopped at the end."""
    with ExitStack() as stack:

        def start(function: str = "told", **settings: object) -> MemoryStation:
            station = MemoryStation(platform, function, **settings)
            stack.callback(station.stop)
            return station

        yield start


@pytest.fixture(params=["start_in_memory", "start_amqp"], ids=["memory", "amqp"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts steps on each transport: ``start("told", PROTOCOL_VERSION=2)``."""
    chosen: Start = request.getfixturevalue(request.param)
    return chosen
