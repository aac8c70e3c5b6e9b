"""The parts of a date, which one method each reads and sets."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from shipmate.flow.moment.arithmetic import add_months
from shipmate.flow.moment.tokens import month_of, weekday_of
from shipmate.flow.moment.units import number_of
from shipmate.flow.moment.weeks import ENGLISH, ISO, Weeks, days_in_month


class Changeable(Protocol):
    """A date whose time on the wall can be read and changed."""

    def number(self, part: Callable[[datetime], int]) -> float:
        """Return a part of the time, NaN for an invalid date."""

    def change(self, part: Callable[[datetime], datetime]) -> Any:
        """Change the time on the wall, and return the date."""


def _part(read: Callable[[datetime], int], write: Callable[[datetime, int], datetime]) -> Callable[..., Any]:
    """Return the method that reads a part without an argument, and sets it with one."""

    def method(moment: Changeable, value: Any = None) -> Any:
        if value is None:
            return moment.number(read)
        number = number_of(value)
        return moment if number is None else moment.change(lambda wall: write(wall, math.trunc(number)))

    return method


def _set_year(wall: datetime, year: int) -> datetime:
    return wall.replace(year=year, day=min(wall.day, days_in_month(year, wall.month - 1)))


def _month(moment: Changeable, value: Any = None) -> Any:
    if value is None:
        return moment.number(lambda time: time.month - 1)
    number = number_of(value)
    if number is None:
        number = month_of(value) if isinstance(value, str) else None
    if number is None:
        return moment
    return moment.change(lambda wall: add_months(wall, math.trunc(number) - wall.month + 1))


def _weekday(moment: Changeable, value: Any = None) -> Any:
    if value is None:
        return moment.number(lambda time: time.isoweekday() % 7)
    number = number_of(value)
    if number is None:
        number = weekday_of(value) if isinstance(value, str) else None
    if number is None:
        return moment
    return moment.change(lambda wall: wall + timedelta(days=math.trunc(number) - wall.isoweekday() % 7))


def _iso_weekday(moment: Changeable, value: Any = None) -> Any:
    if value is None:
        return moment.number(datetime.isoweekday)
    number = number_of(value)
    if number is None and isinstance(value, str) and (day := weekday_of(value)) is not None:
        number = day or 7
    if number is None:
        return moment
    return moment.change(lambda wall: wall + timedelta(days=math.trunc(number) - wall.isoweekday()))


def _timed(unit: str) -> Callable[[datetime, int], datetime]:
    def write(wall: datetime, value: int) -> datetime:
        names = {"hour": "hours", "minute": "minutes", "second": "seconds"}
        return wall + timedelta(**{names[unit]: value - int(getattr(wall, unit))})

    return write


def _week(weeks: Weeks) -> Callable[..., Any]:
    return _part(
        lambda time: weeks.of(time)[1], lambda wall, value: wall + timedelta(days=7 * (value - weeks.of(wall)[1]))
    )


def _week_year(weeks: Weeks) -> Callable[..., Any]:
    def write(wall: datetime, year: int) -> datetime:
        week = min(weeks.of(wall)[1], weeks.in_year(year))
        day = weeks.day(year, week, wall.isoweekday() % 7)
        return wall.replace(year=day.year, month=day.month, day=day.day)

    return _part(lambda time: weeks.of(time)[0], write)


PARTS: Final[Mapping[str, Callable[..., Any]]] = {
    "year": _part(lambda time: time.year, _set_year),
    "weekYear": _week_year(ENGLISH),
    "isoWeekYear": _week_year(ISO),
    "quarter": _part(
        lambda time: (time.month + 2) // 3, lambda wall, value: add_months(wall, 3 * (value - (wall.month + 2) // 3))
    ),
    "month": _month,
    "week": _week(ENGLISH),
    "isoWeek": _week(ISO),
    "dayOfYear": _part(
        lambda time: time.timetuple().tm_yday,
        lambda wall, value: wall + timedelta(days=value - wall.timetuple().tm_yday),
    ),
    "date": _part(lambda time: time.day, lambda wall, value: wall + timedelta(days=value - wall.day)),
    "day": _weekday,
    "weekday": _weekday,
    "isoWeekday": _iso_weekday,
    "hour": _part(lambda time: time.hour, _timed("hour")),
    "minute": _part(lambda time: time.minute, _timed("minute")),
    "second": _part(lambda time: time.second, _timed("second")),
    "millisecond": _part(
        lambda time: time.microsecond // 1000,
        lambda wall, value: wall.replace(microsecond=0) + timedelta(milliseconds=value),
    ),
}
"""The parts of a date, in the order in which ``set`` sets those of an object."""
PLURALS: Final = ("year", "quarter", "month", "week", "isoWeek", "hour", "minute", "second", "millisecond")
"""The parts that have a second name with an s."""
