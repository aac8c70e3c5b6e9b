"""How an API returns a list in pages: what asks for a page, and what names the next one. Pure; no I/O."""

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, Literal

from shipmate.jsonvalue import member_at
from shipmate.kit.objects.errors import UnexpectedAnswer
from shipmate.kit.objects.members import has_member

Position = str | int | None
"""Where a page is: a cursor, an offset, a number or a URL; None for the first page."""
_NEXT: Final = re.compile(r'<([^<>]{1,8000})>\s*;[^<>,]{0,200}\brel="?next"?(?=[\s;,]|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page, as far as the next one depends on it."""

    position: Position
    size: int | None
    """The records that were asked for; None if the API decides."""
    was_full: bool = False
    """Whether an earlier page had as many records as were asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """The objects of one page."""

    records: list[Any]
    total: int | None
    """The number of all objects that match, None if the API does not say it."""
    next: Position
    """The position of the next page, None after the last one."""
    date: str | None
    """The server's time."""


@dataclass(frozen=True, slots=True)
class Paging:
    """The pages of an API: `cursor`, `offset`, `page`, `link` and `whole` make one.

    Args:
        kind: What names a page.
        records: The path of the list in an answer; empty if the answer is the list.
        size: The parameter with the number of records of a page; empty without one.
        default: The records of a page unless a person chooses another number.
        most: The most records of a page.
        parameter: The parameter with the position.
        next: The path of the next position in an answer.
        total: The path of the number of all records that match; empty without one.
        first: The number of the first page, or the first offset.
        ends: Which page is the last one: ``short`` trusts that only the last one has fewer records than were asked for,
            ``empty`` asks until a page has none.
        omits_empty: Whether the API leaves out a list without items.
    """

    kind: Literal["cursor", "offset", "page", "link", "whole"]
    records: str = ""
    _: KW_ONLY
    size: str = ""
    default: int = 100
    most: int = 100
    parameter: str = ""
    next: str = ""
    total: str = ""
    first: int = 0
    ends: Literal["", "short", "empty"] = ""
    omits_empty: bool = False

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: The sizes are not 1 <= default <= most.
        """
        if not 1 <= self.default <= self.most:
            raise ValueError(f"default: expected a number from 1 to most ({self.most}), found {self.default}")

    @property
    def jumps(self) -> bool:
        """Whether a page can be asked for by its number."""
        return self.kind in ("offset", "page")

    def position_of(self, number: int, size: int) -> Position:
        """Return the position of a page by its number, beginning with 0."""
        return self.first + (number * size if self.kind == "offset" else number)

    def params(self, asked: Asked) -> dict[str, str | int]:
        """Return the parameters of a request.

        >>> offset("data").params(Asked(100, 50))
        {'limit': 50, 'offset': 100}
        """
        found: dict[str, str | int] = {self.size: asked.size} if self.size and asked.size is not None else {}
        if self.kind not in ("link", "whole") and asked.position is not None:
            found[self.parameter] = asked.position
        return found

    def read(self, answer: Any) -> list[Any]:
        """Return the records of an answer.

        Raises:
            UnexpectedAnswer: The answer has no list in its place.
        """
        found = member_at(answer, self.records)
        place = f"at {self.records}" if self.records else "as the answer"
        if found is None and (answer is None or self.omits_empty or has_member(answer, self.records)):
            return []  # 204, or null in place of a list without items
        if not isinstance(found, list):
            kind = "nothing" if found is None else type(found).__name__
            raise UnexpectedAnswer(f"expected a list {place}, found {kind}: correct records= of the declared pages")
        return found

    def total_of(self, answer: Any) -> int | None:
        """Return the number of all records that match, None if the API does not say it."""
        found = member_at(answer, self.total) if self.total else None
        if isinstance(found, str) and found.isascii() and found.isdecimal():
            return int(found[:18])
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def after(self, asked: Asked, answer: Any, count: int, headers: Mapping[str, str]) -> Position:
        """Return the position of the next page, None after the last one.

        Args:
            asked: The request.
            answer: Its answer.
            count: The records in it.
            headers: Its headers.
        """
        if self.kind == "whole":
            return None
        if self.kind in ("cursor", "link"):
            return self._named(answer, headers)
        return None if self._is_last(asked, answer, count) else self._counted(asked, count)

    def _named(self, answer: Any, headers: Mapping[str, str]) -> Position:
        if self.next:
            found = member_at(answer, self.next)
        else:
            match = _NEXT.search(headers.get("Link", "")[:20_000])
            found = match[1] if match else None
        if found is None or found == "" or isinstance(found, bool):
            return None
        if not isinstance(found, str | int):
            raise UnexpectedAnswer(f"expected a text at {self.next}, found {type(found).__name__}")
        return found

    def _is_last(self, asked: Asked, answer: Any, count: int) -> bool:
        if not count:
            return True
        total = self.total_of(answer)
        if total is not None and self.kind == "offset":
            return self._place(asked) - self.first + count >= total
        if asked.size is None or self.ends == "empty" or count >= asked.size:
            return False
        # An API may allow smaller pages than were asked for: then the first page is short, and not the last one.
        return self.ends == "short" or asked.was_full

    def _counted(self, asked: Asked, count: int) -> int:
        return self._place(asked) + (count if self.kind == "offset" else 1)

    def _place(self, asked: Asked) -> int:
        return asked.position if isinstance(asked.position, int) else self.first


def cursor(
    records: str = "",
    *,
    next: str,
    parameter: str = "cursor",
    size: str = "limit",
    default: int = 100,
    most: int = 100,
    total: str = "",
    omits_empty: bool = False,
) -> Paging:
    """Declare pages whose answer has a text that asks for the next one.

    ``cursor("data", next="meta.next", parameter="after")``
    """
    return Paging(
        "cursor", records, next=next, parameter=parameter, size=size, default=default, most=most, total=total,
        omits_empty=omits_empty,
    )  # fmt: skip


def offset(
    records: str = "",
    *,
    parameter: str = "offset",
    size: str = "limit",
    default: int = 100,
    most: int = 100,
    total: str = "",
    first: int = 0,
    ends: Literal["", "short", "empty"] = "",
    omits_empty: bool = False,
) -> Paging:
    """Declare pages that are asked for by the number of records before them.

    While they are read, records that move can be missed: prefer `cursor` if the API has it.
    """
    return Paging(
        "offset", records, parameter=parameter, size=size, default=default, most=most, total=total, first=first,
        ends=ends, omits_empty=omits_empty,
    )  # fmt: skip


def page(
    records: str = "",
    *,
    parameter: str = "page",
    size: str = "per_page",
    default: int = 100,
    most: int = 100,
    total: str = "",
    first: int = 1,
    ends: Literal["", "short", "empty"] = "",
    omits_empty: bool = False,
) -> Paging:
    """Declare pages that are asked for by their number."""
    return Paging(
        "page", records, parameter=parameter, size=size, default=default, most=most, total=total, first=first,
        ends=ends, omits_empty=omits_empty,
    )  # fmt: skip


def link(
    records: str = "",
    *,
    next: str = "",
    size: str = "per_page",
    default: int = 100,
    most: int = 100,
    total: str = "",
    omits_empty: bool = False,
) -> Paging:
    """Declare pages whose answer has the URL of the next one: at the path ``next``, or in the header ``Link``."""
    return Paging(
        "link", records, next=next, size=size, default=default, most=most, total=total, omits_empty=omits_empty
    )


def whole(records: str = "", *, total: str = "", omits_empty: bool = False) -> Paging:
    """Declare a list that comes in one answer."""
    return Paging("whole", records, total=total, omits_empty=omits_empty, most=10_000)
