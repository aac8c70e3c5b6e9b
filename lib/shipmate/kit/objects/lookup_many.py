"""The function that finds all objects that match."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from shipmate.errors import NoSample
from shipmate.invocation.message import Message
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.filters import Expression
from shipmate.kit.objects.members import is_missing, wrapped
from shipmate.kit.objects.orders import order_params, order_schema
from shipmate.kit.objects.paging import Page, Position
from shipmate.kit.objects.records import Params, Records
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.terms import (
    count_of,
    expression_params,
    expression_schema,
    is_expert,
    read_terms,
    terms_schema,
)
from shipmate.kit.objects.views import Descriptor, check_box, select, text_field
from shipmate.kit.polling.fields import SAMPLE_RECORDS, is_sample
from shipmate.kit.rebound import emit_each
from shipmate.kit.values import choice, number

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

Emit = Literal["individually", "pages", "everything"]
_MOST_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a message asks for."""

    emit: Emit
    params: Params
    size: int | None
    start: Position
    single_page: bool
    limit: int | None
    """The most objects, None for all."""


class LookupMany(ResourceFunction):
    """Finds all objects that match the search terms of a message."""

    requests: tuple[str, ...] = ("list",)
    returns = False

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> None:
        """Emit the objects: one by one, in pages, or all together.

        Raises:
            NoSample: The run fetches a sample, and nothing matches.
            ValueError: A search term, a field or a number has a wrong value, or there are too many objects for one
                message.
        """
        records = self.records(context, cfg)
        wanted = self._wanted(records, cfg, msg["body"])
        is_sampled = is_sample()
        if is_sampled:
            limit = SAMPLE_RECORDS if wanted.limit is None else min(wanted.limit, SAMPLE_RECORDS)
            wanted = replace(wanted, limit=limit, single_page=True)
        pages = _cut(records.pages(wanted.params, wanted.size, start=wanted.start), wanted)
        count = emit_each(context, self._bodies(records.declared, pages, wanted))
        if is_sampled and not count:
            raise NoSample(
                "the sample: expected at least one object, found none; this concerns the sample only: in the flow, "
                "nothing found is no error"
            )
        context.logger.info("emitted messages", extra={"count": count})

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas for the chosen number of terms and way to emit."""
        names, emit = self.names, self._emit(cfg)
        asked: dict[str, Schema] = {
            **{each.name: each.to_schema(writes=True, requires=True) for each in declared.parameters},
            **(
                expression_schema(declared)
                if is_expert(declared, cfg)
                else terms_schema(declared, count_of(declared, cfg))
            ),
            **order_schema(declared),
        }
        if declared.pages.size and names.page_size_in == "message":
            asked[names.page_size] = {
                "title": "Page Size", "type": "number", "help": {"description": _size_note(declared)},
            }  # fmt: skip
        if emit == "pages" and declared.pages.jumps:
            asked[names.page_number] = {
                "title": "Page Number", "type": "number",
                "help": {"description": f"Only this page; the first one has the number {names.first_page}. "
                                        "All pages unless given"},
            }  # fmt: skip
        asked[names.limit] = {"title": "Most Objects", "type": "number"}
        one = self.out_schema(declared)
        several: Schema = {"type": "array", "items": one}
        results: Schema = {names.results: {"title": "Results", "type": "array", "items": one, "required": True}}
        if declared.pages.total:
            results[names.total] = {"title": "Number of all that match", "type": "number"}
        if names.results:
            several = {"type": "object", "properties": results}
        out = one if emit == "individually" else several
        return {"in": {"type": "object", "properties": asked}, "out": out}

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        names, declared = self.names, self._first()
        labels = {
            names.individually[0]: "Emit individually",
            names.pages[0]: "Emit page",
            names.everything[0]: "Emit all",
        }
        default = getattr(names, names.default_emit)[0]
        found = {names.emit: select("Emit Behavior", labels, labels[default])}
        if declared.filters is not None:
            most = names.most_terms
            found[names.terms] = text_field("Number of search terms", "0", f"0 to {most}, 0 unless given")
        if isinstance(declared.filters, Expression) and declared.filters.expert:
            found[names.expert] = check_box(
                names, "Expert Mode for Filter Expression", "Then a message has one filter as text, and no search terms"
            )
        if declared.pages.size and names.page_size_in == "field":
            found[names.page_size] = text_field("Page Size", str(declared.pages.default), _size_note(declared))
        return found

    def sample_answer(self, message: Any) -> Any:
        """Return a list with one object, in its place in an answer."""
        return wrapped([message], self._first().pages.records)

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        title = self._source.title
        return f"Lookup {title}s (plural)", f"Finds all objects of the type {title} that match"

    def _emit(self, cfg: Mapping[str, Any]) -> Emit:
        names = self.names
        default = getattr(names, names.default_emit)[0]
        found = choice(cfg, names.emit, *names.individually, *names.pages, *names.everything, default=default)
        if found in names.individually:
            return "individually"
        return "pages" if found in names.pages else "everything"

    def _wanted(self, records: Records, cfg: Mapping[str, Any], body: Mapping[str, Any]) -> _Wanted:
        names, declared, emit = self.names, records.declared, self._emit(cfg)
        paging = declared.pages
        size = None
        counts_only = False
        if paging.size:
            place, least = (cfg, 1) if names.page_size_in == "field" else (body, 0 if paging.total else 1)
            size = number(place, names.page_size, default=paging.default, least=least, most=paging.most)
            counts_only, size = not size, max(size, 1)
        start, single_page = None, False
        if emit == "pages" and paging.jumps and not is_missing(body.get(names.page_number)):
            first = names.first_page
            chosen = number(body, names.page_number, default=first, least=first, most=_MOST_LIMIT)
            start, single_page = paging.position_of(chosen - first, size or paging.default), True
        limit = None
        if not is_missing(body.get(names.limit)):
            limit = number(body, names.limit, default=1, least=1, most=_MOST_LIMIT)
        if is_expert(declared, cfg):
            search: Params = expression_params(declared, body)
        else:
            search = records.search(*read_terms(declared, cfg, body))
        params = [*_parameters(declared, body), *search, *order_params(declared, body)]
        if counts_only:
            return _Wanted("pages", params, size, None, single_page=True, limit=0)
        return _Wanted(emit, params, size, start, single_page, limit)

    def _bodies(self, declared: Declaration, pages: Iterator[Page], wanted: _Wanted) -> Iterator[Any]:
        """Yield the bodies of the messages."""
        if wanted.emit == "individually":
            for page in pages:
                yield from map(_object, page.records)
        elif wanted.emit == "pages":
            for index, page in enumerate(pages):
                if page.records or not index:
                    yield self._results(page.records, page.total)
        else:
            found: list[Any] = []
            total = None
            for page in pages:
                found += page.records
                total = page.total if total is None else total
                if wanted.limit is None and len(found) > declared.most:
                    raise ValueError(
                        f"{declared.title}: expected at most {declared.most} objects for one message, found more: "
                        f"emit pages, or give {self.names.limit}"
                    )
            yield self._results(found, total)

    def _results(self, records: list[Any], total: int | None) -> Any:
        if not self.names.results:
            return records
        return {self.names.results: records, **({} if total is None else {self.names.total: total})}


def _cut(pages: Iterator[Page], wanted: _Wanted) -> Iterator[Page]:
    """Yield the pages until there are enough objects; the next page is fetched only if it is needed."""
    left = wanted.limit
    for page in islice(pages, 1) if wanted.single_page else pages:
        if left is None:
            yield page
            continue
        yield replace(page, records=page.records[:left])
        left -= len(page.records)
        if left <= 0:
            return


def _parameters(declared: Declaration, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the declared parameters that a message has; a list gives one for each item."""
    for field in declared.parameters:
        value = body.get(field.name)
        if is_missing(value):
            if field.required:
                raise ValueError(f"{field.name}: expected a value, found none")
            continue
        for each in value if isinstance(value, list) else [value]:
            yield field.name, each


def _size_note(declared: Declaration) -> str:
    pages = declared.pages
    least = "0 (the number of objects only)" if declared.names.page_size_in == "message" and pages.total else "1"
    return f"{least} to {pages.most}, {pages.default} unless given"


def _object(record: Any) -> Any:
    return record if isinstance(record, Mapping) else {"value": record}
