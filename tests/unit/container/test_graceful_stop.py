"""How a step stops on a signal, without a broker and in the test's own process."""

import signal
import threading
from collections.abc import Callable

import pytest

from shipmate.container.step import Step
from tests.memory_transport import ObservedTransport
from tests.station import Station


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_an_idle_step(
    new_step: Callable[..., Step], transport: ObservedTransport, number: signal.Signals
) -> None:
    """Contract 17.9."""
    transport.on_consume = lambda: signal.raise_signal(number)
    assert new_step().run() == 0
    assert (transport.is_consuming, transport.is_closed) == (False, True)


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
