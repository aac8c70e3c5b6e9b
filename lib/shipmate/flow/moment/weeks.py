"""Counts weeks: by ISO 8601, or as in the United States, where the week of 1 January is the first."""

from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Weeks:
    """A way to count weeks."""

    first_weekday: int
    """The first day of a week: 0 is Sunday."""
    january: int
    """The day of January that is always in the first week."""

    def offset(self, year: int) -> int:
        """Return the days from 1 January to the beginning of the first week, at most 0 for the week of 1 January."""
        weekday = date(year, 1, self.january).isoweekday()
        return self.january - 1 - (7 + weekday - self.first_weekday) % 7

    def in_year(self, year: int) -> int:
        """Return the number of weeks of a year."""
        return (days_in_year(year) - self.offset(year) + self.offset(year + 1)) // 7

    def of(self, day: date) -> tuple[int, int]:
        """Return the year and the week of a day."""
        week = (day.timetuple().tm_yday - self.offset(day.year) - 1) // 7 + 1
        if week < 1:
            return day.year - 1, week + self.in_year(day.year - 1)
        if week > self.in_year(day.year):
            return day.year + 1, week - self.in_year(day.year)
        return day.year, week

    def day(self, year: int, week: int, weekday: int) -> date:
        """Return a day of a week.

        Args:
            year: The year that counts the week.
            week: The week, from 1.
            weekday: The day: 0 is Sunday.
        """
        within = (7 + weekday - self.first_weekday) % 7
        return date(year, 1, 1) + timedelta(days=7 * (week - 1) + within + self.offset(year))


ISO: Final = Weeks(first_weekday=1, january=4)
ENGLISH: Final = Weeks(first_weekday=0, january=1)


def days_in_year(year: int) -> int:
    """Return the number of days of a year."""
    return 366 if isleap(year) else 365


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month: 0 is January, and 12 that of the next year."""
    year, month = year + month // 12, month % 12
    return 29 if month == 1 and isleap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month]
