"""An object of JavaScript with methods, as jsonata-python can use one."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Final

from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from shipmate.flow.moment.parsing import EPOCH

MILLISECOND: Final = timedelta(milliseconds=1)
NO_DATE: Final = object()
"""The argument of a method that is null: it is no date. One that is left out is now."""


class Date(dict):  # type: ignore[type-arg]  # it has no members: jsonata-python looks for methods in a dict
    """An object of JavaScript with methods, for jsonata-python: it calls what it finds as a member of a ``dict``."""

    __slots__ = ("milliseconds",)
    METHODS: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def __init__(self, milliseconds: int | None) -> None:
        """Create the date.

        Args:
            milliseconds: Since 1970; None for an invalid date.
        """
        super().__init__()
        self.milliseconds = milliseconds

    def get(self, name: Any, default: Any = None) -> Any:
        """Return the method of a name, for jsonata-python."""
        method = self.METHODS.get(name)
        return default if method is None else Jsonata.JLambda(lambda *given: method(self, *arguments(given)))

    def __contains__(self, name: object) -> bool:
        """Return whether there is a method of this name."""
        return name in self.METHODS

    def keys(self) -> Any:
        """Return the name of the one member that a comparison of two dates looks at."""
        return {"_d": None}.keys()

    def __getitem__(self, name: object) -> Any:
        """Return the time, which dates are compared by."""
        return self.milliseconds

    def __bool__(self) -> bool:
        """Be true, as every object is in JSONata that has members."""
        return True

    def to_json(self) -> Any:
        """Return the date in JSON: ISO 8601 in UTC, null for an invalid one."""
        return Utils.NULL_VALUE if (utc := self.at(UTC)) is None else _iso(utc)

    def value_of(self) -> float:
        """Return the milliseconds since 1970."""
        return math.nan if self.milliseconds is None else self.milliseconds

    def at(self, zone: tzinfo) -> datetime | None:
        """Return the time in a zone, None for an invalid date."""
        try:
            return None if self.milliseconds is None else (EPOCH + self.milliseconds * MILLISECOND).astimezone(zone)
        except OverflowError:
            return None


class JavaScriptDate(Date):
    """The result of ``toDate()`` of moment."""

    __slots__ = ()


def arguments(given: tuple[Any, ...]) -> list[Any]:
    """Return arguments of the evaluator, with `NO_DATE` for null."""
    return [NO_DATE if each is Utils.NULL_VALUE else each for each in given]


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z".rjust(24, "0")


JavaScriptDate.METHODS = {
    "getTime": Date.value_of, "valueOf": Date.value_of, "toISOString": Date.to_json, "toJSON": Date.to_json,
}  # fmt: skip
