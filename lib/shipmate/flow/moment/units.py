"""The names of units, and the lengths of those that always have the same."""

from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = {
    "year": "y", "quarter": "Q", "month": "M", "week": "w", "isoWeek": "W", "day": "d", "date": "D", "dayOfYear": "DDD",
    "hour": "h", "minute": "m", "second": "s", "millisecond": "ms", "weekday": "e", "isoWeekday": "E",
    "weekYear": "gg", "isoWeekYear": "GG",
}  # fmt: skip
_ALIASES: Final[Mapping[str, str]] = {
    alias: unit
    for unit, short in _NAMES.items()
    for alias in (unit.lower(), f"{unit.lower()}s", short)
}  # fmt: skip
MILLISECONDS: Final = {"millisecond": 1, "second": 1_000, "minute": 60_000, "hour": 3_600_000}
"""The lengths of the units that days consist of."""
DAY_MS: Final = 86_400_000
_MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
_DAYS: Final = {"day": 1, "week": 7, "isoWeek": 7}


def unit_of(name: Any) -> str | None:
    """Return the unit of a name, None if there is none.

    >>> unit_of("M"), unit_of("m"), unit_of("Days"), unit_of("fortnight")
    ('month', 'minute', 'day', None)
    """
    if not isinstance(name, str):
        return None
    return _ALIASES.get(name) or _ALIASES.get(name.lower())


def number_of(value: Any) -> float | None:
    """Return a number that may be written as text, None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if isinstance(value, str) and value.strip() else None
    except ValueError:
        return None


class Span:
    """A length of time: months and days have different lengths, the rest is milliseconds."""

    __slots__ = ("days", "milliseconds", "months")

    def __init__(self, months: float = 0, days: float = 0, milliseconds: float = 0) -> None:
        """Store the parts; moment rounds months and days, halves away from zero."""
        self.months = _rounded(months)
        self.days = _rounded(days)
        self.milliseconds = milliseconds

    @classmethod
    def of(cls, amounts: Mapping[str, Any]) -> "Span":
        """Return the sum of amounts by the names of their units: ``{"days": 1, "h": 2}``."""
        months = days = milliseconds = 0.0
        for name, value in amounts.items():
            unit, amount = unit_of(name), number_of(value) or 0
            months += amount * _MONTHS.get(unit or "", 0)
            days += amount * _DAYS.get(unit or "", 0)
            milliseconds += amount * MILLISECONDS.get(unit or "", 0)
        return cls(months, days, milliseconds)


def _rounded(value: float) -> int:
    return int(value + 0.5) if value >= 0 else -int(-value + 0.5)
