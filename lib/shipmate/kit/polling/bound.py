"""The end of a run: the server's time minus a lag, the same for all requests of the run.

Records that are written while a run reads have a later time, and belong to the next run. The lag covers the time from
the moment that a record gets its time to the moment that the API shows it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from shipmate.kit.moments import Moment, moment
from shipmate.kit.polling.place import Time

Format = Callable[[datetime], Time]


def iso(when: datetime) -> str:
    """Return a time as most APIs write it.

    >>> iso(datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC))
    '2026-01-31T09:30:00.123Z'
    """
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


FORMATS: Final[Mapping[str, Format]] = {
    "iso": iso,
    "seconds": lambda when: int(when.timestamp()),
    "milliseconds": lambda when: int(when.timestamp()) * 1000 + when.microsecond // 1000,
}
"""The ways in which APIs take times."""


class Bound:
    """The exclusive end of a run; the first answer fixes it."""

    def __init__(self, now: datetime, lag_seconds: int, end: datetime | None, write: Format) -> None:
        """Set the end by the own clock, which may be wrong.

        Args:
            now: The time of the own clock.
            lag_seconds: The seconds until a written record is visible.
            end: The end that a person has chosen.
            write: Returns a time as the API takes it.
        """
        self._lag = timedelta(seconds=lag_seconds)
        self._write = write
        self._is_fixed = False
        self._end = end
        self._when = self._earliest(now)

    def fix(self, date: str | datetime | None) -> None:
        """Move the end back to the server's time in the first answer; later answers have no effect.

        The earlier one of both clocks counts: a clock that is slow delays records, one that is fast would lose them. A
        date that is not readable counts as none: some proxies write such ones.
        """
        if not self._is_fixed and (when := _read(date)) is not None:
            self._when = min(self._when, self._earliest(when))
        self._is_fixed = True

    @property
    def text(self) -> Time:
        """The end as the API takes it."""
        return self._write(self._when)

    @property
    def moment(self) -> Moment:
        """The end, to compare it with the times of records."""
        return moment(self.text)

    @property
    def is_end(self) -> bool:
        """Whether the end is the one that a person has chosen: later runs find nothing more."""
        return self._when == self._end

    def _earliest(self, now: datetime) -> datetime:
        settled = now - self._lag
        return settled if self._end is None else min(settled, self._end)


def _read(date: str | datetime | None) -> datetime | None:
    if isinstance(date, datetime):
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    try:
        return None if date is None else moment(date).when
    except (ValueError, OverflowError):
        return None
