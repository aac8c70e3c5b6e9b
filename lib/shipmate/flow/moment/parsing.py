"""Reads dates: ISO 8601, RFC 2822, and moment's formats in English."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from shipmate.flow.moment.formats import MONTHS
from shipmate.flow.moment.loose import parsed_loosely
from shipmate.flow.moment.tokens import OFFSET, Parts, offset_minutes, read
from shipmate.flow.moment.weeks import ENGLISH, days_in_month

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST: Final = 1_000
"""The most characters of a text that is read as a date."""
_TIME: Final = r"(?:(?:T| )(\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)([+\-]\d\d(?::?\d\d)?|\s*Z)?)?"
_ISO: Final = (
    re.compile(rf"((?:[+-]\d{{6}}|\d{{4}})-(?:\d\d-\d\d|W\d\d-\d|W\d\d|\d\d\d|\d\d)){_TIME}", re.ASCII),
    re.compile(rf"((?:[+-]\d{{6}}|\d{{4}})(?:\d\d\d\d|W\d\d\d|W\d\d|\d\d\d)){_TIME}", re.ASCII),
)
_ISO_DATES: Final = (
    ("YYYYYY-MM-DD", r"[+-]\d{6}-\d\d-\d\d"),
    ("YYYY-MM-DD", r"\d{4}-\d\d-\d\d"),
    ("GGGG-[W]WW-E", r"\d{4}-W\d\d-\d"),
    ("GGGG-[W]WW", r"\d{4}-W\d\d"),
    ("YYYY-DDDD", r"\d{4}-\d{3}"),
    ("YYYY-MM", r"\d{4}-\d\d"),
    ("YYYYYYMMDD", r"[+-]\d{10}"),
    ("YYYYMMDD", r"\d{8}"),
    ("GGGG[W]WWE", r"\d{4}W\d{3}"),
    ("GGGG[W]WW", r"\d{4}W\d\d"),
    ("YYYYDDDD", r"\d{7}"),
)
_ISO_TIMES: Final = (
    ("HH:mm:ss.SSSS", r"\d\d:\d\d:\d\d\.\d+"),
    ("HH:mm:ss,SSSS", r"\d\d:\d\d:\d\d,\d+"),
    ("HH:mm:ss", r"\d\d:\d\d:\d\d"),
    ("HH:mm", r"\d\d:\d\d"),
    ("HHmmss.SSSS", r"\d{6}\.\d+"),
    ("HHmmss,SSSS", r"\d{6},\d+"),
    ("HHmmss", r"\d{6}"),
    ("HHmm", r"\d{4}"),
    ("HH", r"\d\d"),
)
_RFC_2822: Final = re.compile(
    r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s)?(\d{1,2})\s(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s(\d{2,4})\s"
    r"(\d\d):(\d\d)(?::(\d\d))?\s(?:(UT|GMT|[ECMP][SD]T)|[Zz]|([+-]\d{4}))",
    re.ASCII,
)
_AMERICAN: Final[Mapping[str, int]] = {
    "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
}  # fmt: skip
_MICROSOFT: Final = re.compile(r"/?Date\((-?\d{1,16})", re.ASCII | re.IGNORECASE)
_YEAR: Final = re.compile(r"\d{4}", re.ASCII)


def parsed_iso(text: str, zone: tzinfo, now: datetime) -> int | None:
    """Return the milliseconds since 1970 of a text without a format, None if it is no date.

    Args:
        text: ISO 8601, RFC 2822, ``/Date(0)/``, a year, or what JavaScript's ``Date`` reads as a date.
        zone: The zone of a text without one.
        now: The time, for the parts that the text leaves out.
    """
    text = text[:_LONGEST].strip()
    if (microsoft := _MICROSOFT.match(text)) is not None:
        return int(microsoft[1])
    for pattern in _ISO:
        if (parts := pattern.fullmatch(text)) is not None:
            return _of_iso(parts[1], parts[2], parts[3], zone, now)
    if (parts := _RFC_2822.fullmatch(text)) is not None:
        return _of_rfc_2822(parts)
    if _YEAR.fullmatch(text):
        return parsed(text, "YYYY", UTC, now)
    if (loose := parsed_loosely(text)) is None:
        return None
    values, minutes = loose
    milliseconds = milliseconds_of(values, zone if minutes is None else UTC)
    return None if milliseconds is None else milliseconds - (minutes or 0) * 60_000


def _of_iso(day: str, time: str | None, offset: str | None, zone: tzinfo, now: datetime) -> int | None:
    date_format = _format_of(day, _ISO_DATES)
    if date_format is None:
        return None
    text, pattern = day, date_format
    if time:
        time_format = _format_of(time, _ISO_TIMES)
        if time_format is None:
            return None
        text, pattern = f"{text}T{time}", f"{pattern}[T]{time_format}"
    if offset:
        text, pattern = text + offset.strip(), pattern + "Z"
    return parsed(text, pattern, zone, now)


def _format_of(text: str, formats: tuple[tuple[str, str], ...]) -> str | None:
    """Return the first format that a text has."""
    for name, shape in formats:
        if re.fullmatch(shape, text, re.ASCII):  # pattern: a constant above, without nested repeats
            return name
    return None


def _of_rfc_2822(parts: "re.Match[str]") -> int | None:
    weekday, day, month, year, hour, minute, second, name, offset = parts.groups()
    number = int(year)
    if number <= 49:
        number += 2000
    elif number <= 999:
        number += 1900
    if name in _AMERICAN:
        minutes = _AMERICAN[name] * 60
    else:
        minutes = offset_minutes(offset) if offset else 0
    index = [each[:3] for each in MONTHS].index(month)
    milliseconds = _milliseconds((number, index, int(day), int(hour), int(minute), int(second or 0), 0), UTC)
    if milliseconds is None:
        return None
    if weekday and datetime(number, index + 1, int(day)).strftime("%a") != weekday:
        return None
    return milliseconds - minutes * 60_000


def parsed_best(text: str, patterns: list[str], zone: tzinfo, now: datetime, *, is_strict: bool) -> int | None:
    """Return the milliseconds since 1970 by the format that fits best, None if none does."""
    best: tuple[int, int | None] | None = None
    for pattern in patterns:
        parts = read(text[:_LONGEST], pattern, is_strict=is_strict)
        milliseconds = _complete(parts, zone, now, is_strict=is_strict)
        if milliseconds is None:
            continue
        score = sum(len(each) for each in parts.unused) + 10 * len(parts.missing)
        if best is None or score < best[0]:
            best = score, milliseconds
    return best[1] if best is not None else None


def parsed(text: str, pattern: str, zone: tzinfo, now: datetime, *, is_strict: bool = False) -> int | None:
    """Return the milliseconds since 1970 of a text in a format, None if it does not fit.

    Args:
        text: The text.
        pattern: A format of moment.
        zone: The zone of a text without one.
        now: The time: a text without a year, a month or a day is of today.
        is_strict: Whether the text has to have this format, and nothing else.
    """
    return _complete(read(text[:_LONGEST], pattern, is_strict=is_strict), zone, now, is_strict=is_strict)


def _complete(parts: Parts, zone: tzinfo, now: datetime, *, is_strict: bool) -> int | None:
    """Return the milliseconds since 1970, None if the parts are no date."""
    if parts.is_empty or parts.is_wrong:
        return None
    if parts.is_afternoon is not None and not parts.has_number:
        return None
    if is_strict and (parts.unused or parts.missing):
        return None
    if parts.is_twelve_hours and parts.hour is not None and not 0 < parts.hour <= 12 and is_strict:
        return None
    if parts.since_1970_ms is not None:
        return parts.since_1970_ms
    zone = zone if parts.offset_minutes is None else UTC
    if (day := _day(parts, now.astimezone(zone))) is None:
        return None
    hour = parts.hour or 0
    if parts.is_afternoon is not None and parts.hour is not None:
        hour = hour + 12 if parts.is_afternoon and hour < 12 else 0 if not parts.is_afternoon and hour == 12 else hour
    clock = (hour, parts.minute or 0, parts.second or 0, parts.milliseconds or 0)
    milliseconds = _milliseconds((*day, *clock), zone)
    if milliseconds is None:
        return None
    if parts.named_weekday is not None and _weekday(day) != parts.named_weekday:
        return None
    return milliseconds - (parts.offset_minutes or 0) * 60_000


def _weekday(day: tuple[int, int, int]) -> int:
    return datetime(day[0], day[1] + 1, day[2]).isoweekday() % 7


def _day(parts: Parts, now: datetime) -> tuple[int, int, int] | None:
    """Return year, month from 0, and day; what is missing before the first known part is of today."""
    try:
        if parts.day is None and parts.month is None and (parts.weeks is not None or parts.weekday is not None):
            return _day_of_week(parts, now)
        if parts.day_of_year is not None:
            year = parts.year if parts.year is not None else now.year
            day = datetime(year, 1, 1) + timedelta(days=parts.day_of_year - 1)
            return (day.year, day.month - 1, day.day) if day.year == year and parts.day_of_year > 0 else None
    except (ValueError, OverflowError):
        return None
    if parts.year is not None:
        return parts.year, parts.month or 0, 1 if parts.day is None else parts.day
    if parts.month is not None:
        return now.year, parts.month, 1 if parts.day is None else parts.day
    return now.year, now.month - 1, now.day if parts.day is None else parts.day


def _day_of_week(parts: Parts, now: datetime) -> tuple[int, int, int] | None:
    weeks = parts.weeks or ENGLISH
    year, week = weeks.of(now)
    if parts.week_year is not None or parts.year is not None:
        year = parts.week_year if parts.week_year is not None else parts.year or year
        week = 1
    if parts.week is not None:
        week = parts.week
    if not 1 <= week <= weeks.in_year(year) or (parts.weekday is not None and not 0 <= parts.weekday <= 6):
        return None
    day = weeks.day(year, week, weeks.first_weekday if parts.weekday is None else parts.weekday)
    return day.year, day.month - 1, day.day


def _milliseconds(parts: tuple[int, int, int, int, int, int, int], zone: tzinfo) -> int | None:
    """Return the milliseconds since 1970 of parts, None if one is out of its range."""
    year, month, day, hour, minute, second, milliseconds = parts
    is_midnight = hour == 24 and not (minute or second or milliseconds)
    try:
        time = datetime(year, month + 1, day, 0 if is_midnight else hour, minute, second, milliseconds * 1000, zone)
        return (time - EPOCH + timedelta(days=is_midnight)) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def milliseconds_of(values: list[int], zone: tzinfo) -> int | None:
    """Return the milliseconds since 1970 of ``[year, month from 0, day, hour, minute, second, millisecond]``."""
    year, month, day, hour, minute, second, milliseconds = (values + [0, 0, 1, 0, 0, 0, 0][len(values) :])[:7]
    if not 0 <= month < 12 or not 1 <= day <= days_in_month(year, month):
        return None
    return _milliseconds((year, month, day, hour, minute, second, milliseconds), zone)


def zone_of(value: Any) -> tzinfo | None:
    """Return the zone of an offset: minutes, hours below 16, or a text with one; None if it is none."""
    if isinstance(value, str):
        found = re.findall(OFFSET, value[:_LONGEST], re.IGNORECASE)
        return timezone(timedelta(minutes=offset_minutes(found[-1]))) if found else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        minutes = value * 60 if abs(value) < 16 else value
        return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None
    return None
