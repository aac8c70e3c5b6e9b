"""The time zone of dates without one and of schedules: UTC, or what the variable ``TZ`` names."""

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def local_zone() -> tzinfo:
    """Return the time zone of this process; UTC if ``TZ`` is not set or names no zone."""
    return _zone(os.environ.get("TZ", ""))


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name.lstrip(":")) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
