"""How a step starts and ends, without a broker and in the test's own process."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipmate.container import step
from shipmate.container.step import Step
from shipmate.emulator import Fault, Platform, Received
from shipmate.errors import BrokerLost
from tests.memory_transport import MemoryTransport, ObservedTransport
from tests.station import Station


def failure_of(transport: MemoryTransport) -> Any:
    """Return the one error that was published."""
    (error,) = transport.published
    assert (error.event, error.delivery) == ("error", None)
    return Received(error.body, error.metadata, None, "", Station.cipher).error


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


def test_a_signal_that_another_thread_gets_while_the_step_connects_ends_it_at_once(
    new_step: Callable[..., Step], transport: ObservedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While threads start, the kernel gives some signals to them, and these do not end a wait of the main thread."""
    ended = threading.Event()
    statuses: list[int] = []
    noticed: list[bool] = []

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    def get_signal() -> None:
        while not ended._cond._waiters:  # type: ignore[attr-defined]
            pass
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def on_open() -> None:
        threading.Thread(target=get_signal).start()
        noticed.append(ended.wait(5))

    monkeypatch.setattr(os, "_exit", end)
    transport.on_open = on_open
    transport.on_consume = transport.lose
    new_step().run()
    assert (statuses, noticed) == ([0], [True])


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


def test_a_component_that_handles_signals_does_not_keep_the_step_from_ending(
    new_step: Callable[..., Step], transport: ObservedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries set handlers of their own when they are imported; a signal may come as soon as the step consumes."""

    def on_consume() -> None:
        signal.raise_signal(signal.SIGTERM)
        transport.lose()  # ends the step with status 1 if it has not received the signal

    monkeypatch.setenv("TEST_DEAF", "1")
    transport.on_consume = on_consume
    before = signal.getsignal(signal.SIGTERM)
    assert new_step("hooked").run() == 0
    assert signal.getsignal(signal.SIGTERM) == before
