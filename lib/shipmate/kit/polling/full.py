"""Emits a whole list in every run, such as the result of a query; a run that was interrupted goes on.

A snapshot follows each message. The last one of a run is empty, so that the next run begins at the first page.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shipmate.kit.polling.answer import Answer, Record, as_answer, read_records
from shipmate.kit.polling.delta import TokenRefused
from shipmate.kit.polling.emission import LOG, Envelope, Page, digest, emit_pages, sample
from shipmate.kit.polling.fields import (
    SAMPLE_RECORDS,
    PageSize,
    PollFields,
    PollSettings,
    at_least_one,
    descriptor,
    is_sample,
)

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

__all__ = ["FetchAll", "FullListing", "full_listing"]


class FetchAll(Protocol):
    """Fetches one page: ``fetch("/query/01g-2000", 100)``."""

    def __call__(self, position: str | int | None, limit: int, /) -> Answer:
        """Return the page at a position, None for the first, with the position of the next one.

        Raises:
            TokenRefused: The API does not know the position any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FullListing:
    """The declaration of a trigger whose every run emits a whole list; `full_listing` makes it."""

    id: str
    size: PageSize
    max_pages: int
    fields: PollFields

    def poll(
        self,
        context: "Context",
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchAll,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> None:
        """Emit all records, or those that an interrupted run has left.

        Args:
            context: The context of the call.
            cfg: The configuration, with the trigger's fields.
            snapshot: The snapshot that the function received.
            fetch: Fetches one page.
            of: What is read, as JSON: a query. With another value a run begins at the first page.
            body: Returns the body of a record's message; the record itself unless given.

        Raises:
            NoSample: The run fetches a sample, and there is no record.
            ValueError: A field has a wrong value.
        """
        emit_pages(context, self.pages(cfg, snapshot, fetch, of=of, body=body))

    def pages(
        self,
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchAll,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> Iterator[Page]:
        """Yield what to emit, one message at a time: its records, the message, the snapshot behind it.

        The arguments and errors are those of `poll`.
        """
        settings = PollSettings.from_cfg(cfg, self.fields, self.size)
        run = _Run.resume(snapshot, digest("full", of, settings.by_page))
        envelope = Envelope(run.name, settings.by_page, self.fields.results, body)
        if is_sample():
            answer = as_answer(fetch(None, min(settings.page_size, SAMPLE_RECORDS)))
            yield sample(self._records(answer), envelope, SAMPLE_RECORDS)
            return
        is_saved = bool(snapshot) and run.snapshot() == snapshot
        for _ in range(self.max_pages):
            answer = self._read(run, fetch, settings.page_size)
            left = run.left(self._records(answer))
            if left and not is_saved:
                # Before the first message: after a crash it must have the same id again.
                yield Page([], [], run.snapshot())
            for records in [left] if settings.by_page and left else [[each] for each in left]:
                run.note(records)
                yield Page([each.value for each in records], envelope.messages(records), run.snapshot())
            is_saved = is_saved or bool(left)
            if answer.next is None:
                if is_saved:
                    yield Page([], [], {})
                return
            run.turn(answer.next)
            is_saved = True
            yield Page([], [], run.snapshot())
            if settings.single_page:
                return
        LOG.info("the run ends after %d pages; the next one goes on behind them", self.max_pages)

    def descriptor(self) -> dict[str, Any]:
        """Return the fields of the trigger for ``component.json``: ``{"pageSize": {"label": ..., ...}, ...}``."""
        return descriptor(self.fields, {}, self.size, with_times=False)

    def _records(self, answer: Answer) -> list[Record]:
        return list(read_records(answer.records, id_field=self.id, time_field=""))

    def _read(self, run: "_Run", fetch: FetchAll, limit: int) -> Answer:
        if run.page is not None:
            try:
                return as_answer(fetch(run.page, limit))
            except TokenRefused:
                LOG.warning("the API has forgotten the place of the last run: all records are read again")
                run.turn(None)
        return as_answer(fetch(None, limit))


@dataclass(slots=True)
class _Run:
    """The progress of one run over the list, in all its calls."""

    of: str
    """Stands for the list: a snapshot of another one is ignored."""
    name: str
    """Tells the messages of one run from those of the next."""
    page: str | int | None = None
    """The position of the page, None for the first one."""
    done: int = 0
    """The number of emitted records of the page."""
    trail: str = ""
    """A hash of these records: if the page begins with others, all its records are emitted again."""

    @classmethod
    def resume(cls, snapshot: Any, of: str) -> "_Run":
        if not isinstance(snapshot, Mapping) or snapshot.get("of") != of:
            return cls(of, str(uuid.uuid4()))
        return cls(**{name: value for name, value in snapshot.items() if name in cls.__slots__})

    def snapshot(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    def left(self, records: Sequence[Record]) -> Sequence[Record]:
        """Return the records of a page that have not been emitted yet; a repetition is better than a loss."""
        if _trail("", records[: self.done]) != self.trail:
            self.done, self.trail = 0, ""
        return records[self.done :]

    def note(self, records: Sequence[Record]) -> None:
        self.done += len(records)
        self.trail = _trail(self.trail, records)

    def turn(self, page: str | int | None) -> None:
        self.page, self.done, self.trail = page, 0, ""


def _trail(begun: str, records: Sequence[Record]) -> str:
    for record in records:
        begun = digest(begun, record.identity)
    return begun


def full_listing(
    id: str = "id",
    *,
    size: int = 100,
    most: int = 1000,
    max_pages: int = 1_000_000,
    fields: PollFields | None = None,
) -> FullListing:
    """Declare a trigger whose every run emits a whole list.

    Args:
        id: The path of the id in a record; a record without one is its own identity.
        size: The records of a page unless a person chooses another number.
        most: The most records of a page.
        max_pages: The most requests of a run; the next run goes on.
        fields: The ids of the trigger's fields.

    Raises:
        ValueError: An argument has a wrong value.
    """
    return FullListing(
        id=id, size=PageSize(size, most), max_pages=at_least_one("max_pages", max_pages), fields=fields or PollFields()
    )
