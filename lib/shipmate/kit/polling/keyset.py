"""Polls by time and id: loses no record and repeats none, at page limits, at equal times, and wherever a run ends.

Each request asks for the records after the last one that was read, in the order of time and id. The end of the run is
fixed when it begins. A snapshot follows each page; the next run goes on behind it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from shipmate.errors import CannotPoll
from shipmate.kit.moments import FORMS, moment
from shipmate.kit.polling.answer import Answer, Record, as_answer
from shipmate.kit.polling.bound import FORMATS, Bound, Format, iso
from shipmate.kit.polling.emission import LOG, Envelope, Page, digest, emit_pages, log_restart, sample
from shipmate.kit.polling.fields import (
    SAMPLE_RECORDS,
    START,
    PageSize,
    PollFields,
    PollSettings,
    at_least_one,
    descriptor,
    is_sample,
)
from shipmate.kit.polling.place import After, Id, Place, ReadOld, Relation, Time, read_published
from shipmate.kit.polling.walk import Compare, Order, Walk
from shipmate.kit.values import choice

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

__all__ = ["After", "Fetch", "Id", "Keyset", "Place", "Relation", "Time", "keyset"]


class Fetch(Protocol):
    """Fetches one page: ``fetch(After("2026-01-31T09:30:00Z", "b", "after"), "2026-01-31T10:00:00.000Z", 100)``."""

    def __call__(self, after: After, until: Any, limit: int, /) -> Answer | Sequence[Any]:
        """Return at most ``limit`` records behind ``after`` and before ``until``, in the order of time and id."""
        ...


Snapshots = Literal["page", "message"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset:
    """The declaration of a trigger that polls by time and id; `keyset` makes it."""

    times: Mapping[str, str]
    labels: Mapping[str, str]
    id: str
    compare: Compare
    lag_seconds: int
    size: PageSize
    max_pages: int
    max_seconds: float | None
    write: Format
    start: str
    checks_ids: bool
    fields: PollFields
    read_old: ReadOld
    snapshots: Snapshots
    now: Callable[[], datetime] = field(default=_utc_now)
    clock: Callable[[], float] = field(default=time.monotonic)

    def poll(
        self,
        context: "Context",
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: Fetch,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> None:
        """Emit all records since the snapshot, and a snapshot after each page.

        Args:
            context: The context of the call.
            cfg: The configuration, with the trigger's fields.
            snapshot: The snapshot that the function received.
            fetch: Fetches one page.
            of: What is polled, as JSON: an object type, a path, filters. With another value polling starts over.
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
        fetch: Fetch,
        *,
        of: Any = None,
        body: Callable[[Any], Any] | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of a run; emit the messages of each, then its snapshot, before the next one is fetched.

        The arguments and errors are those of `poll`.
        """
        settings = PollSettings.from_cfg(cfg, self.fields, self.size)
        source = digest("keyset", of, self.time_field(cfg), None if settings.start is None else iso(settings.start))
        place = self._place(snapshot, source, settings)
        bound = Bound(self.now(), self.lag_seconds, settings.end, self.write)
        envelope = Envelope(source, settings.by_page, self.fields.results, body)
        walk = Walk(self._order(cfg), place, bound, size=settings.page_size, most=self.size.most)
        if is_sample():
            walk.limit = min(walk.limit, SAMPLE_RECORDS)
            found = walk.read(as_answer(fetch(walk.after, walk.until, walk.limit)))
            yield sample(walk.settled(found), envelope, SAMPLE_RECORDS)
            return
        yield from self._run(walk, fetch, envelope, source, single_page=settings.single_page)
        if walk.is_over and bound.is_end:
            LOG.info("%s: all records before this time are read, later runs find nothing more", self.fields.end)

    def time_field(self, cfg: Mapping[str, Any]) -> str:
        """Return the path of the time to poll on, as chosen in the trigger's field.

        Raises:
            ValueError: The field has another choice.
        """
        return self.times[choice(cfg, self.fields.time, *self.times)]

    def descriptor(self) -> dict[str, Any]:
        """Return the fields of the trigger for ``component.json``: ``{"pageSize": {"label": ..., ...}, ...}``."""
        return descriptor(self.fields, self.labels, self.size, with_times=True)

    def _order(self, cfg: Mapping[str, Any]) -> Order:
        return Order(self.time_field(cfg), self.id, self.compare, self.fields.time, self.lag_seconds, self.checks_ids)

    def _place(self, snapshot: Any, source: str, settings: PollSettings) -> Place:
        place = Place.of_snapshot(snapshot, source)
        if place is None and isinstance(snapshot, Mapping) and snapshot and "v" not in snapshot:
            place = self.read_old(snapshot)
            _check_old(place)
        if place is not None:
            return place
        if snapshot:
            log_restart()
        start = moment(self.start).when if settings.start is None else settings.start
        return Place(self.write(start))

    def _run(self, walk: Walk, fetch: Fetch, envelope: Envelope, source: str, *, single_page: bool) -> Iterator[Page]:
        begun, requests = self.clock(), 0
        while not walk.is_over:
            if not walk.is_within and (requests >= self.max_pages or self._is_late(begun)):
                LOG.info("the run ends after %d pages; the next one goes on behind them", requests)
                return
            was_within = walk.is_within
            records = walk.take(as_answer(fetch(walk.after, walk.until, walk.limit)))
            requests += 1
            if records or (was_within and not walk.is_within):
                yield from self._pages_of(records, walk, envelope, source)
                if single_page and not walk.is_within:
                    return

    def _pages_of(self, records: list[Record], walk: Walk, envelope: Envelope, source: str) -> Iterator[Page]:
        if self.snapshots == "message" and not envelope.by_page and self.compare != "time":
            for record in records:
                place = Place(record.changed, record.id)
                yield Page([record.value], envelope.messages([record]), place.snapshot(source))
        else:
            values = [record.value for record in records]
            snapshot = None if walk.is_within else walk.place.snapshot(source)
            yield Page(values, envelope.messages(records), snapshot)

    def _is_late(self, begun: float) -> bool:
        return self.max_seconds is not None and self.clock() - begun >= self.max_seconds


def keyset(
    times: str | Sequence[str] | Mapping[str, str],
    id: str = "id",
    *,
    compare: Compare = "or",
    lag_seconds: int = 5,
    size: int = 100,
    most: int = 100,
    max_pages: int = 1000,
    max_seconds: float | None = None,
    format: str | Format = "iso",
    start: str = START,
    labels: Mapping[str, str] | None = None,
    checks_ids: bool = True,
    snapshots: Snapshots = "page",
    fields: PollFields | None = None,
    read_old: ReadOld = read_published,
) -> Keyset:
    """Declare a trigger that polls by time and id.

    Args:
        times: The paths of the times that a person can choose, ``("updated", "created")``; the first one is the
            default. A mapping has the choices of the field and their paths: ``{"lastModified": "meta.updated"}``.
        id: The path of the id in a record: text or a whole number.
        compare: What the API can compare. ``or``: ``(time = T and id > I) or time > T`` in one request. ``two``: the
            two conditions in two requests. ``time``: only ``time > T`` or ``time >= T``; records of equal time may have
            any order, and must fit into one page unless ``fetch`` returns ``Answer.next``.
        lag_seconds: The seconds from the time of a record until the API shows it, at least 1.
        size: The records of a page unless a person chooses another number.
        most: The most records of a page.
        max_pages: The most requests of a run; the next run goes on.
        max_seconds: The time after which a run begins no request; the next run goes on.
        format: How the API takes times: ``iso``, ``seconds``, ``milliseconds``, or a function of a datetime.
        start: The time to begin at unless a person chooses one.
        labels: The labels of the times in ``component.json``.
        checks_ids: False for an API whose order of ids is neither that of numbers nor of text.
        snapshots: ``message``: a snapshot follows each message instead of each page, and a process that dies repeats
            one message at most. It has no effect with ``compare="time"``.
        fields: The ids of the trigger's fields.
        read_old: Reads snapshots of a component's predecessor; by default those of published components.

    Raises:
        CannotPoll: The declaration has no order.
        ValueError: An argument has a wrong value.
    """
    if isinstance(times, str):
        times = (times,) if times else ()
    chosen = dict(times) if isinstance(times, Mapping) else {each: each for each in times}
    if not chosen or not all(chosen.values()) or not id:
        raise CannotPoll(
            "keyset: expected the paths of a time and an id, by which the API orders its records, found none: "
            "without an order declare listing(...)"
        )
    for name, given, known in (("compare", compare, Compare), ("snapshots", snapshots, Snapshots)):
        if given not in get_args(known):
            raise ValueError(f"{name}: expected {', '.join(get_args(known))}, found {given!r}")
    return Keyset(
        times=chosen,
        labels={**{name: _LABELS.get(name, name) for name in chosen}, **(labels or {})},
        id=id,
        compare=compare,
        lag_seconds=at_least_one("lag_seconds", lag_seconds),
        size=PageSize(size, most),
        max_pages=at_least_one("max_pages", max_pages),
        max_seconds=max_seconds,
        write=_format(format),
        start=start,
        checks_ids=checks_ids,
        fields=fields or PollFields(),
        read_old=read_old,
        snapshots=snapshots,
    )


_LABELS = {"updated": "Last Modified", "lastModified": "Last Modified", "created": "Created"}


def _format(given: str | Format) -> Format:
    """Return the function that writes a time.

    Raises:
        ValueError: There is no such format, or what it writes is no time.
    """
    if isinstance(given, str):
        if given not in FORMATS:
            raise ValueError(f"format: expected {', '.join(FORMATS)} or a function, found {given!r}")
        return FORMATS[given]
    written = given(datetime(2026, 1, 31, 9, 30, tzinfo=UTC))
    try:
        moment(written)
    except ValueError as error:
        raise ValueError(f"format: expected a function that returns a time: {error}") from None
    return given


def _check_old(place: Place | None) -> None:
    """Refuse a time that is not readable.

    Raises:
        CannotPoll: It is not.
    """
    if place is None:
        return
    try:
        moment(place.time)
    except ValueError:
        raise CannotPoll(
            f"the snapshot of a predecessor: expected a time in it ({FORMS}), found {str(place.time)[:40]!r}: let "
            "read_old of keyset return another form"
        ) from None
