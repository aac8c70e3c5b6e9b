"""Reads dates: ISO 8601, RFC 2822, and moment's formats in English."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from shipmate.flow.moment.formats import MONTHS, TOKENS, WEEKDAYS, expanded, literal
from shipmate.flow.moment.weeks import ENGLISH, ISO, Weeks, days_in_month

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST: Final = 1_000
"""The most characters of a text that is read as a date."""
_TIME: Final = r"(?:(?:T| )(\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)([+\-]\d\d(?::?\d\d)?|\s*Z)?)?\s*"
_ISO: Final = (
    re.compile(rf"\s*((?:[+-]\d{{6}}|\d{{4}})-(?:\d\d-\d\d|W\d\d-\d|W\d\d|\d\d\d|\d\d)){_TIME}", re.ASCII),
    re.compile(rf"\s*((?:[+-]\d{{6}}|\d{{4}})(?:\d\d\d\d|W\d\d\d|W\d\d|\d\d\d)){_TIME}", re.ASCII),
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
_WORD: Final = r"[^\W\d_]{1,256}"
_UP_TO: Final = {digits: rf"\d{{1,{digits}}}" for digits in range(1, 7)}
_SIGNED: Final = r"[+-]?\d+"
_OFFSET: Final = r"Z|[+-]\d\d(?::?\d\d)?"
_LENIENT: Final[Mapping[str, str]] = {
    "Y": _SIGNED, "YY": _UP_TO[2], "YYYY": _UP_TO[4], "YYYYY": _UP_TO[6], "YYYYYY": _UP_TO[6],
    "gg": _UP_TO[2], "gggg": _UP_TO[4], "ggggg": _UP_TO[6], "GG": _UP_TO[2], "GGGG": _UP_TO[4], "GGGGG": _UP_TO[6],
    "M": _UP_TO[2], "MM": _UP_TO[2], "MMM": _WORD, "MMMM": _WORD, "Q": r"\d",
    "D": _UP_TO[2], "DD": _UP_TO[2], "Do": r"\d{1,2}(?:th|st|nd|rd)|\d{1,2}", "DDD": _UP_TO[3], "DDDD": r"\d{3}",
    "d": _UP_TO[2], "e": _UP_TO[2], "E": _UP_TO[2], "dd": _WORD, "ddd": _WORD, "dddd": _WORD,
    "w": _UP_TO[2], "ww": _UP_TO[2], "W": _UP_TO[2], "WW": _UP_TO[2],
    "H": _UP_TO[2], "HH": _UP_TO[2], "h": _UP_TO[2], "hh": _UP_TO[2], "k": _UP_TO[2], "kk": _UP_TO[2],
    "Hmm": r"\d{3,4}", "hmm": r"\d{3,4}", "Hmmss": r"\d{5,6}", "hmmss": r"\d{5,6}",
    "a": r"[ap]\.?m?\.?", "A": r"[ap]\.?m?\.?", "m": _UP_TO[2], "mm": _UP_TO[2], "s": _UP_TO[2], "ss": _UP_TO[2],
    "S": _UP_TO[3], "SS": _UP_TO[3], "SSS": _UP_TO[3], **{"S" * digits: r"\d+" for digits in range(4, 10)},
    "X": r"[+-]?\d+(?:\.\d{1,3})?", "x": _SIGNED, "Z": _OFFSET, "ZZ": _OFFSET,
}  # fmt: skip
_STRICT: Final[Mapping[str, str]] = {
    "YY": r"\d{2}", "YYYY": r"\d{4}", "YYYYY": r"[+-]?\d{6}", "YYYYYY": r"[+-]?\d{6}", "gg": r"\d{2}",
    "gggg": r"\d{4}", "GG": r"\d{2}", "GGGG": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}", "ww": r"\d{2}", "WW": r"\d{2}",
    "Do": r"\d{1,2}(?:th|st|nd|rd)", "HH": r"\d{2}", "hh": r"\d{2}", "kk": r"\d{2}", "mm": r"\d{2}", "ss": r"\d{2}",
    "S": r"\d", "SS": r"\d{2}", "SSS": r"\d{3}",
}  # fmt: skip
_IGNORE_CASE: Final = frozenset({"a", "A", "Do", "Z", "ZZ"})


@dataclass(slots=True)
class _Parts:
    """What the parts of a text say about a date."""

    year: int | None = None
    month: int | None = None
    """0 is January."""
    day: int | None = None
    day_of_year: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    milliseconds: int | None = None
    is_afternoon: bool | None = None
    is_twelve_hours: bool = False
    offset_minutes: int | None = None
    since_1970_ms: int | None = None
    weeks: Weeks | None = None
    week_year: int | None = None
    week: int | None = None
    weekday: int | None = None
    """0 is Sunday."""
    named_weekday: int | None = None
    is_wrong: bool = False
    is_empty: bool = True
    unused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def parsed_iso(text: str, zone: tzinfo, now: datetime) -> int | None:
    """Return the milliseconds since 1970 of a text without a format, None if it is no date.

    Args:
        text: ISO 8601, RFC 2822, ``/Date(0)/`` or a year.
        zone: The zone of a text without one.
        now: The time, for the parts that the text leaves out.
    """
    text = text[:_LONGEST]
    if (microsoft := _MICROSOFT.match(text)) is not None:
        return int(microsoft[1])
    for pattern in _ISO:
        if (parts := pattern.fullmatch(text)) is not None:
            return _of_iso(parts[1], parts[2], parts[3], zone, now)
    if (parts := _RFC_2822.fullmatch(text.strip())) is not None:
        return _of_rfc_2822(parts)
    if _YEAR.fullmatch(text.strip()):
        return parsed(text.strip(), "YYYY", UTC, now)
    return None


def _of_iso(day: str, time: str | None, offset: str | None, zone: tzinfo, now: datetime) -> int | None:
    date_format = next((name for name, pattern in _ISO_DATES if re.fullmatch(pattern, day, re.ASCII)), None)
    if date_format is None:
        return None
    text, pattern = day, date_format
    if time:
        time_format = next((name for name, shape in _ISO_TIMES if re.fullmatch(shape, time, re.ASCII)), None)
        if time_format is None:
            return None
        text, pattern = f"{text}T{time}", f"{pattern}[T]{time_format}"
    if offset:
        text, pattern = text + offset.strip(), pattern + "Z"
    return parsed(text, pattern, zone, now)


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
        minutes = _offset_minutes(offset) if offset else 0
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
        parts = _read(text[:_LONGEST], pattern, is_strict=is_strict)
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
    return _complete(_read(text[:_LONGEST], pattern, is_strict=is_strict), zone, now, is_strict=is_strict)


def _read(text: str, pattern: str, *, is_strict: bool) -> _Parts:
    parts = _Parts()
    for match in TOKENS.finditer(expanded(pattern)):
        token = match[0]
        found = _search(token, text, is_strict=is_strict)
        if found is not None:
            if found.start():
                parts.unused.append(text[: found.start()])
            text = text[found.end() :]
        if token in _LENIENT:
            if found is None:
                parts.missing.append(token)
            else:
                parts.is_empty = False
                _READERS[token](parts, found[0])
        elif is_strict and found is None:
            parts.missing.append(token)
    if text:
        parts.unused.append(text)
    return parts


def _search(token: str, text: str, *, is_strict: bool) -> "re.Match[str] | None":
    pattern = (_STRICT.get(token) if is_strict else None) or _LENIENT.get(token)
    if pattern is None:
        return re.search(re.escape(literal(token)), text)
    flags = re.ASCII if token not in ("MMM", "MMMM", "dd", "ddd", "dddd") else re.NOFLAG
    found = re.search(pattern, text, flags | (re.IGNORECASE if token in _IGNORE_CASE else re.NOFLAG))
    return found if found is not None and found[0] else None


def _complete(parts: _Parts, zone: tzinfo, now: datetime, *, is_strict: bool) -> int | None:
    """Return the milliseconds since 1970, None if the parts are no date."""
    if parts.is_empty or parts.is_wrong:
        return None
    if is_strict and (parts.unused or parts.missing):
        return None
    if parts.is_twelve_hours and parts.hour is not None and not 0 < parts.hour <= 12 and is_strict:
        return None
    if parts.since_1970_ms is not None:
        return parts.since_1970_ms
    if (day := _day(parts, now.astimezone(zone))) is None:
        return None
    hour = parts.hour or 0
    if parts.is_afternoon is not None:
        hour = hour + 12 if parts.is_afternoon and hour < 12 else 0 if not parts.is_afternoon and hour == 12 else hour
    clock = (hour, parts.minute or 0, parts.second or 0, parts.milliseconds or 0)
    milliseconds = _milliseconds((*day, *clock), zone if parts.offset_minutes is None else UTC)
    if milliseconds is None:
        return None
    if parts.named_weekday is not None and _weekday(day) != parts.named_weekday:
        return None
    return milliseconds - (parts.offset_minutes or 0) * 60_000


def _weekday(day: tuple[int, int, int]) -> int:
    return datetime(day[0], day[1] + 1, day[2]).isoweekday() % 7


def _day(parts: _Parts, now: datetime) -> tuple[int, int, int] | None:
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


def _day_of_week(parts: _Parts, now: datetime) -> tuple[int, int, int] | None:
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


_Reader = Callable[[_Parts, str], None]


def _number(name: str, less: int = 0) -> _Reader:
    def read(parts: _Parts, text: str) -> None:
        setattr(parts, name, int(text) - less)

    return read


def _short_year(text: str) -> int:
    number = int(text)
    return number + (1900 if number > 68 else 2000)


def _year(parts: _Parts, text: str) -> None:
    parts.year = _short_year(text) if len(text) == 2 else int(text)


def _week_year(weeks: Weeks) -> _Reader:
    def read(parts: _Parts, text: str) -> None:
        parts.weeks, parts.week_year = weeks, _short_year(text) if len(text) <= 2 else int(text)

    return read


def _week(weeks: Weeks) -> _Reader:
    def read(parts: _Parts, text: str) -> None:
        parts.weeks, parts.week = weeks, int(text)

    return read


def _iso_weekday(parts: _Parts, text: str) -> None:
    parts.weeks = parts.weeks or ISO
    parts.weekday = int(text) % 7 if 1 <= int(text) <= 7 else -1


def _month_name(parts: _Parts, text: str) -> None:
    parts.month = month_of(text)
    parts.is_wrong |= parts.month is None


def month_of(text: str) -> int | None:
    """Return the month that a text begins with, 0 for January; None if there is none."""
    return next((index for index, name in enumerate(MONTHS) if _begins(text, name)), None)


def weekday_of(text: str) -> int | None:
    """Return the day of the week that a text begins with, 0 for Sunday; None if there is none."""
    return next((index for index, name in enumerate(WEEKDAYS) if _begins(text, name, 2)), None)


def _begins(text: str, name: str, shortest: int = 3) -> bool:
    return text.lower().startswith(name[:shortest].lower())


def _weekday_name(parts: _Parts, text: str) -> None:
    parts.named_weekday = parts.weekday = weekday_of(text)
    parts.is_wrong |= parts.weekday is None


def _hour(*, is_twelve_hours: bool) -> _Reader:
    def read(parts: _Parts, text: str) -> None:
        parts.hour, parts.is_twelve_hours = int(text), is_twelve_hours

    return read


def _hour_of_24(parts: _Parts, text: str) -> None:
    parts.hour = int(text) % 24 if int(text) == 24 else int(text)


def _clock(*, has_seconds: bool) -> _Reader:
    def read(parts: _Parts, text: str) -> None:
        if has_seconds:
            parts.second, text = int(text[-2:]), text[:-2]
        parts.hour, parts.minute = int(text[:-2]), int(text[-2:])

    return read


def _half(parts: _Parts, text: str) -> None:
    parts.is_afternoon = text[0].lower() == "p"


def _fraction(parts: _Parts, text: str) -> None:
    parts.milliseconds = int(f"{text[:3]:0<3}")


def _seconds_since_1970(parts: _Parts, text: str) -> None:
    parts.since_1970_ms = int(float(text) * 1000)


def _offset(parts: _Parts, text: str) -> None:
    parts.offset_minutes = _offset_minutes(text)


def _offset_minutes(text: str) -> int:
    """Return the minutes of an offset such as ``+0130``, 0 for ``Z``."""
    digits = text.replace(":", "")
    if len(digits) < 3:
        return 0
    minutes = int(digits[1:3]) * 60 + int(digits[3:5] or 0)
    return -minutes if digits[0] == "-" else minutes


def zone_of(value: Any) -> tzinfo | None:
    """Return the zone of an offset: minutes, hours below 16, or a text with one; None if it is none."""
    if isinstance(value, str):
        found = re.findall(_OFFSET, value[:_LONGEST], re.IGNORECASE)
        return timezone(timedelta(minutes=_offset_minutes(found[-1]))) if found else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        minutes = value * 60 if abs(value) < 16 else value
        return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None
    return None


def _short_year_reader(parts: _Parts, text: str) -> None:
    parts.year = _short_year(text)


def _quarter(parts: _Parts, text: str) -> None:
    parts.month = (int(text) - 1) * 3
    parts.is_wrong |= not 0 <= parts.month < 12


def _ordinal_day(parts: _Parts, text: str) -> None:
    parts.day = int(re.sub(r"\D", "", text))


_READERS: Final[Mapping[str, _Reader]] = {
    **dict.fromkeys(("Y", "YYYY", "YYYYY", "YYYYYY"), _year),
    "YY": _short_year_reader,
    **dict.fromkeys(("gg", "gggg", "ggggg"), _week_year(ENGLISH)),
    **dict.fromkeys(("GG", "GGGG", "GGGGG"), _week_year(ISO)),
    **dict.fromkeys(("M", "MM"), _number("month", 1)),
    **dict.fromkeys(("MMM", "MMMM"), _month_name),
    "Q": _quarter,
    **dict.fromkeys(("D", "DD"), _number("day")),
    "Do": _ordinal_day,
    **dict.fromkeys(("DDD", "DDDD"), _number("day_of_year")),
    **dict.fromkeys(("d", "e"), _number("weekday")),
    "E": _iso_weekday,
    **dict.fromkeys(("dd", "ddd", "dddd"), _weekday_name),
    **dict.fromkeys(("w", "ww"), _week(ENGLISH)),
    **dict.fromkeys(("W", "WW"), _week(ISO)),
    **dict.fromkeys(("H", "HH"), _hour(is_twelve_hours=False)),
    **dict.fromkeys(("h", "hh"), _hour(is_twelve_hours=True)),
    **dict.fromkeys(("k", "kk"), _hour_of_24),
    **dict.fromkeys(("Hmm", "hmm"), _clock(has_seconds=False)),
    **dict.fromkeys(("Hmmss", "hmmss"), _clock(has_seconds=True)),
    **dict.fromkeys(("a", "A"), _half),
    **dict.fromkeys(("m", "mm"), _number("minute")),
    **dict.fromkeys(("s", "ss"), _number("second")),
    **{"S" * digits: _fraction for digits in range(1, 10)},
    "X": _seconds_since_1970,
    "x": _number("since_1970_ms"),
    **dict.fromkeys(("Z", "ZZ"), _offset),
}
