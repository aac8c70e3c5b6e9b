"""Writes dates by moment's formats, in English."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from shipmate.flow.moment.weeks import ENGLISH, ISO

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
INVALID: Final = "Invalid date"

_TOKENS: Final = re.compile(
    r"(\[[^\[]*\])|(\\)?([Hh]mm(?:ss)?|Mo|MM?M?M?|Do|DDDo|DD?D?D?|ddd?d?|do?|w[o|w]?|W[o|W]?|Qo?|YYYYYY|YYYYY|YYYY|YY"
    r"|gg(?:ggg?)?|GG(?:GGG?)?|e|E|a|A|hh?|HH?|kk?|mm?|ss?|S{1,9}|x|X|zz?|ZZ?|.)"
)
_LONG: Final = re.compile(r"(\[[^\[]*\])|(\\)?(LTS|LT|LL?L?L?|l{1,4})")
_LONG_FORMATS: Final[Mapping[str, str]] = {
    "LTS": "h:mm:ss A", "LT": "h:mm A", "L": "MM/DD/YYYY", "LL": "MMMM D, YYYY", "LLL": "MMMM D, YYYY h:mm A",
    "LLLL": "dddd, MMMM D, YYYY h:mm A",
}  # fmt: skip
_SHORTENED: Final = re.compile("MMMM|MM|DD|dddd")
_DEEPEST: Final = 6
_LONGEST: Final = 10_000
"""The most characters of a format; each can become a dozen."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A date as a clock on the wall shows it."""

    time: datetime
    """With its zone."""
    milliseconds: int
    """Since 1970."""
    is_utc: bool
    """Whether the date is not in the zone of the process, and so has a name for its zone."""

    @property
    def weekday(self) -> int:
        """The day of the week; 0 is Sunday."""
        return self.time.isoweekday() % 7

    @property
    def day_of_year(self) -> int:
        """The day of the year, from 1."""
        return self.time.timetuple().tm_yday

    @property
    def offset_minutes(self) -> int:
        """The minutes to add to UTC; those of the process, which may have seconds, count in quarters of an hour."""
        offset = self.time.utcoffset()
        minutes = offset.total_seconds() / 60 if offset is not None else 0
        return round(minutes) if self.is_utc else round(minutes / 15) * 15


def expanded(pattern: str) -> str:
    """Return a format without the short forms of whole formats such as ``LL``.

    >>> expanded("LL"), expanded("l"), expanded("[L] YYYY")
    ('MMMM D, YYYY', 'M/D/YYYY', '[L] YYYY')
    """
    pattern = pattern[:_LONGEST]
    for _ in range(_DEEPEST):
        if not (replaced := _LONG.sub(_long, pattern)) != pattern:
            break
        pattern = replaced
    return pattern


def _long(token: "re.Match[str]") -> str:
    name = token[0]
    if name in _LONG_FORMATS:
        return _LONG_FORMATS[name]
    upper = _LONG_FORMATS.get(name.upper())
    return name if upper is None else _SHORTENED.sub(lambda match: match[0][1:], upper)


def formatted(wall: Wall, pattern: str) -> str:
    """Return a date as text.

    >>> from datetime import UTC
    >>> formatted(Wall(datetime(2020, 2, 9, 23, 5, tzinfo=UTC), 0, is_utc=True), "dddd, Do MMM YY [at] h:mm a")
    'Sunday, 9th Feb 20 at 11:05 pm'
    """
    return "".join(_written(wall, token) for token in tokens_of(pattern))


@lru_cache(maxsize=256)
def tokens_of(pattern: str) -> tuple[str, ...]:
    """Return the parts of a format: parts of a date, and texts.

    >>> tokens_of("D. MMM [of] LT")
    ('D', '.', ' ', 'MMM', ' ', '[of]', ' ', 'h', ':', 'mm', ' ', 'A')
    """
    return tuple(token[0] for token in _TOKENS.finditer(expanded(pattern)))


def _written(wall: Wall, token: str) -> str:
    write = _WRITERS.get(token)
    if write is not None:
        return write(wall)
    return literal(token)


def literal(token: str) -> str:
    """Return the text that a token of a format stands for, if it is no part of a date."""
    if token.startswith("[") and len(token) > 1:
        return token.removeprefix("[").removesuffix("]")
    return token.replace("\\", "")


