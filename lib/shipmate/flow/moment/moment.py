"""The value of ``$moment`` and its methods.

As in JavaScript the methods that change a date change it in place and return it, and an invalid date stays invalid.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from jsonata.utils import Utils

from shipmate.flow.moment.arithmetic import add_months, start_of
from shipmate.flow.moment.creation import milliseconds
from shipmate.flow.moment.date import MILLISECOND, Date, JavaScriptDate, arguments
from shipmate.flow.moment.formats import INVALID, Wall, formatted
from shipmate.flow.moment.parsing import EPOCH, zone_of
from shipmate.flow.moment.parts import PARTS, PLURALS
from shipmate.flow.moment.relative import humanized
from shipmate.flow.moment.units import DAY_MS, MILLISECONDS, Span, number_of, unit_of
from shipmate.flow.moment.weeks import ENGLISH, ISO, days_in_month
from shipmate.flow.zone import local_zone

_ISO_FORMAT: Final = "YYYY-MM-DD[T]HH:mm:ss.SSS"


class Moment(Date):
    """A date of moment, in the zone of the process, in UTC, or with an offset of its own."""

    __slots__ = ("zone",)

    def __init__(self, milliseconds: int | None, zone: tzinfo | None = None) -> None:
        """Create the date.

        Args:
            milliseconds: Since 1970; None for an invalid date.
            zone: UTC or the date's own; None for that of the process.
        """
        super().__init__(milliseconds)
        self.zone = zone

    def is_valid(self) -> bool:
        """Return whether the date exists."""
        return self._time() is not None

    def format(self, pattern: Any = None) -> str:
        """Return the date as text.

        Args:
            pattern: A format of moment; ISO 8601 without one.
        """
        time = self._time()
        if time is None or self.milliseconds is None:
            return INVALID
        if not isinstance(pattern, str) or not pattern:
            pattern = "YYYY-MM-DDTHH:mm:ss[Z]" if self.is_utc() else "YYYY-MM-DDTHH:mm:ssZ"
        return formatted(Wall(time, self.milliseconds, self.zone is not None), pattern)

    def to_iso_string(self, keeps_offset: Any = None) -> Any:
        """Return ISO 8601 in UTC, or with the date's own offset; null for an invalid date."""
        if not self.is_valid():
            return Utils.NULL_VALUE
        return self.format(f"{_ISO_FORMAT}Z") if keeps_offset is True and not self.is_utc() else self.to_json()

    def to_array(self) -> list[float]:
        """Return year, month from 0, day, hour, minute, second and millisecond."""
        time = self._time()
        return [math.nan] * 7 if time is None else _parts(time)

    def to_object(self) -> dict[str, float]:
        """Return the parts by their names."""
        names = ("years", "months", "date", "hours", "minutes", "seconds", "milliseconds")
        return dict(zip(names, self.to_array(), strict=True))

    def unix(self) -> float:
        """Return the seconds since 1970."""
        return math.nan if self.milliseconds is None else self.milliseconds // 1000

    def is_utc(self) -> bool:
        """Return whether the date is in UTC."""
        time = self._time()
        return self.zone is not None and time is not None and not time.utcoffset()

    def is_local(self) -> bool:
        """Return whether the date is in the zone of the process."""
        return self.is_valid() and self.zone is None

    def is_leap_year(self) -> bool:
        """Return whether the year has 366 days."""
        time = self._time()
        return time is not None and days_in_month(time.year, 1) == 29

    def is_dst(self) -> bool:
        """Return whether it is summer time."""
        time = self._time()
        return time is not None and bool(time.dst())

    def days_in_month(self) -> float:
        """Return the number of days of the month."""
        return self.number(lambda time: days_in_month(time.year, time.month - 1))

    def weeks_in_year(self) -> float:
        """Return the number of weeks of the year, as in the United States."""
        return self.number(lambda time: ENGLISH.in_year(time.year))

    def iso_weeks_in_year(self) -> float:
        """Return the number of weeks of the year by ISO 8601."""
        return self.number(lambda time: ISO.in_year(time.year))

    def utc(self, keeps_time: Any = None) -> "Moment":
        """Change to UTC; with true the clock on the wall stays."""
        return self._change_zone(UTC, keeps_time=keeps_time is True)

    def local(self, keeps_time: Any = None) -> "Moment":
        """Change to the zone of the process; with true the clock on the wall stays."""
        return self._change_zone(None, keeps_time=keeps_time is True)

    def utc_offset(self, offset: Any = None, keeps_time: Any = None) -> Any:
        """Return the minutes to add to UTC, or change to an offset: minutes, hours below 16, or a text."""
        if offset is None:
            return self.number(_offset_minutes)
        zone = zone_of(offset)
        return self if zone is None else self._change_zone(zone, keeps_time=keeps_time is True)

    def _change_zone(self, zone: tzinfo | None, *, keeps_time: bool) -> "Moment":
        time = self._time()
        self.zone = zone
        if keeps_time and time is not None:
            self._set(time.replace(tzinfo=None))
        return self

    def add(self, amount: Any = None, unit: Any = None) -> "Moment":
        """Add a length of time: ``add(1, "day")`` or ``add({"days": 1, "hours": 2})``."""
        return self._move(amount, unit, 1)

    def subtract(self, amount: Any = None, unit: Any = None) -> "Moment":
        """Subtract a length of time; see `add`."""
        return self._move(amount, unit, -1)

    def _move(self, amount: Any, unit: Any, direction: int) -> "Moment":
        if isinstance(amount, Mapping):
            return self._shift(Span.of(amount), direction)
        if number_of(amount) is None and number_of(unit) is not None:
            amount, unit = unit, amount
        return self._shift(Span.of({unit if isinstance(unit, str) else "ms": amount}), direction)

    def _shift(self, span: Span, direction: int) -> "Moment":
        time = self._time()
        if time is None or self.milliseconds is None:
            return self
        wall = time.replace(tzinfo=None)
        try:
            if span.months:
                wall = add_months(wall, direction * span.months)
            if span.days:
                wall += timedelta(days=direction * span.days)
        except (ValueError, OverflowError):
            self.milliseconds = None
            return self
        if span.months or span.days:
            self._set(wall)
        if self.milliseconds is not None:
            self.milliseconds += math.trunc(direction * span.milliseconds)
        return self

    def start_of(self, unit: Any = None) -> "Moment":
        """Set the date to the first millisecond of its year, quarter, month, week, day, hour, minute or second."""
        time = self._time()
        if time is not None and (name := unit_of(unit)) is not None:
            self._set(start_of(time.replace(tzinfo=None), name))
        return self

    def end_of(self, unit: Any = None) -> "Moment":
        """Set the date to the last millisecond of its year, quarter, month, week, day, hour, minute or second."""
        name = unit_of(unit)
        if self._time() is None or name is None or name == "millisecond":
            return self
        name = {"isoWeek": "week", "date": "day"}.get(name, name)
        return self.start_of(unit)._shift(Span.of({name: 1}), 1)._shift(Span(milliseconds=1), -1)

    def diff(self, other: Any = None, unit: Any = None, is_precise: Any = None) -> float:
        """Return the time from another date to this one: whole units, or with true a fraction, too."""
        that = self._like(other)
        mine, theirs = self._time(), that._time()
        if mine is None or theirs is None or self.milliseconds is None or that.milliseconds is None:
            return math.nan
        name = unit_of(unit) or "millisecond"
        if name in ("year", "quarter", "month"):
            result = _months_between(self, that) / {"year": 12, "quarter": 3, "month": 1}[name]
        else:
            shift = (_offset_minutes(theirs) - _offset_minutes(mine)) * MILLISECONDS["minute"]
            distance = self.milliseconds - that.milliseconds
            days = {"day": DAY_MS, "week": 7 * DAY_MS}
            result = (distance - shift) / days[name] if name in days else distance / MILLISECONDS.get(name, 1)
        return result if is_precise is True else math.trunc(result)

    def is_before(self, other: Any = None, unit: Any = None) -> bool:
        """Return whether the date is before another, or its whole unit is."""
        return self._compared(other, unit, lambda start, end, that: end < that)

    def is_after(self, other: Any = None, unit: Any = None) -> bool:
        """Return whether the date is after another, or its whole unit is."""
        return self._compared(other, unit, lambda start, end, that: start > that)

    def is_same(self, other: Any = None, unit: Any = None) -> bool:
        """Return whether the date is the same as another, or in the same unit."""
        return self._compared(other, unit, lambda start, end, that: start <= that <= end)

    def is_same_or_before(self, other: Any = None, unit: Any = None) -> bool:
        """Return whether the date is the same as another or before it."""
        return self.is_same(other, unit) or self.is_before(other, unit)

    def is_same_or_after(self, other: Any = None, unit: Any = None) -> bool:
        """Return whether the date is the same as another or after it."""
        return self.is_same(other, unit) or self.is_after(other, unit)

    def is_between(self, start: Any = None, end: Any = None, unit: Any = None, bounds: Any = None) -> bool:
        """Return whether the date is between two others; ``[]`` instead of ``()`` includes these."""
        bounds = bounds if isinstance(bounds, str) and len(bounds) == 2 else "()"
        is_behind = self.is_after(start, unit) if bounds[0] == "(" else not self.is_before(start, unit)
        is_ahead = self.is_before(end, unit) if bounds[1] == ")" else not self.is_after(end, unit)
        return (
            self.is_valid() and new_moment(start).is_valid() and new_moment(end).is_valid() and is_behind and is_ahead
        )

    def _compared(self, other: Any, unit: Any, holds: Callable[[int, int, int], bool]) -> bool:
        that = new_moment(other)
        start, end = self.clone(), self.clone()
        if unit is not None and unit_of(unit) != "millisecond":
            start, end = start.start_of(unit), end.end_of(unit)
        if not that.is_valid() or start.milliseconds is None or end.milliseconds is None or that.milliseconds is None:
            return False
        return holds(start.milliseconds, end.milliseconds, that.milliseconds)

    def from_(self, other: Any = None, is_bare: Any = None) -> str:
        """Return the time from another date in words: ``in 2 days``; with true ``2 days``."""
        base = new_moment(other)
        if not self.is_valid() or not base.is_valid():
            return INVALID
        return humanized(*_distance(base, self._like(self, base)), with_suffix=is_bare is not True)

    def to(self, other: Any = None, is_bare: Any = None) -> str:
        """Return the time to another date in words."""
        return new_moment(other).from_(self, is_bare)

    def from_now(self, is_bare: Any = None) -> str:
        """Return the time from now in words: ``2 days ago``."""
        return self.from_(new_moment(), is_bare)

    def to_now(self, is_bare: Any = None) -> str:
        """Return the time until now in words."""
        return self.to(new_moment(), is_bare)

    def calendar(self, reference: Any = None) -> str:
        """Return the day in words, if it is within a week: ``Yesterday at 2:30 AM``."""
        base = self._like(reference).start_of("day")
        days = self.diff(base, "days", True)
        if math.isnan(days):
            return INVALID
        for limit, pattern in _CALENDAR:
            if days < limit:
                return self.format(pattern)
        return self.format("L")

    def clone(self) -> "Moment":
        """Return a copy."""
        return Moment(self.milliseconds, self.zone)

    def to_date(self) -> Date:
        """Return a date of JavaScript."""
        return JavaScriptDate(self.milliseconds)

    def get_part(self, unit: Any = None) -> Any:
        """Return the part that a unit names."""
        part = PARTS.get(unit_of(unit) or "")
        return self if part is None else part(self)

    def set_part(self, unit: Any = None, value: Any = None) -> "Moment":
        """Set the part that a unit names, or those of an object."""
        given = unit if isinstance(unit, Mapping) else {unit: value} if isinstance(unit, str) else {}
        by_unit = {unit_of(name): each for name, each in given.items()}
        for name, part in PARTS.items():
            if name in by_unit:
                part(self, by_unit[name])
        return self

    def locale(self, name: Any = None) -> Any:
        """Return the language, or the date itself for a name: there is no language but English."""
        return "en" if name is None else self

    def _time(self) -> datetime | None:
        return self.at(self.zone or local_zone())

    def number(self, part: Callable[[datetime], int]) -> float:
        """Return a part of the time on the wall, NaN for an invalid date."""
        time = self._time()
        return math.nan if time is None else part(time)

    def _like(self, other: Any, model: "Moment | None" = None) -> "Moment":
        """Return another date in the zone of this one."""
        return Moment(new_moment(other).milliseconds, (model or self).zone)

    def _set(self, wall: datetime) -> None:
        """Set the date to a time on the wall, in its zone."""
        try:
            self.milliseconds = (wall.replace(tzinfo=self.zone or local_zone()) - EPOCH) // MILLISECOND
        except OverflowError:
            self.milliseconds = None

    def change(self, part: Callable[[datetime], datetime]) -> "Moment":
        """Change the time on the wall; a date that does not exist becomes invalid."""
        time = self._time()
        if time is not None:
            try:
                self._set(part(time.replace(tzinfo=None)))
            except (ValueError, OverflowError):
                self.milliseconds = None
        return self


