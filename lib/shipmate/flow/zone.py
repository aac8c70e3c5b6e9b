"""The time zone of dates without one and of schedules: UTC, or what the variable ``TZ`` names."""

import logging
import os
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_log: Final = logging.getLogger("shipmate.flow")
_LONGEST_SHOWN: Final = 40


def local_zone() -> tzinfo:
    """Return the time zone of this process; UTC if ``TZ`` is not set, and with a warning if it names no zone."""
    return _zone(os.environ.get("TZ", ""))


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name.lstrip(":")) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _log.warning("TZ: expected a time zone such as Europe/Berlin, found %r; times are UTC", name[:_LONGEST_SHOWN])
        return UTC
