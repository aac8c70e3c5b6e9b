"""Calls of functions, as every run mode makes them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shipmate.errors import MissingSetting
from shipmate.invocation import executor
from shipmate.invocation.executor import Outcome
from shipmate.invocation.services import Services
from shipmate.invocation.sink import Sink
from shipmate.logs.log import Redactor
from tests.unit.invocation.functions import IDS, SECRET, Run


class SharedServices:
    """The services of OAuth2, that a test knows again."""

    def get(self) -> object:
        return self


def no_platform() -> Any:
    raise MissingSetting("ELASTICIO_API_URI is not set")


@pytest.fixture
def services() -> Iterator[Services]:
    redactor = Redactor()
    redactor.add(SECRET)
    made = Services(redactor, SharedServices(), no_platform, {"region": "eu"})  # type: ignore[arg-type]
    yield made
    made.loops.close()


@pytest.fixture
def run(services: Services) -> Run:
    def run(function: Callable[..., Any], sink: Sink, *, msg: Any = None) -> Outcome:
        return executor.process(function, msg or {}, {}, {}, sink=sink, services=services, ids=IDS)

    return run