_CALENDAR: Final = (
    (-6, "L"),
    (-1, "[Last] dddd [at] LT"),
    (0, "[Yesterday at] LT"),
    (1, "[Today at] LT"),
    (2, "[Tomorrow at] LT"),
    (7, "dddd [at] LT"),
)


def _parts(time: datetime) -> list[float]:
    return [
        time.year, time.month - 1, time.day, time.hour, time.minute, time.second, time.microsecond // 1000,
    ]  # fmt: skip


def _offset_minutes(time: datetime) -> int:
    offset = time.utcoffset()
    return round(offset.total_seconds() / 60) if offset is not None else 0


def _months_between(one: Moment, other: Moment) -> float:
    """Return the months from one date to the other, negative, with the fraction of the last month."""
    first, second = one._time(), other._time()
    if first is None or second is None or one.milliseconds is None or other.milliseconds is None:
        return math.nan
    whole = (second.year - first.year) * 12 + second.month - first.month
    anchor = one.clone().add(whole, "months").value_of()
    step = -1 if other.milliseconds < anchor else 1
    next_anchor = one.clone().add(whole + step, "months").value_of()
    return -(whole + step * (other.milliseconds - anchor) / (next_anchor - anchor))


def _distance(base: Moment, other: Moment) -> tuple[int, float]:
    """Return the whole months and the rest in milliseconds from one date to another."""
    if base.value_of() > other.value_of():
        months, milliseconds = _distance(other, base)
        return -months, -milliseconds
    first, second = base._time(), other._time()
    if first is None or second is None:
        return 0, 0
    months = second.month - first.month + (second.year - first.year) * 12
    if base.clone().add(months, "M").value_of() > other.value_of():
        months -= 1
    return months, other.value_of() - base.clone().add(months, "M").value_of()


