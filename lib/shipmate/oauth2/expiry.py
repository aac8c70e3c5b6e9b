"""The expiry of access tokens, from the many forms in which providers send it. Pure; time is an argument.

Source: RFC 6749 §5.1.
"""

from dataclasses import dataclass
from typing import Final

from shipmate.oauth2.keys import Keys

_LONGEST_SKEW_SECONDS: Final = 60.0
_LATEST_SECONDS: Final = 1e11
"""Larger numbers are not seconds since 1970, but milliseconds or still smaller units."""
_SKEW_SHARE_OF_LIFE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Expiry:
    """The expiry of an access token: ``at`` in monotonic seconds, after a life of ``life_seconds`` if known."""

    at: float
    life_seconds: float | None = None

    def is_past(self, now: float) -> bool:
        """Tell whether the token has expired."""
        return now >= self.at

    def is_due(self, now: float, *, haste: float = 1.0) -> bool:
        """Tell whether the token has expired or soon will: within a minute, or a tenth of its life if shorter.

        Args:
            now: Monotonic seconds.
            haste: How many times that span before its expiry the token is due.
        """
        life = self.life_seconds
        skew = _LONGEST_SKEW_SECONDS if life is None else min(_LONGEST_SKEW_SECONDS, life * _SKEW_SHARE_OF_LIFE)
        return now >= self.at - skew * haste


def answered_expiry(answer: Keys, *, asked_at: float, wall_clock: float) -> Expiry | None:
    """Return the expiry in a token response that has just arrived, None if it has no valid one.

    Args:
        answer: The token response.
        asked_at: Monotonic seconds at the start of the request.
        wall_clock: Epoch seconds at the same moment.
    """
    life = life_of(answer)
    if life is not None:
        return Expiry(asked_at + life, life)
    return stored_expiry(answer, now=asked_at, wall_clock=wall_clock)


def stored_expiry(keys: Keys, *, now: float, wall_clock: float) -> Expiry | None:
    """Return the expiry of stored keys from ``expires_at``; ``expires_in`` alone has no start.

    Args:
        keys: The stored keys.
        now: Monotonic seconds.
        wall_clock: Epoch seconds at the same moment.
    """
    expires_at = _moment(keys.get("expires_at"))
    if expires_at is None:
        return None
    return Expiry(now + expires_at - wall_clock, life_of(keys))


def dated(answer: Keys, *, wall_clock: float) -> Keys:
    """Return a token response with ``expires_at`` (epoch seconds), so that its expiry is known after a restart.

    A response that has one, or that has no ``expires_in``, is returned as it is.

    >>> dated({"access_token": "a", "expires_in": "3600"}, wall_clock=1000.5)
    {'access_token': 'a', 'expires_in': '3600', 'expires_at': 4600}

    Args:
        answer: The token response.
        wall_clock: Epoch seconds at the start of the request.
    """
    life = life_of(answer)
    if life is None or answer.get("expires_at") is not None:
        return answer
    return {**answer, "expires_at": int(wall_clock + life)}


def life_of(keys: Keys) -> float | None:
    """Return how many seconds the access token lives, None if ``expires_in`` does not say it."""
    return _positive_number(keys.get("expires_in"))


def _moment(value: object) -> float | None:
    """Return epoch seconds from a number or a text: seconds, milliseconds or less, an ISO 8601 date, an HTTP date.

    >>> [_moment(value) for value in (1764547200, "1764547200000", "2025-12-01T00:00:00Z", "never")]
    [1764547200.0, 1764547200.0, 1764547200.0, None]
    """
    number = _positive_number(value)
    if number is not None:
        while number > _LATEST_SECONDS:
            number /= 1000
        return number
    return _date(value) if isinstance(value, str) else None


def _date(text: str) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.strip())
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return seconds if seconds > 0 else None
    return None


def _positive_number(value: object) -> float | None:
    """Return a positive finite number, also from text: providers send ``"3600"``, and ``0`` for "never"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < 1e20 else None
