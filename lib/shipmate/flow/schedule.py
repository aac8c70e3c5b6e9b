"""The schedule of a flow's first step: cron expressions, intervals, once. Pure; `shipmate.flow.ticker` waits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Protocol

DEFAULT: Final = "*/10 * * * *"
"""The schedule of a flow that names none. Source: the platform begins such a flow every 10 minutes."""
ONCE: Final = "once"
_INTERVAL: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MONTHS: Final = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_DAYS: Final = tuple("sun mon tue wed thu fri sat".split())
_SEARCHED_DAYS: Final = 9 * 366
"""The days in which every date comes that comes at all: 29 February can be eight years away."""
_LONGEST: Final = 200


class BadSchedule(ValueError):
    """The text is not a schedule; the message says what was expected, and what was found."""


class Schedule(Protocol):
    """Knows the moments at which a flow begins."""

    def first(self, now: datetime) -> datetime | None:
        """Return the first moment, at or after now."""

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the next moment after another one, None if there is none."""


@dataclass(frozen=True, slots=True)
class Once:
    """A schedule of one moment: now."""

    def first(self, now: datetime) -> datetime | None:
        """Return now."""
        return now

    def next_after(self, moment: datetime) -> datetime | None:
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class Interval:
    """A schedule that begins now, and again whenever the interval has passed."""

    seconds: int

    def first(self, now: datetime) -> datetime | None:
        """Return now."""
        return now

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the moment after the interval."""
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments of a cron expression in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    is_any_hour: bool = False
    """Whether the field of the hours begins with ``*``."""
    is_either_day: bool = False
    """Whether the days and the weekdays are both restricted: then one of them is enough."""
    zone: tzinfo = UTC

    def first(self, now: datetime) -> datetime | None:
        """Return the first moment at or after now."""
        return self.next_after(now - timedelta(microseconds=1))

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the next moment, in UTC; None if there is none.

        A time of day that a change of the clocks skips comes later by the length of the gap. A time of day that comes
        twice counts once, unless the expression holds for every hour.
        """
        day = moment.astimezone(self.zone).date() - timedelta(days=1)
        for _ in range(_SEARCHED_DAYS):
            if self._has_day(day):
                # A whole day can be a gap, whose times then come on the day after it.
                both = [*self._moments(day), *self._moments(day + timedelta(days=1))]
                if later := [each for each in both if each > moment]:
                    return min(later)
            if day >= date.max - timedelta(days=2):
                return None
            day += timedelta(days=1)
        return None

    def _has_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        is_day, is_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return is_day or is_weekday if self.is_either_day else is_day and is_weekday

    def _moments(self, day: date) -> Iterator[datetime]:
        """Yield the moments of a day in UTC, in no order."""
        if not self._has_day(day):
            return
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime.combine(day, time(hour, minute), self.zone)
                earlier = local.astimezone(UTC)
                yield earlier
                later = local.replace(fold=1).astimezone(UTC)
                if self.is_any_hour and later > earlier:
                    yield later


def parse_schedule(text: str, zone: tzinfo = UTC) -> Schedule:
    """Return the schedule in a text: a cron expression, an interval such as ``30s``, ``10m`` or ``1h``, or ``once``.

    Args:
        text: The text.
        zone: The time zone of a cron expression.

    Raises:
        BadSchedule: The text is none of these, or no date fits it.

    >>> parse_schedule("90s"), parse_schedule("once")
    (Interval(seconds=90), Once())
    >>> parse_schedule("30 6 * * mon-fri").next_after(datetime(2026, 1, 2, 12, tzinfo=UTC)).isoformat()
    '2026-01-05T06:30:00+00:00'
    """
    words = text.split()
    if len(words) == 5 and len(text) <= _LONGEST:
        return _cron(words, zone)
    if text.strip() == ONCE:
        return Once()
    if match := _INTERVAL.fullmatch(text.strip()):
        seconds = int(match[1]) * _SECONDS[match[2]]
        if seconds:
            return Interval(seconds)
        raise BadSchedule("expected an interval of at least 1s, found 0")
    if len(words) == 6:
        raise BadSchedule("expected a cron expression of five fields, minutes first, found six: leave out the seconds")
    raise BadSchedule(
        f'expected five fields as in "*/10 * * * *", an interval such as 30s, 10m or 1h, or "once", found {text[:50]!r}'
    )


def _cron(words: list[str], zone: tzinfo) -> Cron:
    minute, hour, day, month, weekday = words
    weekdays = frozenset(each % 7 for each in _numbers("weekdays", weekday, 0, 7, _DAYS, 0))
    cron = Cron(
        minutes=_numbers("minutes", minute, 0, 59),
        hours=_numbers("hours", hour, 0, 23),
        days=_numbers("days", day, 1, 31),
        months=_numbers("months", month, 1, 12, _MONTHS, 1),
        weekdays=weekdays,
        is_any_hour=hour.startswith("*"),
        is_either_day=not day.startswith(("*", "?")) and not weekday.startswith(("*", "?")),
        zone=zone,
    )
    if cron.next_after(datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise BadSchedule(f"expected a date that exists, found {' '.join(words)!r}")
    return cron


def _numbers(
    field: str, text: str, lowest: int, highest: int, names: tuple[str, ...] = (), first_name: int = 0
) -> frozenset[int]:
    """Return the numbers of one field: ``*/15``, ``1-5``, ``mon,wed``, ``10-50/20``."""

    def number(word: str) -> int:
        if word.lower() in names:
            return names.index(word.lower()) + first_name
        if not (word.isascii() and word.isdigit() and len(word) <= 2 and lowest <= int(word) <= highest):
            allowed = f"{lowest} to {highest}" + (f" or {names[0]} to {names[-1]}" if names else "")
            raise BadSchedule(f"expected {field} of {allowed}, found {word[:20]!r}")
        return int(word)

    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _step(field, step_text) if slash else 1
        start_text, dash, end_text = span.partition("-")
        if span in ("*", "?"):
            start, end = lowest, highest
        elif dash:
            start, end = number(start_text), number(end_text)
            if end == 0 and start and end_text.lower() == _DAYS[0]:  # fri-sun
                end = highest
        else:
            start = number(span)
            end = highest if slash else start
        if start > end:
            raise BadSchedule(f"expected {field} in rising order, found {span[:20]!r}")
        found.update(range(start, end + 1, step))
    return frozenset(found)


def _step(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text)):
        raise BadSchedule(f"expected a step of 1 to 99 behind / in the {field}, found {text[:20]!r}")
    return int(text)
