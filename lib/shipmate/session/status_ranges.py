"""Lists of HTTP statuses with ranges, as people type them into a form. Pure; no I/O."""

from dataclasses import dataclass

from shipmate.errors import InvalidField

_LOWEST, _HIGHEST = 100, 599


@dataclass(frozen=True, slots=True)
class StatusRanges:
    """Statuses: single ones and ranges, both ends included."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str, *, name: str) -> "StatusRanges":
        """Return the statuses in a text.

        >>> 503 in StatusRanges.parse("408, 429, 500-599", name="errorCodes"), 404 in StatusRanges.parse("", name="x")
        (True, False)

        Args:
            text: The list, ``""`` for none.
            name: The name of the field, for messages.

        Raises:
            InvalidField: A part is neither a status nor a range.
        """
        ranges = []
        for part in filter(None, (each.strip() for each in text.replace(";", ",").split(","))):
            first, dash, last = (each.strip() for each in part.partition("-"))
            low = _status(first)
            high = _status(last) if dash else low
            if low is None or high is None or low > high:
                raise InvalidField(f"{name}: expected statuses such as 408, 429, 500-599, found {part[:30]!r}")
            ranges.append((low, high))
        return cls(tuple(ranges))

    def __contains__(self, status: object) -> bool:
        """Tell whether a status is one of them."""
        return isinstance(status, int) and any(low <= status <= high for low, high in self.ranges)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.ranges)


def _status(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) == 3):
        return None
    return status if _LOWEST <= (status := int(text)) <= _HIGHEST else None
