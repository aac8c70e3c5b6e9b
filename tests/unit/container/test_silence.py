"""How long a broker that confirms nothing is waited for, decided from numbers alone."""

from shipmate.container.silence import Silence

LIMIT_SECONDS = 0.4


def is_too_long(silence: Silence, *times: float, unconfirmed_bytes: int = 1) -> bool:
    """Look at a silence at each of these times, and return the last answer."""
    return [silence.is_too_long(now, LIMIT_SECONDS, unconfirmed_bytes) for now in times][-1]


def test_a_silence_is_too_long_after_the_limit() -> None:
    """Not before."""
    silence = Silence(100.0)
    assert not is_too_long(silence, 100.1, 100.2, 100.3, 100.39)
    assert is_too_long(silence, 100.41)


def test_the_first_look_at_a_silence_decides_nothing() -> None:
    """Confirms may have arrived that the I/O thread has not read: the process was busy, not the broker."""
    silence = Silence(100.0)
    assert not is_too_long(silence, 105.0)
    assert not is_too_long(silence, 105.04)
    assert is_too_long(silence, 105.06)


def test_every_silence_has_a_first_look_of_its_own() -> None:
    """A confirm ends one silence and begins the next."""
    silence = Silence(100.0)
    assert is_too_long(silence, 100.3, 100.5)
    silence.confirmed(101.0)
    assert not is_too_long(silence, 104.5)
    assert is_too_long(silence, 104.6)


def test_a_silence_begins_with_a_confirm_or_a_restart() -> None:
    """A restart is a moment until which nothing could be confirmed."""
    silence = Silence(100.0)
    silence.confirmed(105.0)
    assert silence.seconds(107.0) == 2.0
    silence.restart(106.0)
    assert silence.seconds(107.0) == 1.0


def test_a_large_message_gets_time_to_reach_the_broker() -> None:
    """Twenty megabytes take a second."""
    silence = Silence(100.0)
    assert not is_too_long(silence, 100.1, 101.39, unconfirmed_bytes=20_000_000)
    assert is_too_long(silence, 101.41, unconfirmed_bytes=20_000_000)


def test_a_slow_broker_gets_three_times_its_usual_delay() -> None:
    """A broker that confirms after a second is not dead after half a second."""
    silence = Silence(100.0)
    silence.confirmed(101.0)
    assert not is_too_long(silence, 101.1, 103.9)
    assert is_too_long(silence, 104.1)


def test_the_usual_delay_fades() -> None:
    """With each confirm that comes sooner."""
    silence = Silence(100.0)
    silence.confirmed(101.0)
    for _ in range(20):
        silence.confirmed(101.0)
    usual = 0.95**20
    assert not is_too_long(silence, 101.1, 101.0 + 3 * usual - 0.01)
    assert is_too_long(silence, 101.0 + 3 * usual + 0.01)


def test_time_without_anything_to_confirm_is_not_the_brokers_delay() -> None:
    """A step may be idle for hours."""
    silence = Silence(100.0)
    silence.restart(5000.0)
    silence.confirmed(5000.01)
    assert is_too_long(silence, 5000.1, 5000.5)


def test_the_usual_delay_counts_for_five_seconds_at_most() -> None:
    """The process must end before the platform kills it."""
    silence = Silence(100.0)
    silence.confirmed(160.0)
    assert not is_too_long(silence, 160.1, 164.9)
    assert is_too_long(silence, 165.1)
