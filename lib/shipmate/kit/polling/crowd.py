"""The records of one time that fill more than a page, for an API that compares times alone.

They are read by the pages of the API. A record that changes between two requests leaves its time, and those behind it
move up. So each page that begins at an offset begins with the last record of the page before; if it is elsewhere, the
pages are read once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shipmate.errors import CannotPoll
from shipmate.kit.moments import moment
from shipmate.kit.polling.answer import Record
from shipmate.kit.polling.place import Id, Time

MOST_RECORDS: Final = 100_000
"""The most records of one time; their ids are in memory."""
_MOST_PASSES: Final = 10


@dataclass(slots=True)
class Crowd:
    """The way through the records of one time, by the pages of one search.

    Args:
        time: The time.
        chosen_by: The field that has chosen the time; errors begin with it.
    """

    time: Time
    chosen_by: str
    position: str | int | None = None
    """The position of the next page; an offset is that of a known record."""
    seen: set[Id] = field(default_factory=set)
    """The ids of the records that were new."""
    _positions: set[str | int] = field(default_factory=set)
    _last: Id | None = None
    _passes: int = 1

    def is_moved(self, read: Sequence[Record]) -> bool:
        """Tell whether records before a page have gone: it does not begin with the known record."""
        return isinstance(self.position, int) and (not read or read[0].id != self._last)

    def begin_again(self) -> None:
        """Go back to the first page.

        Raises:
            CannotPoll: The API has no fixed order.
        """
        self._passes += 1
        if self._passes > _MOST_PASSES:
            raise CannotPoll(
                f"{self.chosen_by}: expected records of one time in a fixed order, found them in another one in each "
                f"of {_MOST_PASSES} attempts: return the cursor of the API as Answer.next, if it has one"
            )
        self._positions.clear()
        self.position = None

    def take(self, records: Sequence[Record]) -> list[Record]:
        """Return those records of the time that were not read yet.

        Raises:
            CannotPoll: There are too many.
        """
        here = [record for record in records if self.is_here(record) and record.id not in self.seen]
        self.seen.update(record.id for record in here)
        if len(self.seen) > MOST_RECORDS:
            raise CannotPoll(f"{self.chosen_by}: expected at most {MOST_RECORDS} records of one time, found more")
        return here

    def follow(self, time: Time) -> None:
        """Go on with a later time in the same pages."""
        self.time, self.seen = time, set()

    def go_on(self, position: str | int, last: Record) -> None:
        """Go to the next page.

        Args:
            position: Its position, as the API names it.
            last: The last record of this page.

        Raises:
            CannotPoll: The API has returned this page before.
        """
        if isinstance(position, int):
            position -= 1
        if position in self._positions:
            raise CannotPoll(f"{self.chosen_by}: expected another page of records of one time, found the same again")
        self._positions.add(position)
        self.position, self._last = position, last.id

    def is_here(self, record: Record) -> bool:
        """Tell whether a record has the time."""
        return moment(record.changed).order == moment(self.time).order
