"""Steps on transports in memory."""

import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipmate.container.startup import Installation
from shipmate.container.step import Step
from shipmate.emulator import Platform
from shipmate.logs.log import Redactor
from shipmate.settings import StepSettings
from tests.container import COMPONENT
from tests.memory_transport import ObservedTransport
from tests.station import environ_without_broker, start_in_memory

__all__ = ["start_in_memory"]


@pytest.fixture
def process_state() -> Iterator[None]:
    """Leave signals and the collection of garbage as they were."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def transport() -> ObservedTransport:
    """A transport in memory."""
    return ObservedTransport()


@pytest.fixture
def new_step(platform: Platform, transport: ObservedTransport, process_state: None) -> Iterator[Callable[..., Step]]:
    """Makes steps of the component on the transport."""
    made: list[Step] = []

    def new(function: str = "commands", *, folder: Path = COMPONENT, **settings: object) -> Step:
        values = environ_without_broker(platform, FUNCTION=function, **settings)
        one = Step(StepSettings.from_environ(values), Installation(folder, values, Redactor()), transport.made)
        made.append(one)
        return one

    yield new
    for one in made:
        one._events.close()
