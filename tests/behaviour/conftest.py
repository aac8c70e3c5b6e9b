"""A step on each transport."""

import pytest

from tests.station import Start, start_amqp, start_in_memory

__all__ = ["start", "start_amqp", "start_in_memory"]


@pytest.fixture(params=["start_in_memory", "start_amqp"], ids=["memory", "amqp"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts steps on each transport."""
    chosen: Start = request.getfixturevalue(request.param)
    return chosen
