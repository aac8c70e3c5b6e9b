"""Measures how long the broker has confirmed nothing, and limits it. Pure; time is an argument."""

from typing import Final

_TIMES_THE_USUAL: Final = 3
_LONGEST_USUAL_SECONDS: Final = 5.0
_FADING: Final = 0.95
_SLOWEST_BYTES_PER_SECOND: Final = 20_000_000
"""A large message takes time to reach the broker."""
_TIME_TO_READ_SECONDS: Final = 0.05
"""Time between two looks in which the I/O thread reads confirms that have already arrived."""


class Silence:
    """Measures the time since the last confirm, in seconds of any clock.

    >>> silence = Silence(now=100.0)
    >>> silence.confirmed(now=101.0)
    >>> silence.seconds(now=103.5)
    2.5
    """

    def __init__(self, now: float) -> None:
        """Begin now."""
        self._since = now
        self._usual_seconds = 0.0
        """The longest time until a confirm; older ones fade with each later confirm."""
        self._first_look: tuple[float, float] | None = None
        """Begin of the silence that was looked at last, and the time of the first look at it."""

    def restart(self, now: float) -> None:
        """Measure from now on: until now the broker owed no confirm, or was allowed to wait."""
        self._since = now

    def confirmed(self, now: float) -> None:
        """Note a confirm."""
        self._usual_seconds = max(now - self._since, _FADING * self._usual_seconds)
        self._since = now

    def seconds(self, now: float) -> float:
        """Return how long the broker has confirmed nothing."""
        return now - self._since

    def is_too_long(self, now: float, limit_seconds: float, unconfirmed_bytes: int) -> bool:
        """Return whether waiting for a confirm is pointless; False at the first look at a silence.

        A second look is needed because confirms may have arrived that the I/O thread has not read yet.

        Args:
            now: The time.
            limit_seconds: The least time to wait; three times the usual delay of the broker is waited as well, up to
                5 s, and the time that the unconfirmed bytes take to reach it.
            unconfirmed_bytes: Size of the messages that the broker has not confirmed.
        """
        if self._first_look is None or self._first_look[0] != self._since:
            self._first_look = self._since, now
        usual_seconds = min(_TIMES_THE_USUAL * self._usual_seconds, _LONGEST_USUAL_SECONDS)
        patience = max(limit_seconds, usual_seconds) + unconfirmed_bytes / _SLOWEST_BYTES_PER_SECOND
        return now - self._since >= patience and now - self._first_look[1] >= _TIME_TO_READ_SECONDS
