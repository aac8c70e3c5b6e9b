"""Decides how long to wait before the next connection, and before a request is repeated. Pure; no clock.

Source: proxy §8.2, §10.1.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shipmate.settings import ProxySettings

_REQUEST_JITTER: Final = 0.2
# 2^64 ms are longer than any limit.
_MOST_DOUBLINGS: Final = 64
_LEAST_MS: Final = 10
"""No setting lets a container connect again and again without a pause."""
_HURRIED_MS: Final = 200
"""The longest pause between two attempts of a request while the process is stopping, as over AMQP."""


def _uniform() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - spreads attempts, hides nothing


@dataclass(frozen=True, slots=True)
class Delays:
    """The pauses of one process.

    >>> delays = Delays(ProxySettings("http://proxy:5001", "secret", reconnect_jitter=0), uniform=lambda: 0.0)
    >>> [delays.reconnect_seconds(attempt) for attempt in (1, 2, 3, 9)]
    [1.0, 2.0, 4.0, 30.0]
    >>> [delays.poll_seconds(failure) for failure in (1, 2, 3)]
    [0.1, 1.0, 2.0]
    >>> [delays.request_seconds(failure) for failure in (1, 2, 3, 100)]
    [0.1, 0.2, 0.4, 300.0]
    """

    settings: ProxySettings = field(repr=False)
    uniform: Callable[[], float] = _uniform
    """Returns a random number between -1 and 1."""

    def reconnect_seconds(self, attempt: int) -> float:
        """Return the pause before an attempt to connect; the first one is 1."""
        settings = self.settings
        growth = max(1.0, settings.reconnect_multiplier) ** min(attempt - 1, _MOST_DOUBLINGS)
        delay_ms = min(settings.reconnect_initial_delay_ms * growth, settings.reconnect_max_delay_ms)
        delay_ms = max(delay_ms, _LEAST_MS)
        return self._spread(delay_ms / 1000, settings.reconnect_jitter)

    def poll_seconds(self, failure: int) -> float:
        """Return the pause after a poll that has failed, once or several times in a row: a short one at first."""
        if failure == 1:
            return min(self.reconnect_seconds(1), self._spread(0.1, self.settings.reconnect_jitter))
        return self.reconnect_seconds(failure - 1)

    def request_seconds(self, failure: int, *, is_hurried: bool = False) -> float:
        """Return the pause after a POST that has failed, once or several times."""
        settings = self.settings
        delay_ms = min(
            settings.request_delay_ms * 2 ** min(failure - 1, _MOST_DOUBLINGS), settings.request_max_delay_ms
        )
        return self._spread((min(delay_ms, _HURRIED_MS) if is_hurried else delay_ms) / 1000, _REQUEST_JITTER)

    def _spread(self, seconds: float, jitter: float) -> float:
        return seconds * (1 + jitter * self.uniform())
