"""The gate that counts the events of a call."""

import threading
from collections.abc import Callable

import pytest

from shipmate.errors import MessageEnded
from shipmate.invocation.gate import Gate


def gate(*, stays_open: bool = False) -> Gate:
    return Gate(stays_open=stays_open)


def test_a_closed_gate_lets_only_keys_pass() -> None:
    closed = gate()
    closed.close()
    with pytest.raises(MessageEnded, match='"data" was emitted after the end'):
        closed.enter("data")
    closed.enter_always()
    closed.leave()


@pytest.mark.parametrize("stays_open", [False, True])
def test_the_second_end_is_ignored(stays_open: bool, caplog: pytest.LogCaptureFixture) -> None:
    ended = gate(stays_open=stays_open)
    assert ended.enter("end")
    ended.leave()
    assert not ended.enter("end")
    assert "has emitted end twice" in caplog.text
    ended.close()  # would wait for the second one if it were counted


def test_the_first_end_keeps_other_events_out_unless_the_rules_say_otherwise() -> None:
    ended, open_ = gate(), gate(stays_open=True)
    assert ended.enter("end")
    assert open_.enter("end")
    with pytest.raises(MessageEnded):
        ended.enter("data")
    assert open_.enter("data")


def test_a_last_event_closes_the_gate_only_alone() -> None:
    alone = gate()
    alone.enter("data")
    assert alone.close_if_alone()
    with pytest.raises(MessageEnded):
        alone.enter("data")

    crowded = gate()
    crowded.enter("data")
    crowded.enter("snapshot")
    assert not crowded.close_if_alone()
    assert crowded.enter("data")


def test_a_last_event_does_not_close_the_gate_after_one_in_the_background() -> None:
    """The failure of that one may not have been seen, and is reported at the end."""
    seen = gate()
    seen.enter("data", is_background=True)
    seen.leave()
    seen.enter("data")
    assert not seen.close_if_alone()


@pytest.mark.parametrize(("own", "wait"), [(0, Gate.close), (1, Gate.wait_for_others)])
def test_the_end_waits_for_the_events_of_other_threads(own: int, wait: "Callable[[Gate], None]") -> None:
    waited = gate()
    for _ in range(own):
        waited.enter("end")
    waited.enter_always()
    left = threading.Event()

    def leave() -> None:
        left.set()
        waited.leave()

    threading.Timer(0, leave).start()
    wait(waited)
    assert left.is_set()
