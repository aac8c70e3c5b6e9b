"""Finds the time that the arguments of ``$moment`` stand for."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from shipmate.flow.moment.date import MILLISECOND, Date
from shipmate.flow.moment.parsing import EPOCH, milliseconds_of, parsed, parsed_best, parsed_iso
from shipmate.flow.moment.units import number_of, unit_of


def milliseconds(value: Any, pattern: Any, *, is_strict: bool, zone: tzinfo) -> int | None:
    """Return the milliseconds since 1970, None if the arguments are no date.

    Args:
        value: A text, milliseconds since 1970, a date, a list or an object of parts; None is now.
        pattern: The format of the text, or several.
        is_strict: Whether the text has to have the format, and nothing else.
        zone: The zone of a text without one.
    """
    now = datetime.now(UTC)
    match value:
        case Date():
            return value.milliseconds
        case None:
            return (now - EPOCH) // MILLISECOND if pattern is None else None
        case str():
            return _of_text(value, pattern, zone, now, is_strict=is_strict)
        case bool():
            return None
        case int() | float() if isinstance(pattern, str):
            return parsed(f"{value:.15g}", pattern, zone, now, is_strict=is_strict)
        case int() | float():
            return math.trunc(value) if math.isfinite(value) else None
        case list():
            return milliseconds_of([int(each) for each in value if isinstance(each, int | float)], zone)
        case dict():
            return _of_object(value, zone, now)
    return None


def _of_text(text: str, pattern: Any, zone: tzinfo, now: datetime, *, is_strict: bool) -> int | None:
    if isinstance(pattern, str):
        return parsed(text, pattern, zone, now, is_strict=is_strict)
    if isinstance(pattern, list):
        patterns = [each for each in pattern if isinstance(each, str)]
        return parsed_best(text, patterns, zone, now, is_strict=is_strict)
    return parsed_iso(text, zone, now)


def _of_object(parts: Mapping[str, Any], zone: tzinfo, now: datetime) -> int | None:
    given = {unit_of(name): int(number_of(value) or 0) for name, value in parts.items()}
    given["date"] = given.get("day", given.get("date", 1 if "month" in given or "year" in given else now.day))
    today = now.astimezone(zone)
    year, month = given.get("year", today.year), given.get("month", 0 if "year" in given else today.month - 1)
    clock = [given.get(name, 0) for name in ("hour", "minute", "second", "millisecond")]
    return milliseconds_of([year, month, given["date"], *clock], zone)
