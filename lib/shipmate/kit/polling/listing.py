"""Polls a whole collection page by page: for APIs that neither order their records nor filter them by time and id.

Without a time the collection must grow at its end, the oldest records first: each run goes on where the last one ended.
With a time each run reads all pages, and emits what has changed since the run before. A snapshot follows each message.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import time as _seconds
from typing import TYPE_CHECKING, Any, Protocol

from shipmate.kit.moments import moment
from shipmate.kit.polling.answer import Answer, as_answer, read_records
from shipmate.kit.polling.bound import iso
from shipmate.kit.polling.emission import LOG, Envelope, Page, Snapshot, digest, emit_pages, log_restart, sample
from shipmate.kit.polling.fields import (
    SAMPLE_RECORDS,
    PageSize,
    PollFields,
    PollSettings,
    at_least_one,
    descriptor,
    is_sample,
)
from shipmate.kit.polling.listing_progress import Position, Progress, ReadPage
from shipmate.kit.polling.place import ReadOld
from shipmate.kit.values import choice

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

__all__ = ["FetchPage", "Listing", "listing"]


class FetchPage(Protocol):
    """Fetches one page: ``fetch("/contacts?page=2", "2026-01-31T09:30:00Z", 100)``."""

    def __call__(self, position: Position, since: Any, limit: int, /) -> Answer:
        """Return the page at a position, None for the first, with the position of the next one.

        ``since`` is the time of the last known change, for APIs that can leave out earlier ones; None without one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The declaration of a trigger that polls a whole collection; `listing` makes it."""

    id: str
    times: Mapping[str, str]
    """The choices of the time, and their paths; none for a collection that only grows."""
    labels: Mapping[str, str]
    bounds: bool
    read_old: ReadOld | None
    size: PageSize
    max_pages: int
    fields: PollFields
    clock: Callable[[], float] = field(default=_seconds)

    def poll(
        self,
        context: "Context",
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchPage,
        *,
        of: Any = None,
        source: str = "",
        body: Callable[[Any], Any] | None = None,
    ) -> None:
        """Emit all records that are new since the snapshot.

        Args:
            context: The context of the call.
            cfg: The configuration, with the trigger's fields.
            snapshot: The snapshot that the function received.
            fetch: Fetches one page.
            of: What is polled, as JSON: a path, filters. With another value polling starts over.
            source: The name of the collection in the ids of messages; a hash of ``of`` unless given.
            body: Returns the body of a record's message; the record itself unless given.

        Raises:
            CannotPoll: The API does not return records as declared, or its pages have no end.
            NoSample: The run fetches a sample, and there is no record.
            ValueError: A field has a wrong value.
        """
        emit_pages(context, self.pages(cfg, snapshot, fetch, of=of, source=source, body=body))

    def pages(
        self,
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchPage,
        *,
        of: Any = None,
        source: str = "",
        body: Callable[[Any], Any] | None = None,
    ) -> Iterator[Page]:
        """Yield what to emit, one message at a time: its records, the message, the snapshot behind it.

        The arguments and errors are those of `poll`.
        """
        settings = PollSettings.from_cfg(cfg, self.fields, self.size)
        time_field = self.time_field(cfg)
        collection = of if isinstance(of, str) and of else digest("listing", of, self.id, time_field)
        if len(self.times) > 1 or (self.bounds and settings.start is not None):
            collection = digest("listing", of, self.id, time_field, settings.start and iso(settings.start))
        envelope = Envelope(source or collection, settings.by_page, self.fields.results, body)
        progress = Progress.resume(snapshot, collection, self.clock, self.fields.time)
        read = partial(self._read, fetch=fetch, settings=settings, time_field=time_field)
        old = None
        if self.read_old is not None and isinstance(snapshot, Mapping) and "collection" not in snapshot:
            old = self.read_old(snapshot)
        if old is not None:
            progress.since = old.time
        if is_sample():
            first = read(Progress(collection), limit=min(settings.page_size, SAMPLE_RECORDS))
            yield sample(first.records, envelope, SAMPLE_RECORDS)
            return
        if (
            snapshot
            and old is None
            and not (isinstance(snapshot, Mapping) and snapshot.get("collection") == collection)
        ):
            log_restart()
        yield from self._run(progress, partial(read, limit=settings.page_size), envelope, settings, time_field)

    def time_field(self, cfg: Mapping[str, Any]) -> str:
        """Return the path of the time, as chosen in the trigger's field; empty without one.

        Raises:
            ValueError: The field has another choice.
        """
        if len(self.times) < 2:
            return next(iter(self.times.values()), "")
        return self.times[choice(cfg, self.fields.time, *self.times)]

    def descriptor(self) -> dict[str, Any]:
        """Return the fields of the trigger for ``component.json``: ``{"pageSize": {"label": ..., ...}, ...}``."""
        return descriptor(self.fields, self.labels, self.size, with_times=self.bounds)

    def _run(
        self,
        progress: Progress,
        read: Callable[[Progress], ReadPage],
        envelope: Envelope,
        settings: PollSettings,
        time_field: str,
    ) -> Iterator[Page]:
        kept, goes_on, requests = progress.snapshot(), True, 0
        while goes_on:
            if requests >= self.max_pages or (requests and settings.single_page):
                LOG.info("the run ends after %d pages; the next one goes on behind them", requests)
                return
            page = read(progress)
            requests += 1
            new = progress.new(page)
            if count := progress.count_ahead(new):
                LOG.warning(
                    "%d records have a time in the future in %s: the position stays before it", count, time_field
                )
            for records in [new] if settings.by_page else [[record] for record in new]:
                if records:
                    progress.note(records)
                    kept, changed = _changed(progress, kept)
                    yield Page([record.value for record in records], envelope.messages(records), changed)
            goes_on = progress.turn(page)
            kept, changed = _changed(progress, kept)
            if changed is not None:
                yield Page([], [], changed)

    def _read(
        self, progress: Progress, *, fetch: FetchPage, settings: PollSettings, time_field: str, limit: int
    ) -> ReadPage:
        answer = as_answer(fetch(progress.position, progress.since, limit))
        found = read_records(answer.records, id_field=self.id, time_field=time_field, chosen_by=self.fields.time)
        records = [record for record in found if not self.bounds or settings.has(moment(record.changed).when)]
        place = answer.place if answer.place is not None else str(progress.position or "")
        return ReadPage(records, place, answer.next)


def listing(
    id: str = "id",
    *,
    time: str | Sequence[str] | Mapping[str, str] = "",
    labels: Mapping[str, str] | None = None,
    bounds: bool = False,
    read_old: ReadOld | None = None,
    size: int = 100,
    most: int = 1000,
    max_pages: int = 1_000_000,
    fields: PollFields | None = None,
) -> Listing:
    """Declare a trigger that polls a whole collection.

    Args:
        id: The path of the id in a record; empty if the record as a whole is its identity.
        time: The path of the time of the last change; empty for a collection that only grows. Several paths, or choices
            and their paths, are those that a person can choose.
        labels: The labels of the times in ``component.json``.
        bounds: Whether a person can choose a start and an end time.
        read_old: Reads snapshots of a component's predecessor.
        size: The records of a page unless a person chooses another number.
        most: The most records of a page.
        max_pages: The most requests of a run; the next run goes on.
        fields: The ids of the trigger's fields.

    Raises:
        ValueError: An argument has a wrong value.
    """
    paths = (time,) if isinstance(time, str) and time else time or ()
    times = dict(paths) if isinstance(paths, Mapping) else {each: each for each in paths}
    if bounds and not times:
        raise ValueError("bounds: expected time=, the path of a time, found none")
    return Listing(
        id=id,
        times=times,
        labels={**{name: name for name in times}, **(labels or {})},
        bounds=bounds,
        read_old=read_old,
        size=PageSize(size, most),
        max_pages=at_least_one("max_pages", max_pages),
        fields=fields or PollFields(),
    )


def _changed(progress: Progress, kept: Snapshot) -> tuple[Snapshot, Snapshot | None]:
    """Return the snapshot, and once more if it differs from the one before."""
    snapshot = progress.snapshot()
    return snapshot, (snapshot if snapshot != kept else None)
