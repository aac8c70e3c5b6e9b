"""The way through the changes of a collection, from a place to the end of the run: which request is next, what is new.

Nothing here does I/O, and nothing calculates with the times of records: they are sent back to the API as it wrote them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Final, Literal

from shipmate.errors import CannotPoll
from shipmate.kit.moments import moment
from shipmate.kit.polling.answer import Answer, Record, read_records
from shipmate.kit.polling.bound import Bound
from shipmate.kit.polling.crowd import Crowd
from shipmate.kit.polling.place import After, Id, Place, Time

Compare = Literal["or", "two", "time"]
# A snapshot as a whole must stay below 5 KB.
_MOST_SEEN: Final = 180
_LONGEST_SEEN: Final = 3000


@dataclass(frozen=True, slots=True)
class Order:
    """How a collection is ordered: by a time, and records of equal time by their id.

    Args:
        time_field: The path of the time in a record.
        id_field: The path of the id.
        compare: What the API compares: time and id in one request (``or``) or in two, or the time alone.
        chosen_by: The field of the trigger that chose the time; errors begin with it.
        lag_seconds: The seconds until a written record is visible.
        checks_ids: Whether the ids of records of equal time must be in an order that Python knows.
    """

    time_field: str
    id_field: str
    compare: Compare
    chosen_by: str
    lag_seconds: int
    checks_ids: bool = True


class Walk:
    """A run: it asks for pages after a place until it is over."""

    def __init__(self, order: Order, place: Place, bound: Bound, *, size: int, most: int) -> None:
        """Begin at a place.

        Args:
            order: The order of the collection.
            place: The place.
            bound: The end of the run.
            size: The records of a page.
            most: The most records of a page, for times that have more records than a page.
        """
        # Without ids a part of a time cannot be left out: its records are read again.
        self.place = Place(place.time, seen=(place.id,)) if order.compare == "time" and place.id is not None else place
        if len(self.place.seen) >= most:
            self.place = Place(place.time, is_past=True)
        # Records that were read before do not take the room of new ones.
        self.limit = min(size + len(self.place.seen), most)
        self.is_over = moment(place.time).order >= bound.moment.order if _comparable(place, bound) else False
        self._order = order
        self._bound = bound
        self._size, self._most = size, most
        self._reads_equal = True
        self._crowd: Crowd | None = None

    @property
    def is_within(self) -> bool:
        """Whether the run is among the records of one time, where no other run can go on."""
        return self._crowd is not None

    @property
    def after(self) -> After:
        """What to ask the API for."""
        after = self._after
        return after if self._crowd is None else replace(after, position=self._crowd.position)

    @property
    def _after(self) -> After:
        if self.place.is_past:
            return After(self.place.time, None, "later")
        if self.place.id is None:
            return After(self.place.time, None, "from")
        if self._order.compare == "two":
            return After(self.place.time, self.place.id, "equal") if self._reads_equal else self._later
        return After(self.place.time, self.place.id, "after")

    @property
    def until(self) -> str | int | float:
        """The end of the run, as the API takes it."""
        return self._bound.text

    def take(self, answer: Answer) -> list[Record]:
        """Return the new records of an answer, and move on.

        Raises:
            CannotPoll: The records are not as they were asked for.
        """
        records = self.read(answer)
        is_full = len(answer.records) >= self.limit if answer.more is None else answer.more
        if self._crowd is not None:
            return self._take_crowd(self._crowd, answer, records, is_full=is_full)
        if self.after.relation == "equal":
            return self._take_equal(records, is_full and self._ends_here(answer))
        settled = self.settled(records)
        goes_on = is_full and len(settled) == len(records)
        if goes_on and self._order.compare == "time":
            if not self._whole(settled) and answer.next is not None and answer.records:
                last = self._read_all(answer)[-1].changed
                # A page has a known record, and at least one more.
                self._crowd, self.limit = Crowd(last, self._order.chosen_by), max(self.limit, 2)
                return self._take_crowd(self._crowd, answer, records, is_full=True)
            # A page at its largest beside known records of its time: the new ones among them are all that can be read.
            is_largest = bool(self.place.seen) and self.limit >= self._most
            settled = self._whole(settled) or (settled if is_largest else [])
        if goes_on and not settled:
            self._widen(answer)
            return []
        if settled:
            self.place = self._place_after(settled, is_last=not goes_on)
        self.limit, self._reads_equal, self.is_over = self._size, True, not goes_on
        return settled

    def read(self, answer: Answer) -> list[Record]:
        """Return the records of an answer after the place, and fix the end of the run.

        Raises:
            CannotPoll: A record has no time or no id, or the records are not in their order.
        """
        self._bound.fix(answer.date)
        records = self._read_all(answer)
        self._check_times(records)
        new = self._new(records)
        self._check_ids(new)
        return new

    def settled(self, records: Sequence[Record]) -> list[Record]:
        """Return the records before the end of the run."""
        end = self._bound.moment.order
        return [record for record in records if moment(record.changed).order < end]

    def _read_all(self, answer: Answer) -> list[Record]:
        order = self._order
        found = read_records(
            answer.records, id_field=order.id_field, time_field=order.time_field, chosen_by=order.chosen_by
        )
        return list(found)

    def _take_crowd(self, crowd: Crowd, answer: Answer, records: list[Record], *, is_full: bool) -> list[Record]:
        """Take a page of the records of one time; the place moves on when all of them are read."""
        read, settled = self._read_all(answer), self.settled(records)
        found = crowd.take(settled)
        if crowd.is_moved(read):
            crowd.begin_again()
            return found
        rest = [record for record in settled if not crowd.is_here(record)]
        goes_on = is_full and answer.next is not None and bool(read) and len(settled) == len(records)
        whole = self._whole(rest) if goes_on else rest
        if goes_on and not whole and not (rest and crowd.seen):
            if rest:  # behind known records only, which the API returns again
                crowd.follow(rest[-1].changed)
                found = crowd.take(rest)
            assert answer.next is not None  # noqa: S101 - by goes_on
            crowd.go_on(answer.next, read[-1])
            return found
        if whole:
            self.place = self._place_after(whole, is_last=not goes_on)
        elif crowd.seen:
            self.place = self._place_at(crowd.time, crowd.seen, is_last=not goes_on)
        self.limit, self.is_over, self._crowd = self._size, not goes_on, None
        return [*found, *whole]

    @property
    def _later(self) -> After:
        return After(self.place.time, None, "later")

    def _take_equal(self, records: list[Record], goes_on: bool) -> list[Record]:
        """Take the answer to the first of two requests: records of the time of the place."""
        here = [record for record in records if self._is_here(record)]
        if here:
            self.place = replace(self.place, id=here[-1].id)
        self.limit, self._reads_equal = self._size, goes_on and bool(here)
        return here

    def _ends_here(self, answer: Answer) -> bool:
        order = self._order
        last = list(read_records(answer.records[-1:], id_field=order.id_field, time_field=order.time_field))
        return bool(last) and self._is_here(last[0])

    def _new(self, records: list[Record]) -> list[Record]:
        place, begin = self.place, moment(self.place.time).order
        is_past = place.is_past or self.after.relation == "later"
        for index, record in enumerate(records):
            # An API that also returns the record of the place returns records that were read before it.
            if place.id is not None and record.id == place.id and self._is_here(record):
                return records[index + 1 :]
        return [
            record
            for record in records
            if (when := moment(record.changed).order) > begin
            or (when == begin and not is_past and record.id not in place.seen)
        ]

    def _is_here(self, record: Record) -> bool:
        return moment(record.changed).order == moment(self.place.time).order

    def _whole(self, records: list[Record]) -> list[Record]:
        """Return the records whose time is certainly complete: all but those of the last time."""
        if not records:
            return []
        last = moment(records[-1].changed).order
        return [record for record in records if moment(record.changed).order < last]

    def _place_after(self, records: Sequence[Record], *, is_last: bool) -> Place:
        """Return the place after some records.

        After the last page of a run, records with its last time may still arrive: the place has the ids that were read.
        """
        last = records[-1]
        if self._order.compare != "time":
            return Place(last.changed, last.id)
        here = moment(last.changed).order
        seen = [record.id for record in records if moment(record.changed).order == here]
        return self._place_at(last.changed, seen, is_last=is_last)

    def _place_at(self, time: Time, ids: Iterable[Id], *, is_last: bool) -> Place:
        before = self.place.seen if moment(self.place.time).order == moment(time).order else ()
        seen = (*before, *ids)
        is_short = len(seen) <= _MOST_SEEN and sum(len(str(each)) for each in seen) <= _LONGEST_SEEN
        return Place(time, seen=seen) if is_last and is_short else Place(time, is_past=True)

    def _widen(self, answer: Answer) -> None:
        """Ask for a larger page, since this one has nothing new.

        Raises:
            CannotPoll: The page has its largest size.
        """
        order, limit = self._order, self.limit
        self.limit = min(2 * limit, self._most)
        if self.limit > limit:
            return
        if not answer.records:
            raise CannotPoll(
                f"{order.chosen_by}: expected records, found an empty page of which more are said to follow"
            )
        if self.place.seen:
            # A page has no room for more than the known records of this time.
            self.place, self.limit = Place(self.place.time, is_past=True), self._size
            return
        if order.compare == "time":
            raise CannotPoll(
                f"{order.chosen_by}: expected fewer than {limit} records with one time in {order.time_field}, found a "
                "full page of them: let the API compare ids too (compare='or'), raise the size of a page (most), or "
                "return the position of the next page as Answer.next"
            )
        raise CannotPoll(
            f"{order.chosen_by}: expected records after the last one, found a full page of earlier ones: the API does "
            f"not compare {order.time_field} and {order.id_field} as it writes them (try compare='time')"
        )

    def _check_times(self, records: list[Record]) -> None:
        order = self._order
        times = [moment(record.changed) for record in records]
        known = [moment(self.place.time), self._bound.moment]
        if times and len({each.is_number for each in [*times, *known]}) > 1:
            raise CannotPoll(
                f"{order.chosen_by}: expected times of one kind, found numbers and dates in {order.time_field} and in "
                "the request: declare their format"
            )
        if any(one.order > other.order for one, other in pairwise(times)):
            raise CannotPoll(
                f"{order.chosen_by}: expected records in the order of {order.time_field}, found an earlier one after a "
                f"later one: ask the API to order by {order.time_field}, then {order.id_field}"
            )
        coarsest = max((each.resolution_seconds for each in times), default=1)
        if coarsest > order.lag_seconds:
            raise CannotPoll(
                f"{order.chosen_by}: expected times to the second in {order.time_field}, found parts of {coarsest} "
                f"seconds: declare lag_seconds of at least {coarsest}"
            )

    def _check_ids(self, records: list[Record]) -> None:
        """Refuse ids in no order: of records with equal times, those on the next page would be lost.

        Raises:
            CannotPoll: A record has no id, or ids of one time are neither in the order of numbers nor of text.
        """
        order = self._order
        if any(isinstance(record.id, bool) or not isinstance(record.id, str | int) for record in records):
            raise CannotPoll(
                f"{order.id_field}: expected text or a whole number in {order.id_field} of each record, found none"
            )
        if order.compare == "time" or not order.checks_ids:
            return
        for time, group in groupby(records, key=lambda record: str(record.changed)):
            ids = [record.id for record in group]
            if self.place.id is not None and str(self.place.time) == time:
                ids = [self.place.id, *ids]
            if not _is_ascending(ids):
                raise CannotPoll(
                    f"{order.id_field}: expected records of equal time in the order of {order.id_field}, found another "
                    "order: ask the API to order by it, or declare compare='time' (checks_ids=False if the API has "
                    "an order of its own)"
                )


_ID_ORDERS: Final[tuple[Callable[[Any], Any], ...]] = (str, lambda each: str(each).casefold())


def _is_ascending(ids: Iterable[Any]) -> bool:
    """Return whether ids are in the order of numbers, of their characters, or of these without case.

    >>> _is_ascending([9, 10]), _is_ascending(["10", "9"]), _is_ascending(["b", "A"])
    (True, True, False)
    """
    given = list(ids)
    orders = list(_ID_ORDERS)
    if all(isinstance(each, int) for each in given):
        orders = [int]
    elif all(isinstance(each, str) and each.isascii() and each.isdecimal() and len(each) < 100 for each in given):
        orders.append(int)
    return any(all(one <= other for one, other in pairwise(map(key, given))) for key in orders)


def _comparable(place: Place, bound: Bound) -> bool:
    return moment(place.time).is_number == bound.moment.is_number
