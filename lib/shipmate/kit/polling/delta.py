"""Polls by tokens that the API gives: a cursor of its log, or the link of a delta query.

A snapshot with the next token follows each page. An API that has forgotten a token is read from the beginning: the log
says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from shipmate.errors import CannotPoll
from shipmate.jsonvalue import member_at
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

__all__ = ["Delta", "FetchChanges", "TokenRefused", "delta"]

# A snapshot as a whole must stay below 5 KB.
_LONGEST_TOKEN: Final = 4000


class TokenRefused(Exception):
    """Raised by the author's function: the API does not know the token any more, for example after a 410."""


class FetchChanges(Protocol):
    """Fetches one page: ``fetch("tok2", 100)``; the token is None at the beginning."""

    def __call__(self, token: str | None, limit: int, /) -> Answer:
        """Return the records behind a token, with the token behind them and whether there are more now.

        Raises:
            TokenRefused: The API does not know the token any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The declaration of a trigger that polls by tokens; `delta` makes it."""

    id: str
    version: str
    deleted: str
    read_old: Callable[[Mapping[str, Any]], str | None] | None
    size: PageSize
    max_pages: int
    fields: PollFields

    def poll(
        self,
        context: "Context",
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchChanges,
        *,
        of: Any = None,
        with_deleted: bool = False,
        body: Callable[[Any], Any] | None = None,
    ) -> None:
        """Emit all changes since the snapshot, and a snapshot after each page.

        Args:
            context: The context of the call.
            cfg: The configuration, with the trigger's fields.
            snapshot: The snapshot that the function received.
            fetch: Fetches one page.
            of: What is polled, as JSON: a folder, filters. With another value polling starts over.
            with_deleted: Whether deleted records are emitted.
            body: Returns the body of a record's message; the record itself unless given.

        Raises:
            CannotPoll: The API gives no token, or the same one again and again.
            NoSample: The run fetches a sample, and there is no record.
            ValueError: A field has a wrong value.
        """
        emit_pages(context, self.pages(cfg, snapshot, fetch, of=of, with_deleted=with_deleted, body=body))

    def pages(
        self,
        cfg: Mapping[str, Any],
        snapshot: Any,
        fetch: FetchChanges,
        *,
        of: Any = None,
        with_deleted: bool = False,
        body: Callable[[Any], Any] | None = None,
    ) -> Iterator[Page]:
        """Yield the pages of a run; emit the messages of each, then its snapshot, before the next one is fetched.

        The arguments and errors are those of `poll`.
        """
        settings = PollSettings.from_cfg(cfg, self.fields, self.size)
        source = digest("delta", of)
        envelope = Envelope(source, settings.by_page, self.fields.results, body)
        if is_sample():
            answer = as_answer(fetch(None, min(settings.page_size, SAMPLE_RECORDS)))
            yield sample(self._wanted(answer.records, None, with_deleted), envelope, SAMPLE_RECORDS)
            return
        walk = _Tokens(resumed(snapshot, source, "delta", self.read_old, kind=str) or None)
        for _ in range(self.max_pages):
            answer = walk.read(fetch, settings.page_size)
            records = self._wanted(answer.records, walk.read_at, with_deleted)
            if records or walk.has_moved:
                kept = {"v": VERSION, "delta": walk.token, "of": source}
                values = [record.value for record in records]
                yield Page(values, envelope.messages(records), kept)
            if walk.is_over or (settings.single_page and records):
                return
        LOG.info("the run ends after %d pages; the next one goes on behind them", self.max_pages)

    def descriptor(self) -> dict[str, Any]:
        """Return the fields of the trigger for ``component.json``: ``{"pageSize": {"label": ..., ...}, ...}``."""
        return descriptor(self.fields, {}, self.size, with_times=False)

    def _wanted(self, values: Sequence[Any], token: str | None, with_deleted: bool) -> list[Record]:
        kept = [each for each in values if with_deleted or not self._is_deleted(each)]
        if not self.version:
            # A record that changes back is another change: its page has another token.
            found = read_records(kept, id_field="", time_field="")
            return [replace(each, identity=f"{token} {each.identity}") for each in found]
        return [
            Record(each, f"{member_at(each, self.id)} {member_at(each, self.version)} {self._is_deleted(each)}", index)
            for index, each in enumerate(kept)
        ]

    def _is_deleted(self, record: Any) -> bool:
        mark = member_at(record, self.deleted) if self.deleted else None
        return mark is not None and mark is not False


class _Tokens:
    """The tokens of one run."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.read_at = token
        """The token of the last page."""
        self.is_over = False
        self.has_moved = False
        self._seen: set[str] = set()
        self._begins_again = False

    def read(self, fetch: FetchChanges, limit: int) -> Answer:
        """Return the next page, and move behind it.

        Raises:
            CannotPoll: The answer has no token that leads on.
        """
        answer = self._fetch(fetch, limit)
        if answer.next is None and not answer.records and not answer.more:
            # An API whose token is the id of the last record has none in an empty account.
            self.has_moved, self.is_over = False, True
            return answer
        if not isinstance(answer.next, str) or not answer.next:
            raise CannotPoll("delta: expected a token in Answer.next, from which the next run goes on, found none")
        if len(answer.next) > _LONGEST_TOKEN:
            raise CannotPoll(
                f"delta: expected a token of at most {_LONGEST_TOKEN} characters, found {len(answer.next)}"
            )
        more = answer.more if answer.more is not None else len(answer.records) > 0
        if more and answer.next in {*self._seen, self.token}:
            raise CannotPoll("delta: expected a new token, found one whose page was read before")
        if self.token is not None:
            self._seen.add(self.token)
        self.has_moved, self.is_over = answer.next != self.token, not more
        self.read_at, self.token = self.token, answer.next
        return answer

    def _fetch(self, fetch: FetchChanges, limit: int) -> Answer:
        try:
            return as_answer(fetch(self.token, limit))
        except TokenRefused:
            if self.token is None or self._begins_again:
                raise CannotPoll("delta: the API refuses the token that it gave in this run") from None
        LOG.warning("the API has forgotten the place of the last run: all records are read again")
        self.token, self._begins_again = None, True
        self._seen.clear()
        return as_answer(fetch(None, limit))


def delta(
    id: str = "id",
    *,
    version: str = "",
    deleted: str = "",
    read_old: Callable[[Mapping[str, Any]], str | None] | None = None,
    size: int = 100,
    most: int = 100,
    max_pages: int = 1000,
    fields: PollFields | None = None,
) -> Delta:
    """Declare a trigger that polls by tokens of the API.

    Args:
        id: The path of the id in a record.
        version: The path of what differs between versions of a record: an etag, a time. Ids of messages are made of
            both; without it of the whole record.
        deleted: The path of the member that marks a deleted record: ``@removed``. Such records are left out unless
            asked for.
        read_old: Returns the token in a snapshot of a component's predecessor, or None.
        size: The records of a page unless a person chooses another number.
        most: The most records of a page.
        max_pages: The most requests of a run; the next run goes on.
        fields: The ids of the trigger's fields.

    Raises:
        ValueError: An argument has a wrong value.
    """
    return Delta(
        id=id,
        version=version,
        deleted=deleted,
        read_old=read_old,
        size=PageSize(size, most),
        max_pages=at_least_one("max_pages", max_pages),
        fields=fields or PollFields(),
    )