def new_moment(value: Any = None, pattern: Any = None, language: Any = None, is_strict: Any = None) -> Moment:
    """Return ``$moment(value, pattern, language, is_strict)``.

    Args:
        value: A text, milliseconds since 1970, a date, a list or an object of parts; now without one.
        pattern: The format of the text, or several.
        language: Ignored, unless it is a boolean: then it is the next argument.
        is_strict: Whether the text has to have the format, and nothing else.
    """
    value, pattern, language, is_strict = arguments((value, pattern, language, is_strict))
    if isinstance(value, Moment):
        return value.clone()
    return Moment(milliseconds(value, pattern, is_strict=(language is True or is_strict is True), zone=local_zone()))


Moment.METHODS = {
    **PARTS,
    **{f"{name}s": PARTS[name] for name in PLURALS},
    "add": Moment.add, "calendar": Moment.calendar, "clone": Moment.clone, "dates": PARTS["date"],
    "days": PARTS["day"], "daysInMonth": Moment.days_in_month, "diff": Moment.diff, "endOf": Moment.end_of,
    "format": Moment.format, "from": Moment.from_, "fromNow": Moment.from_now, "get": Moment.get_part,
    "isAfter": Moment.is_after, "isBefore": Moment.is_before, "isBetween": Moment.is_between, "isDST": Moment.is_dst,
    "isLeapYear": Moment.is_leap_year, "isLocal": Moment.is_local, "isSame": Moment.is_same,
    "isSameOrAfter": Moment.is_same_or_after, "isSameOrBefore": Moment.is_same_or_before, "isUTC": Moment.is_utc,
    "isUtc": Moment.is_utc, "isValid": Moment.is_valid, "isoWeeksInYear": Moment.iso_weeks_in_year,
    "lang": Moment.locale, "local": Moment.local, "locale": Moment.locale, "set": Moment.set_part,
    "startOf": Moment.start_of, "subtract": Moment.subtract, "to": Moment.to, "toArray": Moment.to_array,
    "toDate": Moment.to_date, "toISOString": Moment.to_iso_string, "toJSON": Moment.to_json, "toNow": Moment.to_now,
    "toObject": Moment.to_object, "toString": lambda moment: moment.format("ddd MMM DD YYYY HH:mm:ss [GMT]ZZ"),
    "unix": Moment.unix, "utc": Moment.utc, "utcOffset": Moment.utc_offset, "valueOf": Moment.value_of,
    "weeksInYear": Moment.weeks_in_year,
}  # fmt: skip
