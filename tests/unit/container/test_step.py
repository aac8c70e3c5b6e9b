"""How a step starts, stops and ends, without a broker and in the test's own process."""

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shipmate.container import step
from shipmate.container.startup import Installation
from shipmate.container.step import Step, shut_down
from shipmate.container.transport import Delivery, Transport
from shipmate.emulator import Fault, Platform, Received
from shipmate.errors import BrokerLost
from shipmate.logs.log import Redactor
from shipmate.settings import ShutdownSettings, StepSettings
from tests.container import COMPONENT
from tests.memory_transport import MemoryTransport
from tests.station import WITHOUT_BROKER, Station

STARTUP = "/sailor-support/hooks/task/flow/startup/data"


class ObservedTransport(MemoryTransport):
    """Does what a test wants when messages may come, or when the connection is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.on_open: Callable[[], None] = lambda: None
        self.on_consume: Callable[[], None] = lambda: None

    def made(self, settings: StepSettings, *, on_lost: Callable[[BaseException], None]) -> Transport:
        self._on_lost = on_lost
        return self

    def wait_until_open(self) -> None:
        self.on_open()

    def consume(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        super().consume(work, on_consuming)
        self.on_consume()


@pytest.fixture(autouse=True)
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
def new_step(platform: Platform, transport: ObservedTransport) -> Iterator[Callable[..., Step]]:
    """Makes steps of the component on the transport."""
    made: list[Step] = []

    def new(function: str = "commands", *, folder: Path = COMPONENT, **settings: object) -> Step:
        values = environ(platform, FUNCTION=function, **settings)
        one = Step(StepSettings.from_environ(values), Installation(folder, values, Redactor()), transport.made)
        made.append(one)
        return one

    yield new
    for one in made:
        one._events.close()


def environ(platform: Platform, **settings: object) -> Mapping[str, str]:
    """Return what the platform sets."""
    values = {**WITHOUT_BROKER, **settings}
    prefixed = {name if "SHIPMATE" in name else f"ELASTICIO_{name}": str(value) for name, value in values.items()}
    return {**platform.environ(), **prefixed}


def failure_of(transport: MemoryTransport) -> Any:
    """Return the one error that was published."""
    (error,) = transport.published
    assert (error.event, error.delivery) == ("error", None)
    return Received(error.body, error.metadata, None, "", Station.cipher).error


@pytest.mark.parametrize("state", ["null", "[]", "7", "true", '""', "{}"])
def test_an_empty_state_is_stored_as_an_empty_object(
    new_step: Callable[..., Step], platform: Platform, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Contract 1.3, without DEF-19."""
    monkeypatch.setenv("TEST_STATE", state)
    new_step("hooked", STARTUP_REQUIRED="1").start()
    assert platform.startup_data["flow"] == {}


