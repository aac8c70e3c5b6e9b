"""What the examples find when their tests run together with all others: the broker that these start."""

import os
from collections.abc import Iterator

import pytest

from shipmate.testing.container import URI_VARIABLE
from tests.broker import RabbitMQ, started


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A broker that the tests of all examples share."""
    node = started()
    yield node
    node.remove()


@pytest.fixture(autouse=True)
def broker_for_containers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fixture ``container`` find a broker; elsewhere whoever runs the tests names one."""
    if "container" in request.fixturenames and not os.environ.get(URI_VARIABLE):
        monkeypatch.setenv(URI_VARIABLE, request.getfixturevalue("rabbitmq").uri)
