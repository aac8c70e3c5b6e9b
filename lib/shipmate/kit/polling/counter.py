"""Polls by a number that only grows, such as that of an invoice or an event.

Each request asks for the records with a number greater than the last one, in ascending order. A snapshot with the last
number follows each page. Records that change later do not come again, and neither does a record that becomes visible
after one with a greater number.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeGuard

from shipmate.errors import CannotPoll
from shipmate.jsonvalue import kind_of
from shipmate.kit.polling.answer import Answer, Record, as_answer, read_records
from shipmate.kit.polling.emission import LOG, Envelope, Page, digest, emit_pages, resumed, sample
from shipmate.kit.polling.fields import (
    SAMPLE_RECORDS,
    PageSize,
    PollFields,
    PollSettings,
    at_least_one,
    descriptor,
    is_sample,
)
from shipmate.kit.polling.place import VERSION

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

__all__ = ["Counter", "FetchGreater", "counter"]

# JavaScript, which platforms read snapshots with, rounds greater numbers. Source: ECMA-262, Number.MAX_SAFE_INTEGER.
_MOST_EXACT: Final = 2**53 - 1
_DIGITS: Final = re.compile(r"-?[0-9]{1,4000}")


class FetchGreater(Protocol):
    """Fetches one page: ``fetch(41, 100)``; the number is None at the beginning."""

    def __call__(self, after: int | None, limit: int, /) -> Answer | Sequence[Any]:
        """Return at most ``limit`` records with a number greater than ``after``, in ascending order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """The declaration of a trigger that polls by a growing number; `counter` makes it."""

    number: str
    read_old: Callable[[Mapping[str, Any]], int | None] | None
    size: PageSize
    max_pages: int
    fields: PollFields

    def poll(
        self,
        context: "Context",
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchGreater,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> None:
        """Emit all records with a number greater than that of the snapshot, and a snapshot after each page.

        Args:
            context: The context of the call.
            cfg: The configuration, with the trigger's fields.
            snapshot: The snapshot that the function received.
            fetch: Fetches one page.
            of: What is polled, as JSON: a path, filters. With another value polling starts over.
            body: Returns the body of a record's message; the record itself unless given.

        Raises:
            CannotPoll: The API does not return records as declared.
            NoSample: The run fetches a sample, and there is no record.
            ValueError: A field has a wrong value.
        """
        emit_pages(context, self.pages(cfg, snapshot, fetch, of=of, body=body))

    def pages(
        self,
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchGreater,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of a run; emit the messages of each, then its snapshot, before the next one is fetched.

        The arguments and errors are those of `poll`.
        """
        settings = PollSettings.from_cfg(cfg, self.fields, self.size)
        source = digest("counter", of, self.number)
        envelope = Envelope(source, settings.by_page, self.fields.results, body)
        if is_sample():
            answer = as_answer(fetch(None, min(settings.page_size, SAMPLE_RECORDS)))
            yield sample(self._records(answer, None), envelope, SAMPLE_RECORDS)
            return
        last = _last_number(resumed(snapshot, source, "number", self.read_old))
        for _ in range(self.max_pages):
            answer = as_answer(fetch(last, settings.page_size))
            records = self._records(answer, last)
            if records:
                last = records[-1].id
                kept = {"v": VERSION, "number": last if abs(last) <= _MOST_EXACT else str(last), "of": source}
                yield Page([record.value for record in records], envelope.messages(records), kept)
            is_full = len(records) >= settings.page_size if answer.more is None else answer.more
            if not is_full or settings.single_page:
                return
        LOG.info("the run ends after %d pages; the next one goes on behind them", self.max_pages)

    def descriptor(self) -> dict[str, Any]:
        """Return the fields of the trigger for ``component.json``: ``{"pageSize": {"label": ..., ...}, ...}``."""
        return descriptor(self.fields, {}, self.size, with_times=False)

    def _records(self, answer: Answer, last: int | None) -> list[Record]:
        """Return the records of an answer to the request for numbers greater than the last one.

        Raises:
            CannotPoll: A record has no whole number, or the numbers do not ascend from the last one.
        """
        records = list(read_records(answer.records, id_field=self.number, time_field=""))
        numbers = [record.id for record in records]
        for number in numbers:
            if not _is_whole(number):
                found = "a number with a fraction" if isinstance(number, float) else kind_of(number)
                raise CannotPoll(f"counter: expected a whole number in {self.number} of each record, found {found}")
        if any(one >= other for one, other in pairwise(numbers)):
            raise CannotPoll(
                f"counter: expected records in the ascending order of {self.number}, each number once, found another "
                f"order: ask the API to order by {self.number}"
            )
        if numbers and last is not None and numbers[0] <= last:
            raise CannotPoll(
                f"counter: expected only records whose {self.number} is greater than the requested one, found another: "
                "ask the API for greater numbers"
            )
        if answer.more and not records:
            raise CannotPoll("counter: expected records, found an empty page of which more are said to follow")
        return records


def counter(
    number: str = "id",
    *,
    read_old: Callable[[Mapping[str, Any]], int | None] | None = None,
    size: int = 100,
    most: int = 100,
    max_pages: int = 1000,
    fields: PollFields | None = None,
) -> Counter:
    """Declare a trigger that polls by a number that only grows.

    Args:
        number: The path of the number in a record: a whole number, no text.
        read_old: Returns the last number in a snapshot of a component's predecessor, or None.
        size: The records of a page unless a person chooses another number.
        most: The most records of a page.
        max_pages: The most requests of a run; the next run goes on.
        fields: The ids of the trigger's fields.

    Raises:
        CannotPoll: The declaration has no number.
        ValueError: An argument has a wrong value.
    """
    if not number:
        raise CannotPoll("counter: expected the path of a number, by which the API orders its records, found none")
    return Counter(
        number=number,
        read_old=read_old,
        size=PageSize(size, most),
        max_pages=at_least_one("max_pages", max_pages),
        fields=fields or PollFields(),
    )


def _last_number(kept: Any) -> int | None:
    """Return the number of a snapshot, which is text if it is large.

    >>> _last_number(41), _last_number("9007199254740993"), _last_number(None)
    (41, 9007199254740993, None)

    Raises:
        CannotPoll: It is no whole number.
    """
    if kept is None or _is_whole(kept):
        return kept
    if isinstance(kept, str) and _DIGITS.fullmatch(kept):
        return int(kept)
    raise CannotPoll(f"counter: expected a whole number in the snapshot or from read_old, found {kind_of(kept)}")


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
