"""Reads the parts of a date out of a text, token by token of a format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shipmate.flow.moment.formats import MONTHS, WEEKDAYS, literal, tokens_of
from shipmate.flow.moment.weeks import ENGLISH, ISO, Weeks

_WORD: Final = r"[^\W\d_]{1,256}"
_UP_TO: Final = {digits: rf"\d{{1,{digits}}}" for digits in range(1, 7)}
_SIGNED: Final = r"[+-]?\d+"
OFFSET: Final = r"Z|[+-]\d\d(?::?\d\d)?"
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
    "X": r"[+-]?\d+(?:\.\d{1,3})?", "x": _SIGNED, "Z": OFFSET, "ZZ": OFFSET,
}  # fmt: skip
_STRICT: Final[Mapping[str, str]] = {
    "YY": r"\d{2}", "YYYY": r"\d{4}", "YYYYY": r"[+-]?\d{6}", "YYYYYY": r"[+-]?\d{6}", "gg": r"\d{2}",
    "gggg": r"\d{4}", "GG": r"\d{2}", "GGGG": r"\d{4}", "MM": r"\d{2}", "DD": r"\d{2}", "ww": r"\d{2}", "WW": r"\d{2}",
    "Do": r"\d{1,2}(?:th|st|nd|rd)", "HH": r"\d{2}", "hh": r"\d{2}", "kk": r"\d{2}", "mm": r"\d{2}", "ss": r"\d{2}",
    "S": r"\d", "SS": r"\d{2}", "SSS": r"\d{3}",
}  # fmt: skip
_IGNORE_CASE: Final = frozenset({"a", "A", "Do", "Z", "ZZ"})


@dataclass(slots=True)
class Parts:
    """The parts of a date that a text has."""

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

    @property
    def has_number(self) -> bool:
        """Whether a part of a date or of a time is known."""
        known = (self.year, self.month, self.day, self.hour, self.minute, self.second, self.milliseconds)
        return any(each is not None for each in known)


def read(text: str, pattern: str, *, is_strict: bool) -> Parts:
    """Return the parts that a text has in the places of a format's tokens.

    Args:
        text: The text.
        pattern: A format of moment.
        is_strict: Whether numbers need as many digits as their tokens have letters.
    """
    parts = Parts()
    for token in tokens_of(pattern):
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
        return re.search(re.escape(literal(token)), text)  # pattern: a text
    flags = re.ASCII if token not in ("MMM", "MMMM", "dd", "ddd", "dddd") else re.NOFLAG
    flags |= re.IGNORECASE if token in _IGNORE_CASE else re.NOFLAG
    found = re.search(pattern, text, flags)  # pattern: a constant above, and the text has at most 1,000 characters
    return found if found is not None and found[0] else None


_Reader = Callable[[Parts, str], None]


def _number(name: str, less: int = 0) -> _Reader:
    def read(parts: Parts, text: str) -> None:
        setattr(parts, name, int(text) - less)

    return read


def _short_year(text: str) -> int:
    number = int(text)
    return number + (1900 if number > 68 else 2000)


def _year(parts: Parts, text: str) -> None:
    parts.year = _short_year(text) if len(text) == 2 else int(text)


def _week_year(weeks: Weeks) -> _Reader:
    def read(parts: Parts, text: str) -> None:
        parts.weeks, parts.week_year = weeks, _short_year(text) if len(text) <= 2 else int(text)

    return read


def _week(weeks: Weeks) -> _Reader:
    def read(parts: Parts, text: str) -> None:
        parts.weeks, parts.week = weeks, int(text)

    return read


def _iso_weekday(parts: Parts, text: str) -> None:
    parts.weeks = parts.weeks or ISO
    parts.weekday = int(text) % 7 if 1 <= int(text) <= 7 else -1


def _month_name(parts: Parts, text: str) -> None:
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


def _weekday_name(parts: Parts, text: str) -> None:
    parts.named_weekday = parts.weekday = weekday_of(text)
    parts.is_wrong |= parts.weekday is None


def _hour(*, is_twelve_hours: bool) -> _Reader:
    def read(parts: Parts, text: str) -> None:
        parts.hour, parts.is_twelve_hours = int(text), is_twelve_hours

    return read


def _hour_of_24(parts: Parts, text: str) -> None:
    parts.hour = int(text) % 24 if int(text) == 24 else int(text)


def _clock(*, has_seconds: bool) -> _Reader:
    def read(parts: Parts, text: str) -> None:
        if has_seconds:
            parts.second, text = int(text[-2:]), text[:-2]
        parts.hour, parts.minute = int(text[:-2]), int(text[-2:])

    return read


def _half(parts: Parts, text: str) -> None:
    parts.is_afternoon = text[0].lower() == "p"


def _fraction(parts: Parts, text: str) -> None:
    parts.milliseconds = int(f"{text[:3]:0<3}")


def _seconds_since_1970(parts: Parts, text: str) -> None:
    parts.since_1970_ms = int(float(text) * 1000)


def _offset(parts: Parts, text: str) -> None:
    parts.offset_minutes = offset_minutes(text)


def offset_minutes(text: str) -> int:
    """Return the minutes of an offset such as ``+0130``, 0 for ``Z``."""
    digits = text.replace(":", "")
    if len(digits) < 3:
        return 0
    minutes = int(digits[1:3]) * 60 + int(digits[3:5] or 0)
    return -minutes if digits[0] == "-" else minutes


def _short_year_reader(parts: Parts, text: str) -> None:
    parts.year = _short_year(text)


def _quarter(parts: Parts, text: str) -> None:
    parts.month = (int(text) - 1) * 3
    parts.is_wrong |= not 0 <= parts.month < 12


def _ordinal_day(parts: Parts, text: str) -> None:
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
