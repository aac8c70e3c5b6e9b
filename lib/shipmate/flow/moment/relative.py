"""Says how long ago a date is, or when it will be."""

from typing import Final

_DAYS_PER_MONTH: Final = 146097 / 4800
"""400 years have 146,097 days."""
_SECOND_MS: Final = 1_000
_DAY_MS: Final = 86_400_000


def humanized(months: int, milliseconds: float, *, with_suffix: bool) -> str:
    """Return a length of time in words: ``2 hours ago``.

    Args:
        months: Whole months; negative in the past.
        milliseconds: The rest; negative in the past.
        with_suffix: Whether to add ``in`` or ``ago``.

    >>> humanized(0, -7_200_000, with_suffix=True), humanized(14, 0, with_suffix=False)
    ('2 hours ago', 'a year')
    """
    is_future = months > 0 or milliseconds > 0
    words = _words(abs(months), abs(milliseconds))
    if not with_suffix:
        return words
    return f"in {words}" if is_future else f"{words} ago"


def _words(months: int, milliseconds: float) -> str:
    days = _round(months * _DAYS_PER_MONTH) + milliseconds / _DAY_MS
    all_months = months + milliseconds / _DAY_MS / _DAYS_PER_MONTH
    seconds = _round(days * _DAY_MS / _SECOND_MS)
    if seconds <= 44:
        return "a few seconds"
    for amount, limit, one, many in (
        (_round(days * 1440), 45, "a minute", "minutes"),
        (_round(days * 24), 22, "an hour", "hours"),
        (_round(days), 26, "a day", "days"),
        (_round(all_months), 11, "a month", "months"),
    ):
        if amount <= 1:
            return one
        if amount < limit:
            return f"{amount} {many}"
    years = _round(all_months / 12)
    return "a year" if years <= 1 else f"{years} years"


def _round(value: float) -> int:
    """Round as JavaScript does: halves up."""
    return int(value + 0.5)
