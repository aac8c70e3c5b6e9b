"""The count of unsettled messages."""

import threading

from shipmate.container.threads.inflight import InFlight

SECONDS = 10


def test_without_messages_there_is_nothing_to_wait_for() -> None:
    """A step that is idle stops at once."""
    assert InFlight().wait_for_none(0)


def test_a_message_in_work_is_waited_for_until_the_time_is_up() -> None:
    """A step that stops does not wait for ever."""
    in_flight = InFlight()
    in_flight.begin()
    assert not in_flight.wait_for_none(0)


def test_the_wait_ends_with_the_last_message() -> None:
    """Not with the first one."""
    in_flight = InFlight()
    in_flight.begin()
    in_flight.begin()
    outcome: list[bool] = []
    waiting = threading.Thread(target=lambda: outcome.append(in_flight.wait_for_none(SECONDS)))
    waiting.start()
    in_flight.end()
    assert not in_flight.wait_for_none(0)
    in_flight.end()
    waiting.join(SECONDS)
    assert outcome == [True]
