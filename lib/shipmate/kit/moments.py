"""Reads the times of changes, so that they can be compared. A form that allows two readings is refused."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from shipmate.jsonvalue import kind_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PER_MICROSECOND: Final = 1_000_000
"""Picoseconds: a time has up to twelve digits of a second, and Python's times have six."""
# A local time without a zone is this much ahead of UTC at most: Pacific/Kiritimati.
_WIDEST_ZONE: Final = timedelta(hours=14)

_TIME: Final = r"(?P<time>[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]{1,12})?)?)?)"
_ZONE: Final = r"(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
# Source: ISO 8601, RFC 3339 §5.6.
_ISO: Final = re.compile(
    rf"(?P<date>[0-9]{{4}}(?:-[0-9]{{2}}-[0-9]{{2}}|/[0-9]{{2}}/[0-9]{{2}}|[0-9]{{4}}(?=T)))(?:[T ]{_TIME}{_ZONE})?",
    re.IGNORECASE,
)
# Where dots separate, the day comes first in every country.
_DOTTED: Final = re.compile(
    rf"(?P<day>[0-9]{{1,2}})\.(?P<month>[0-9]{{1,2}})\.(?P<year>[0-9]{{4}})(?:[T ]{_TIME}{_ZONE})?", re.IGNORECASE
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# Source: RFC 5322 §3.3, RFC 9110 §5.6.7; only with a zone that all readers know.
_MAIL: Final = re.compile(
    rf"(?:[A-Za-z]{{3}}, )?[0-9]{{1,2}} {_MONTH} [0-9]{{4}} [0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?"
    r" (?:GMT|UTC|UT|Z|[+-][0-9]{4})(?: \([A-Z]{1,5}\))?",
    re.IGNORECASE,
)
# Source: OData JSON format 2.0; the offset is for display only.
_ODATA: Final = re.compile(r"/Date\((?P<ms>-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_COMPACT: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?")
_YEAR_LAST: Final = re.compile(r"[0-3][0-9][0-3][0-9](?:19|20)[0-9]{2}(?:[0-9]{4}|[0-9]{6})?")
# Seconds, milliseconds and microseconds since 1970 do not overlap from 1990 to 9999.
_UNITS: Final = (1, 1_000, 1_000_000)
_FIRST_SECOND: Final = 631_152_000
_LAST_SECOND: Final = 253_402_300_800

# By the number of digits in the time of day.
_RESOLUTIONS: Final = {0: 86_400, 2: 3_600, 4: 60}

FORMS: Final = "a number, ISO 8601, RFC 5322, /Date(0)/ or 31.12.2026"


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a change: a moment in time, or a number that grows."""

    is_number: bool
    order: int | float | Decimal
    """The number, or the picoseconds since 1970; a time without a zone counts as UTC."""
    earliest_seconds: float | None
    """The earliest moment that is possible, in seconds since 1970; None if the number cannot be one."""
    resolution_seconds: int = 1
    """The length of the smallest part of a text: a day without a time of day has 86400; at least 1."""

    @property
    def when(self) -> datetime:
        """The moment in UTC, in whole microseconds.

        Raises:
            ValueError: The moment is a number that is no time.
        """
        if not self.is_number:
            return _EPOCH + timedelta(microseconds=int(self.order // _PER_MICROSECOND))
        if self.earliest_seconds is None:
            raise ValueError("expected a time, found a number that is none")
        return _EPOCH + timedelta(seconds=self.earliest_seconds)


def moment(value: Any) -> Moment:
    """Read the time of a change.

    >>> moment("2026-01-31T09:30:00Z").order == moment("Sat, 31 Jan 2026 10:30:00 +0100").order
    True

    Raises:
        ValueError: The text has another form, or allows two readings. The error has `pattern_of` the value.
    """
    if isinstance(value, str):
        read = _of_text(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        read = _of_number(value, str(value))
    else:
        read = None
    if read is None:
        raise ValueError(f"expected {FORMS}, found {pattern_of(value)}")
    return read


@lru_cache(maxsize=4096)
def _of_text(text: str) -> Moment | None:
    if _NUMBER.fullmatch(text):
        number = Decimal(text) if "." in text else int(text)
        return None if _YEAR_LAST.fullmatch(text) else _of_number(number, text)
    if match := _ODATA.fullmatch(text):
        microseconds = int(match["ms"]) * 1_000
        return Moment(False, microseconds * _PER_MICROSECOND, microseconds / 1e6)
    try:
        if _MAIL.fullmatch(text):
            return _of_datetime(parsedate_to_datetime(re.sub(r"(?i)\b(?:UTC?|Z)(?= |$)", "GMT", text, count=1)))
        if match := _ISO.fullmatch(text):
            date = match["date"].replace("/", "-")
        elif match := _DOTTED.fullmatch(text):
            date = f"{match['year']}-{match['month']:0>2}-{match['day']:0>2}"
        else:
            return None
        zone = (match["zone"] or "").upper().replace("UTC", "Z").replace("GMT", "Z")
        return _of_datetime(datetime.fromisoformat(f"{date}T{match['time'] or '00'}{zone}"), match["time"] or "")
    except ValueError:
        return None


def _of_number(number: int | float | Decimal, text: str) -> Moment:
    if _COMPACT.fullmatch(text):
        try:
            date, time = text[:8], text[8:] or "00"
            earliest = _of_datetime(datetime.fromisoformat(f"{date}T{time}")).earliest_seconds
            return Moment(True, number, earliest, _RESOLUTIONS.get(len(text) - len(date), 1))
        except ValueError:
            pass
    units = [unit for unit in _UNITS if _FIRST_SECOND * unit <= number < _LAST_SECOND * unit]
    return Moment(True, number, float(number) / units[0] if units else None)


def _of_datetime(when: datetime, time: str = "00:00:00") -> Moment:
    """Return the moment of a datetime; ``time`` is the time of day as it was written, empty for a day."""
    is_local = when.tzinfo is None
    since_1970 = (when.replace(tzinfo=UTC) if is_local else when) - _EPOCH
    earliest = since_1970 - _WIDEST_ZONE if is_local else since_1970
    whole, _, fraction = time.replace(",", ".").partition(".")
    order = since_1970 // _MICROSECOND * _PER_MICROSECOND + int(f"{fraction:0<12}"[6:12])
    digits = len(whole.replace(":", ""))
    return Moment(False, order, earliest.total_seconds(), _RESOLUTIONS.get(digits, 1))


def pattern_of(value: Any) -> str:
    """Return words for a value in an error, without the value itself, which may be personal data or a secret.

    >>> pattern_of("abc"), pattern_of("31/12/2026"), pattern_of(True)
    ('a text of 3 letters', "a text like '99/99/9999' (9 is any digit, a is any letter)", 'a boolean')
    """
    if not isinstance(value, str):
        return kind_of(value)
    if value.isalpha():
        return f"a text of {len(value)} letter{'s' if len(value) > 1 else ''}"
    pattern = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", value[:30]))
    return f"a text like {pattern!r} (9 is any digit, a is any letter)"