def ordinal(number: int) -> str:
    """Return a number such as ``1st``.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '21st', '112th']
    """
    ending = "th" if number % 100 // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def offset_text(minutes: int, separator: str) -> str:
    """Return an offset from UTC: ``+01:00``."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{separator}{abs(minutes) % 60:02}"


def meridiem(hour: int) -> str:
    """Return the half of the day."""
    return "AM" if hour < 12 else "PM"


_Writer = Callable[[Wall], str]
_Number = Callable[[Wall], int]


def _hour12(wall: Wall) -> int:
    return wall.time.hour % 12 or 12


def _numbers(one: str, two: str, number: _Number, with_ordinal: str = "") -> dict[str, _Writer]:
    """Return the writers of a number: as it is, with two digits, as an ordinal."""
    writers: dict[str, _Writer] = {
        one: lambda wall: str(number(wall)),
        two: lambda wall: f"{number(wall):02}",
    }
    if with_ordinal:
        writers[with_ordinal] = lambda wall: ordinal(number(wall))
    return writers


def _years(letters: str, year: _Number) -> dict[str, _Writer]:
    return {
        letters * 2: lambda wall: f"{year(wall) % 100:02}",
        letters * 4: lambda wall: f"{year(wall):04}",
        letters * 5: lambda wall: f"{year(wall):05}",
    }


def _fraction(digits: int) -> _Writer:
    return lambda wall: f"{wall.time.microsecond // 1000:03}{'0' * 6}"[:digits]


_WRITERS: Final[Mapping[str, _Writer]] = {
    **_numbers("M", "MM", lambda wall: wall.time.month, "Mo"),
    "MMM": lambda wall: MONTHS[wall.time.month - 1][:3],
    "MMMM": lambda wall: MONTHS[wall.time.month - 1],
    **_numbers("D", "DD", lambda wall: wall.time.day, "Do"),
    "DDD": lambda wall: str(wall.day_of_year),
    "DDDD": lambda wall: f"{wall.day_of_year:03}",
    "DDDo": lambda wall: ordinal(wall.day_of_year),
    "d": lambda wall: str(wall.weekday),
    "do": lambda wall: ordinal(wall.weekday),
    "dd": lambda wall: WEEKDAYS[wall.weekday][:2],
    "ddd": lambda wall: WEEKDAYS[wall.weekday][:3],
    "dddd": lambda wall: WEEKDAYS[wall.weekday],
    "e": lambda wall: str(wall.weekday),
    "E": lambda wall: str(wall.time.isoweekday()),
    **_numbers("w", "ww", lambda wall: ENGLISH.of(wall.time)[1], "wo"),
    **_numbers("W", "WW", lambda wall: ISO.of(wall.time)[1], "Wo"),
    "Q": lambda wall: str((wall.time.month + 2) // 3),
    "Qo": lambda wall: ordinal((wall.time.month + 2) // 3),
    "Y": lambda wall: str(wall.time.year),
    **_years("Y", lambda wall: wall.time.year),
    "YYYYYY": lambda wall: f"+{wall.time.year:06}",
    **_years("g", lambda wall: ENGLISH.of(wall.time)[0]),
    **_years("G", lambda wall: ISO.of(wall.time)[0]),
    "a": lambda wall: meridiem(wall.time.hour).lower(),
    "A": lambda wall: meridiem(wall.time.hour),
    **_numbers("H", "HH", lambda wall: wall.time.hour),
    **_numbers("h", "hh", _hour12),
    **_numbers("k", "kk", lambda wall: wall.time.hour or 24),
    **_numbers("m", "mm", lambda wall: wall.time.minute),
    **_numbers("s", "ss", lambda wall: wall.time.second),
    "Hmm": lambda wall: f"{wall.time.hour}{wall.time:%M}",
    "Hmmss": lambda wall: f"{wall.time.hour}{wall.time:%M%S}",
    "hmm": lambda wall: f"{_hour12(wall)}{wall.time:%M}",
    "hmmss": lambda wall: f"{_hour12(wall)}{wall.time:%M%S}",
    **{"S" * digits: _fraction(digits) for digits in range(1, 10)},
    "X": lambda wall: str(wall.milliseconds // 1000),
    "x": lambda wall: str(wall.milliseconds),
    "Z": lambda wall: offset_text(wall.offset_minutes, ":"),
    "ZZ": lambda wall: offset_text(wall.offset_minutes, ""),
    "z": lambda wall: "UTC" if wall.is_utc else "",
    "zz": lambda wall: "Coordinated Universal Time" if wall.is_utc else "",
}
