"""What all tests share."""

import sys
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from shipmate.emulator import Platform, RabbitMQNode, StepQueues
from shipmate.testing.plugin import rabbitmq_node
from tests.container import Launch, closing

# A busy machine is no defect; what hangs is ended by the time limit of every test.
settings.register_profile("shipmate", deadline=None)
settings.load_profile("shipmate")

COMPONENT = frozenset({"actions", "triggers", "verify_credentials"})


def is_of_a_component(name: str) -> bool:
    """Tell whether a module is one that every component has under the same name, or that has none of its own."""
    return name.partition(".")[0] in COMPONENT or name.startswith("shipmate_component_")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules and end with the shortest, so that no worker waits for the last one of another."""
    items.sort(key=lambda item: ("end_to_end" not in item.path.parts, "unit" in item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Escape lone surrogates in what was captured: a worker could not send them to the process that reports."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def one_component_for_each_test() -> Iterator[None]:
    """Keep the components that tests load apart: a process has one, and their modules have the same names."""
    path = list(sys.path)
    set_aside = {name: module for name, module in sys.modules.items() if is_of_a_component(name)}
    for name in set_aside:
        del sys.modules[name]
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if is_of_a_component(name)]:
        del sys.modules[name]
    sys.modules.update(set_aside)


@pytest.fixture(scope="module")
def own_rabbitmq() -> Iterator[RabbitMQNode]:
    """A broker for the tests of one module, which may stop it, and leave it running again."""
    with rabbitmq_node() as node:
        yield node


@pytest.fixture
def queues(rabbitmq: RabbitMQNode) -> Iterator[StepQueues]:
    """The queues of a step, under names that no other test has."""
    with StepQueues(rabbitmq.uri, name=f"test-{uuid.uuid4().hex[:8]}") as made:
        yield made


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A platform that has one step, with an account."""
    steps = {"flow": {"step": {"config": {"_account": "account", "region": "eu"}, "variables": {"stage": "test"}}}}
    with Platform(steps=steps, accounts={"account": {}}) as made:
        yield made


@pytest.fixture
def launch(queues: StepQueues, platform: Platform) -> Iterator[Launch]:
    """Starts containers for the queues and the platform; they are killed at the end."""
    with closing(Launch(queues, platform)) as made:
        yield made
