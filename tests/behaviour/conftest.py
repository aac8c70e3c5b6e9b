"""A step on each transport."""

import pytest

from tests.station import Start, proxy, start_amqp, start_at_proxy, start_in_memory

__all__ = ["proxy", "start", "start_amqp", "start_at_proxy", "start_in_memory"]


@pytest.fixture(params=["start_in_memory", "start_amqp", "start_at_proxy"], ids=["memory", "amqp", "proxy"])
def start(request: pytest.FixtureRequest) -> Start:
    """Starts steps on each transport."""
    chosen: Start = request.getfixturevalue(request.param)
    return chosen
