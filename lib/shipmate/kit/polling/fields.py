"""The fields of a polling trigger: their ids in ``component.json``, and what a person has filled in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from shipmate.kit.values import choice, flag, moment, number

START: Final = "1970-01-01T00:00:00.000Z"
SAMPLE_RECORDS: Final = 10
"""The most records of a sample."""
_DEBUG: Final = "debug"


@dataclass(frozen=True, slots=True)
class PollFields:
    """The ids and choices of a trigger's fields; the defaults are those of newly published components.

    Args:
        time: The choice of the time to poll on.
        emit: The choice between single records and pages; empty for a trigger without this field.
        page_size: The size of a page.
        single_page: The check box that ends a run after one page.
        start: The time to begin at, inclusive.
        end: The time to end at, exclusive.
        results: The member of a message that holds the records of a page.
        individually: The values of ``emit`` for one message per record; new flows have the first.
        pages: The values of ``emit`` for one message per page; new flows have the first.
        default: The meaning of an empty ``emit``.

    Raises:
        ValueError: The default is not possible.
    """

    time: str = "pollConfig"
    emit: str = "emitBehavior"
    page_size: str = "pageSize"
    single_page: str = "singlePagePerInterval"
    start: str = "startTime"
    end: str = "endTime"
    results: str = "results"
    individually: tuple[str, ...] = ("emitIndividually",)
    pages: tuple[str, ...] = ("emitPage", "fetchPage")
    default: Literal["individually", "pages"] = "individually"

    def __post_init__(self) -> None:
        """Check the default."""
        if self.default not in ("individually", "pages"):
            raise ValueError(f"default: expected 'individually' or 'pages', found {self.default!r}")

    def is_by_page(self, cfg: Mapping[str, Any]) -> bool:
        """Return whether the records of a page are in one message.

        Raises:
            InvalidField: The field has another value.
        """
        if not self.emit:
            return self.default == "pages"
        default = (self.pages if self.default == "pages" else self.individually)[0]
        return choice(cfg, self.emit, *self.individually, *self.pages, default=default) in self.pages


def at_least_one(name: str, number: int) -> int:
    """Return an option that counts, which must be positive.

    Raises:
        ValueError: It is less than 1.
    """
    if number < 1:
        raise ValueError(f"{name}: expected at least 1, found {number}")
    return number


@dataclass(frozen=True, slots=True)
class PageSize:
    """The size of a page: ``default`` unless the field has another number, at most ``most``."""

    default: int
    most: int

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be.

        Raises:
            ValueError: The sizes are not 1 <= default <= most.
        """
        if not 1 <= self.default <= self.most:
            raise ValueError(f"size: expected a number from 1 to most ({self.most}), found {self.default}")


@dataclass(frozen=True, slots=True)
class PollSettings:
    """What a person has filled in."""

    by_page: bool
    page_size: int
    single_page: bool
    start: datetime | None
    end: datetime | None

    def has(self, when: datetime) -> bool:
        """Return whether a time is between the start and the end."""
        return (self.start is None or when >= self.start) and (self.end is None or when < self.end)

    @classmethod
    def from_cfg(cls, cfg: Mapping[str, Any], fields: PollFields, size: PageSize) -> "PollSettings":
        """Read the fields; an empty text and null mean the default.

        Raises:
            ValueError: A field has a wrong value, or the end is not after the start.
        """
        start, end = moment(cfg, fields.start), moment(cfg, fields.end)
        if start is not None and end is not None and start >= end:
            raise ValueError(f"{fields.end}: expected a time after {fields.start}, found an earlier or equal one")
        return cls(
            by_page=fields.is_by_page(cfg),
            page_size=number(cfg, fields.page_size, default=size.default, least=1, most=size.most),
            single_page=flag(cfg, fields.single_page),
            start=start,
            end=end,
        )


def is_sample(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether this run fetches a sample for a person who designs a flow."""
    return (os.environ if environ is None else environ).get("ELASTICIO_FLOW_TYPE") == _DEBUG


def descriptor(fields: PollFields, times: Mapping[str, str], size: PageSize, *, with_times: bool) -> dict[str, Any]:
    """Return the fields of a trigger for ``component.json``.

    Args:
        fields: Their ids.
        times: The choices of the time and their labels.
        size: The size of a page.
        with_times: Whether the trigger orders records by time.
    """
    found: dict[str, Any] = {}
    if len(times) > 1:
        model = dict(times)
        first = next(iter(model.values()))
        found[fields.time] = {"label": "Time stamp field to poll on", "viewClass": "SelectView", "model": model,
                              "prompt": first}  # fmt: skip
    if fields.emit:
        prompt = "Emit page" if fields.default == "pages" else "Emit individually"
        found[fields.emit] = {
            "label": "Emit behavior", "viewClass": "SelectView", "prompt": prompt,
            "model": {fields.individually[0]: "Emit individually", fields.pages[0]: "Emit page"},
        }  # fmt: skip
    found[fields.page_size] = {
        "label": "Size of Polling Page", "viewClass": "TextFieldView", "placeholder": str(size.default),
        "note": f"1 to {size.most}, {size.default} unless given",
    }  # fmt: skip
    found[fields.single_page] = {"label": "Process Single Page Per Execution", "viewClass": "CheckBoxView"}
    if with_times:
        found[fields.start] = {
            "label": "Start Time", "viewClass": "TextFieldView", "placeholder": START,
            "note": "The first time that is polled, as 2026-01-31T09:30:00Z",
        }  # fmt: skip
        found[fields.end] = {
            "label": "End Time", "viewClass": "TextFieldView", "placeholder": "never",
            "note": "Records of this time and later ones are not polled",
        }  # fmt: skip
    for place, field in enumerate(found.values()):
        field |= {"required": False, "order": 90 - 10 * place}
    return found
