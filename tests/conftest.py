"""Fixtures and settings of all tests."""

import gc
import logging
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

from shipmate.emulator import Platform, RabbitMQNode, StepQueues
from shipmate.logs.formats import LogHandler
from tests.container import Launch, closing

# A busy machine is no defect, and the timeout of pytest ends tests that hang.
# Half of Hypothesis' usual examples: coverage makes each of them slow, and each run tries others.
# CI tries the same ones each time: a change is not refused for a fault that was there before.
settings.register_profile("shipmate", deadline=None, max_examples=50, derandomize=bool(os.environ.get("CI")))
settings.load_profile("shipmate")

# A program that is run by hand; it needs packages that only make its schemas.
collect_ignore = ["schemas/renew.py"]

COMPONENT = ("actions", "triggers", "verify_credentials", "shipmate_component_")


def modules_of_components() -> list[str]:
    """Return the names of the loaded modules that belong to a component: all components have modules of these names."""
    return _modules_of_components(len(sys.modules), next(reversed(sys.modules)))


@lru_cache(maxsize=1)
def _modules_of_components(count: int, last: str) -> list[str]:
    # Not asked again until a module is loaded or removed: there are two thousand of them, and it runs around each test.
    return [name for name in sys.modules if name.startswith(COMPONENT)]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the number of random plays, each on all transports, and of messages that survive failures."""
    parser.addoption("--plays", type=int, default=30, help="number of random plays on all transports")
    parser.addoption("--messages", type=int, default=40, help="number of messages of the tests with random failures")


class DoctestsOfFilesWithAny:
    """Leaves files without ``>>>`` out of the search for doctests, which looks at each name of a module."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Path) -> Iterator[None]:
        """Return what is collected from a file."""
        found = yield
        if any(isinstance(each, DoctestModule) for each in found) and b">>>" not in file_path.read_bytes():
            return [each for each in found if not isinstance(each, DoctestModule)]
        return found


def pytest_configure(config: pytest.Config) -> None:
    """Add the rule of doctests as a plugin: a hook of this file counts only for the files below its folder."""
    config.pluginmanager.register(DoctestsOfFilesWithAny())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return two workers more than there are cores: a third of the time, a worker waits for a process or a timeout."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Leave what is collected, half a million objects that stay, out of all searches for garbage."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules and end with the shortest, so that no worker waits for the last one of another."""
    items.sort(key=lambda item: ("end_to_end" not in item.path.parts, "unit" in item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Escape lone surrogates in captured output, which a worker cannot send to the process that reports."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> None:
    """Take signals as in a terminal: ``nohup`` and ``&`` ignore some, and so would the processes that tests start."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def coverage_of_processes() -> Iterator[dict[str, str]]:
    """Take out the variables that let coverage measure the processes that tests start, and return them.

    To measure a process costs 0.15 s of CPU time, more than most of them need. `measured` puts the variables back.
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_PROCESS_")}
    yield taken
    os.environ.update(taken)


@pytest.fixture
def measured(coverage_of_processes: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let coverage measure the processes of a test: those that run code which the tests run in no process of theirs."""
    for name, value in coverage_of_processes.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def one_component_for_each_test() -> Iterator[None]:
    """Hide the component of one test from the next: a process can load only one, since module names are equal."""
    path = list(sys.path)
    hidden = {name: sys.modules.pop(name) for name in modules_of_components()}
    yield
    sys.path[:] = path
    for name in modules_of_components():
        del sys.modules[name]
    sys.modules.update(hidden)


@pytest.fixture(autouse=True)
def one_log_for_each_test() -> Iterator[None]:
    """Restore the log: a test that runs a command in this process leaves a handler, whose stream ends with the test."""
    root = logging.getLogger()
    handlers, level, factory = root.handlers[:], root.level, logging.getLogRecordFactory()
    yield
    root.handlers[:] = [each for each in root.handlers if each in handlers or not isinstance(each, LogHandler)]
    root.setLevel(level)
    logging.setLogRecordFactory(factory)


@pytest.fixture
def usual_recursion_limit() -> Iterator[None]:
    """Set the limit of a fresh process: containers raise it, and so does the import of jsonata-python."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


@pytest.fixture
def own_rabbitmq(rabbitmq: RabbitMQNode) -> Iterator[RabbitMQNode]:
    """The broker of all tests, for one that stops it and starts it again: no other runs meanwhile in this process."""
    yield rabbitmq
    rabbitmq.start()  # if the test has failed


@pytest.fixture
def queues(rabbitmq: RabbitMQNode) -> Iterator[StepQueues]:
    """The queues of a step, with unique names."""
    with StepQueues(rabbitmq.uri, name=f"test-{uuid.uuid4().hex[:8]}") as declared:
        yield declared


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A platform with one step and its account."""
    steps = {"flow": {"step": {"config": {"_account": "account", "region": "eu"}, "variables": {"stage": "test"}}}}
    with Platform(steps=steps, accounts={"account": {}}) as started:
        yield started


@pytest.fixture
def launch(queues: StepQueues, platform: Platform) -> Iterator[Launch]:
    """A function that starts containers for the queues and the platform; they are killed at the end."""
    with closing(Launch(queues, platform)) as launch:
        yield launch
