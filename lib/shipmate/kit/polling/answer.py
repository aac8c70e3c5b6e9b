"""The answer of an API to one request for records, and the records in it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shipmate.errors import CannotPoll
from shipmate.jsonvalue import member_at
from shipmate.kit.moments import Moment, moment


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of an API: ``Answer([{"id": 7}], date="Sat, 31 Jan 2026 09:30:00 GMT")``.

    Args:
        records: The records, in the order of the API.
        date: The server's time: the header ``Date``, or a datetime.
        more: Whether the API has more records now; None if it does not say so.
        next: The token, or the position of the next page.
        place: The position of this page, as ``next`` of another answer would name it.
    """

    records: Sequence[Any]
    date: str | datetime | None = None
    more: bool | None = None
    next: str | int | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a page."""

    value: Any
    identity: str
    """A text that differs for every record of the collection, and for every version of a record."""
    index: int
    changed: Any = None
    """The time of the last change as the API wrote it, None in a collection without such a field."""
    id: Any = None


def as_answer(found: Answer | Sequence[Any]) -> Answer:
    """Return what an author's function has returned as an answer.

    Raises:
        CannotPoll: It is neither an `Answer` nor a list of records.
    """
    answer = found if isinstance(found, Answer) else Answer(found)
    if isinstance(answer.records, Sequence) and not isinstance(answer.records, str | bytes):
        return answer
    raise CannotPoll(f"fetch: expected a list of records or an Answer, found {type(answer.records).__name__}")


def read_records(
    values: Sequence[Any], *, id_field: str, time_field: str, chosen_by: str = "times"
) -> Iterator[Record]:
    """Yield the records with their identities; equal records are counted, and so differ.

    Args:
        values: The records of one page.
        id_field: The path of the id; empty if the record as a whole is its identity.
        time_field: The path of the time of the last change; empty if there is none.
        chosen_by: What has named the path of the time; errors begin with it.

    Raises:
        CannotPoll: A record has no time, or a time that allows two readings.
    """
    counts: Counter[str] = Counter()
    for index, value in enumerate(values):
        key = member_at(value, id_field) if id_field else None
        changed = member_at(value, time_field) if time_field else None
        if time_field:
            read_time(changed, time_field, chosen_by)
        text = json.dumps([value if key is None else key, changed], sort_keys=True, default=str)
        yield Record(value, f"{text} {counts[text]}", index, changed, key)
        counts[text] += 1


def read_time(value: Any, field: str, chosen_by: str) -> Moment:
    """Return the moment of a record's time.

    Raises:
        CannotPoll: The value is missing, or allows two readings; the text shows its form only.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        found = "none" if value is None else type(value).__name__
        raise CannotPoll(f"{chosen_by}: expected a time in {field} of each record, found {found}")
    try:
        return moment(value)
    except ValueError as error:
        raise CannotPoll(f"{chosen_by}: the times in {field}: {error}") from None