@pytest.mark.parametrize("hook", ["startup", "init"])
def test_a_hook_that_fails_is_published(
    new_step: Callable[..., Step], transport: ObservedTransport, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """Contract 1.5: nothing is consumed, and the connection is closed."""
    monkeypatch.setenv("TEST_FAIL", hook)
    assert new_step("hooked", STARTUP_REQUIRED="true").run() == 1
    assert failure_of(transport)["message"] == f"{hook} was told to fail"
    assert (transport.is_consuming, transport.is_closed) == (False, True)


@pytest.mark.parametrize(("function", "expected"), [("missing", "missing.py"), ("unknown", "'unknown'")])
def test_a_function_that_is_not_there_is_published(
    new_step: Callable[..., Step], transport: ObservedTransport, function: str, expected: str
) -> None:
    """Contract 1.2: known before the first message."""
    assert new_step(function).run() == 1
    assert expected in failure_of(transport)["message"]


def test_a_component_that_is_not_there_is_published(
    new_step: Callable[..., Step], transport: ObservedTransport, tmp_path: Path
) -> None:
    """Contract 1.2: the folder is named."""
    assert new_step(folder=tmp_path / "nowhere").run() == 1
    assert failure_of(transport)["message"].startswith(f"Failed to load component.json from {tmp_path / 'nowhere'}")


def test_a_platform_that_is_away_is_published(
    new_step: Callable[..., Step], transport: ObservedTransport, platform: Platform
) -> None:
    """Contract 9.5: as many attempts as the setting says."""
    platform.script("/v1/tasks/flow/steps/step", *[Fault(status=503)] * 5)
    assert new_step(API_REQUEST_RETRY_ATTEMPTS=5, API_REQUEST_RETRY_DELAY=1).run() == 1
    assert "5 attempts: HTTP 503" in failure_of(transport)["message"]
    assert len(platform.journal.requests) == 5


def test_a_transport_that_does_not_open_is_the_end(
    new_step: Callable[..., Step], transport: ObservedTransport, platform: Platform
) -> None:
    """Contract 1.2: nothing can be published, and the platform is not asked."""

    def refused() -> None:
        raise BrokerLost("nobody listens")

    transport.on_open = refused
    assert new_step().run() == 1
    assert (transport.published, platform.journal.requests) == ([], [])


def test_a_start_error_that_is_not_confirmed_is_not_waited_for_long(
    new_step: Callable[..., Step], transport: ObservedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 15, DEF-21: no process lives on that does not consume."""
    monkeypatch.setattr(step, "_START_ERROR_SECONDS", 0.01)
    transport.hold()
    assert new_step("unknown").run() == 1
    assert transport.is_closed


def test_a_transport_that_is_lost_ends_the_step_with_one(
    new_step: Callable[..., Step], transport: ObservedTransport
) -> None:
    """Contract 17.8, without DEF-5: the orchestrator starts it again."""
    transport.on_consume = transport.lose
    assert new_step().run() == 1
    assert transport.published == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_an_idle_step(
    new_step: Callable[..., Step], transport: ObservedTransport, number: signal.Signals
) -> None:
    """Contract 17.9."""
    transport.on_consume = lambda: signal.raise_signal(number)
    assert new_step().run() == 0
    assert (transport.is_consuming, transport.is_closed) == (False, True)


def test_a_signal_during_init_leaves_the_messages_to_others(
    new_step: Callable[..., Step], transport: ObservedTransport, tmp_path: Path
) -> None:
    """Contract 1.6: initialisation is finished first, and nothing is consumed."""
    (tmp_path / "component.json").write_text('{"title": "T", "actions": {"go": {"title": "Go", "main": "./go.py"}}}')
    init = "import signal\ndef init(cfg):\n    signal.raise_signal(signal.SIGTERM)\ndef process(*_): pass\n"
    (tmp_path / "go.py").write_text(init)
    consumed: list[bool] = []
    transport.on_consume = lambda: consumed.append(True)
    assert new_step("go", folder=tmp_path).run() == 0
    assert (consumed, transport.is_closed) == ([], True)


def test_a_step_that_stops_waits_for_the_messages_in_work(
    new_step: Callable[..., Step], transport: ObservedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is confirmed in time is settled."""
    message = Station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1)
    transport.hold()

    def begin() -> None:
        transport.deliver(message, {})
        signal.raise_signal(signal.SIGTERM)

    transport.on_consume = begin
    monkeypatch.setattr(transport, "hurry", lambda: threading.Thread(target=transport.confirm).start())
    assert new_step().run() == 0
    assert [is_success for _, is_success in transport.settled] == [True]


def test_a_step_that_stops_leaves_what_is_never_confirmed(
    new_step: Callable[..., Step], transport: ObservedTransport
) -> None:
    """After the time to stop, its input goes to the next container."""
    message = Station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1)
    transport.hold()

    def begin() -> None:
        transport.deliver(message, {})
        signal.raise_signal(signal.SIGTERM)

    transport.on_consume = begin
    assert new_step(SHIPMATE_STOP_SECONDS=0).run() == 0
    assert (len(transport.left), transport.settled, transport.published) == (1, [], [])


def shut(platform: Platform) -> int:
    """Run the shutdown hook."""
    values = environ(platform, FUNCTION="hooked")
    return shut_down(ShutdownSettings.from_environ(values), Installation(COMPONENT, values, Redactor()))


def test_a_shutdown_without_startup_data_does_not_call_the_hook(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 1.4: 404 is an error."""
    monkeypatch.setenv("TEST_NOTES", str(tmp_path / "notes"))
    assert shut(platform) == 1
    assert not (tmp_path / "notes").exists()


def test_a_shutdown_hook_that_fails_keeps_the_data(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contract 1.4: the platform may try again."""
    platform.startup_data["flow"] = {"subscription": 1}
    monkeypatch.setenv("TEST_FAIL", "shutdown")
    assert shut(platform) == 1
    assert platform.startup_data["flow"] == {"subscription": 1}


def test_the_shutdown_hook_gets_the_startup_data_which_is_deleted(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract 1.4, 17.10."""
    platform.startup_data["flow"] = {"subscription": 1}
    monkeypatch.setenv("TEST_NOTES", str(tmp_path / "notes"))
    assert shut(platform) == 0
    assert platform.startup_data == {}
    assert '"subscription": 1' in (tmp_path / "notes").read_text()
