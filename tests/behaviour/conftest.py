"""A step on each transport."""

from collections.abc import Iterator

import pytest

from shipmate.emulator import RabbitMQNode, StepQueues
from tests.station import Start, proxy, start_amqp, start_at_proxy, start_in_memory

__all__ = ["proxy", "start", "start_amqp", "start_at_proxy", "start_in_memory"]


@pytest.fixture(scope="module")
def declared_queues(rabbitmq: RabbitMQNode) -> Iterator[StepQueues]:
    """The queues of a module's steps: to declare and delete some for each test costs more than most of these tests.

    No longer than a module, since tests of other modules stop the broker.
    """
    with StepQueues(rabbitmq.uri, name="steps") as declared:
        yield declared


@pytest.fixture
def queues(declared_queues: StepQueues) -> StepQueues:
    """The queues of a step, empty. A step in the test's own process has closed its connections when it has stopped."""
    declared_queues.purge()
    return declared_queues


@pytest.fixture(params=["start_in_memory", "start_amqp", "start_at_proxy"], ids=["memory", "amqp", "proxy"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts steps on each transport."""
    chosen: Start = request.getfixturevalue(request.param)
    return chosen
