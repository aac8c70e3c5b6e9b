"""Stands in for the timer: emits the time of each tick."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shipmate import Context, message

_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_LENGTH: Final = len("1970-01-01T00:00:00.000Z")
_EPOCH: Final = "1970-01-01T00:00:00.000Z"


class BadTime(ValueError):
    """A time of the configuration is malformed, or the start is behind the end."""


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the time of this tick and of the last one, unless the tick is outside the configured window."""
    now = datetime.now(UTC)
    if not is_in_window(cfg, now):
        context.logger.info("the tick is outside startTime and endTime: nothing is emitted")
        return
    fire_time = _text(now)
    last_poll = (snapshot or {}).get("lastPoll") or cfg.get("startTime") or _EPOCH
    context.emit("data", message({"fireTime": fire_time, "lastPoll": last_poll}))
    context.emit("snapshot", {"lastPoll": fire_time})


def is_in_window(cfg: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a moment is between ``startTime`` and ``endTime``, which may both be missing.

    Raises:
        BadTime: A time is malformed, or the start is behind the end.
    """
    start, end = _time(cfg, "startTime"), _time(cfg, "endTime")
    if start is not None and end is not None and start > end:
        raise BadTime("expected startTime before endTime")
    return (start is None or start <= now) and (end is None or now <= end)


def _time(cfg: Mapping[str, Any], name: str) -> datetime | None:
    text = cfg.get(name)
    if not text:
        return None
    try:
        if isinstance(text, str) and len(text) == _LENGTH:
            return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise BadTime(f"{name}: expected a time such as 2026-01-31T12:00:00.000Z, found {text!r:.40}")


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
