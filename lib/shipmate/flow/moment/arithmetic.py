"""Moves times on the wall, which have no zone."""

from datetime import datetime, timedelta

from shipmate.flow.moment.weeks import days_in_month


def add_months(wall: datetime, months: int) -> datetime:
    """Add months; the day becomes the last one of a shorter month."""
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, days_in_month(year, month)))


def start_of(wall: datetime, unit: str) -> datetime:
    """Return the first moment of a unit; other units change nothing."""
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "year":
            return midnight.replace(month=1, day=1)
        case "quarter":
            return midnight.replace(month=(wall.month - 1) // 3 * 3 + 1, day=1)
        case "month":
            return midnight.replace(day=1)
        case "week":
            return midnight - timedelta(days=wall.isoweekday() % 7)
        case "isoWeek":
            return midnight - timedelta(days=wall.isoweekday() - 1)
        case "day" | "date":
            return midnight
        case "hour":
            return wall.replace(minute=0, second=0, microsecond=0)
        case "minute":
            return wall.replace(second=0, microsecond=0)
        case "second":
            return wall.replace(microsecond=0)
    return wall
