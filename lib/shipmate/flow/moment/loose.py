"""Reads the dates that moment leaves to JavaScript's ``Date``: ``Jan 5, 2020`` and ``1/5/2020 10:00``."""

import re
from typing import Final

from shipmate.flow.moment.tokens import month_of, offset_minutes, weekday_of

_DAY: Final = re.compile(
    r"(?P<y1>\d{4})[/.-](?P<m1>\d{1,2})[/.-](?P<d1>\d{1,2})"
    r"|(?P<m2>\d{1,2})[/.-](?P<d2>\d{1,2})[/.-](?P<y2>\d{4})"
    r"|(?P<m3>[A-Za-z]{3,9})\.?[ -]+(?P<d3>\d{1,2})[, -]+(?P<y3>\d{4})"
    r"|(?P<d4>\d{1,2})[ -]+(?P<m4>[A-Za-z]{3,9})\.?[, -]+(?P<y4>\d{4})",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"[, ]*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?: ?([AaPp])[Mm])?", re.ASCII)
_ZONE: Final = re.compile(r" ?(?:Z|GMT|UTC|UT)? ?([+-]\d{2}:?\d{2})?(?: ?\([^()]*\))?", re.ASCII)
_WEEKDAY: Final = re.compile(r"([A-Za-z]{3,9}),? ", re.ASCII)


def parsed_loosely(text: str) -> tuple[list[int], int | None] | None:
    """Return the parts of a date, and the minutes of its offset, None for one in the zone of the process.

    Args:
        text: A text that is not ISO 8601; American dates have the month first.

    Returns:
        Year, month from 0, day, hour, minute, second and millisecond; None if the text is no date.

    >>> parsed_loosely("1/5/2020 10:30 pm"), parsed_loosely("Sun Jan 05 2020 10:30:00 GMT+0100 (CET)")
    (([2020, 0, 5, 22, 30, 0, 0], None), ([2020, 0, 5, 10, 30, 0, 0], 60))
    """
    text = text.strip()
    if (weekday := _WEEKDAY.match(text)) is not None and weekday_of(weekday[1]) is not None:
        text = text[weekday.end() :]
    if (day := _DAY.match(text)) is None:
        return None
    year, month, date = (_group(day, name) for name in "ymd")
    number = int(month) - 1 if month.isdecimal() else month_of(month)
    if number is None:
        return None
    rest = text[day.end() :]
    parts = [int(year), number, int(date)]
    if (clock := _CLOCK.match(rest)) is not None:
        hour, minute, second, fraction, half = clock.groups()
        parts += [_hour(int(hour), half), int(minute), int(second or 0), int(f"{fraction or '0':0<3.3}")]
        rest = rest[clock.end() :]
    if (zone := _ZONE.fullmatch(rest)) is None:
        return None
    has_zone = bool(rest.strip()) and not rest.strip().startswith("(")
    return parts + [0] * (7 - len(parts)), offset_minutes(zone[1] or "Z") if has_zone else None


def _group(match: "re.Match[str]", name: str) -> str:
    return next(match[f"{name}{index}"] for index in range(1, 5) if match[f"{name}{index}"] is not None)


def _hour(hour: int, half: str | None) -> int:
    if half is None or not 0 < hour <= 12:
        return hour
    return hour % 12 + (12 if half in "Pp" else 0)
