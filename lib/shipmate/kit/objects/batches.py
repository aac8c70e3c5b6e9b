"""Finds many objects by the values of a unique field, in as few requests as the API allows."""

from collections.abc import Iterator, Sequence
from typing import Any

from shipmate.jsonvalue import member_at
from shipmate.kit.objects.errors import MoreThanOneFound
from shipmate.kit.objects.filters import Join, Term
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.records import Record, Records
from shipmate.kit.objects.routes import Route, text_of
from shipmate.kit.objects.terms import typed


def several(records: Records, criteria: str, values: Sequence[str]) -> dict[str, Record]:
    """Return the objects with some values in a unique field, by value; those that do not exist are left out.

    Args:
        records: The objects.
        criteria: The unique field.
        values: The values, each once.

    Raises:
        MoreThanOneFound: Several objects have one value.
    """
    declared = records.declared
    found: dict[str, Record] = {}
    for batch in _batches(records, criteria, values):
        if len(batch) == 1:
            record = records.one(criteria, batch[0])
            found |= {} if record is None else {batch[0]: record}
            continue
        wanted = set(batch)
        folded = {value.casefold(): value for value in batch}
        for record in _fetched(records, criteria, batch):
            own = member_at(record, criteria)
            value = "" if is_missing(own) else text_of(own)
            # An API may search without regard to capitals, or by parts of words.
            value = value if value in wanted else folded.get(value.casefold(), "")
            if not value:
                continue
            if value in found and found[value] != record:
                label = declared.criteria()[criteria]
                raise MoreThanOneFound(f"{declared.title}: expected one object for each {label}, found more")
            found[value] = record
    return {value: found[value] for value in values if value in found}


def _batches(records: Records, criteria: str, values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values of each request; a value with a comma stands alone, since commas separate the others."""
    declared = records.declared
    request = declared.sets.get(criteria)
    size = declared.set_size if request or _joins_terms(records) else 1
    alone = [value for value in values if isinstance(request, str) and "," in value]
    yield from ([value] for value in alone)
    together = [value for value in values if value not in alone]
    for start in range(0, len(together), size):
        yield together[start : start + size]


def _fetched(records: Records, criteria: str, values: Sequence[str]) -> Iterator[Any]:
    declared = records.declared
    request = declared.sets.get(criteria)
    size = declared.pages.most if declared.pages.size else None
    if callable(request):
        yield from request(records.connection.reading(), records.values, values)
    elif request:
        route = Route.parse(request, default=declared.path)
        at = route.method, route.path({**records.values, "criteria": criteria, "values": ",".join(values)})
        for page in records.pages([], size, at=at):
            yield from page.records
    else:
        field = declared.field(criteria)
        terms = [Term(criteria, "eq", typed(field, value)) for value in values]
        links: list[Join] = ["or" for _ in terms[1:]]
        for page in records.pages(records.search(terms, links), size):
            yield from page.records


def _joins_terms(records: Records) -> bool:
    """Return whether one search can ask for several values."""
    filters = records.declared.filters
    return filters is not None and "or" in filters.joins and "eq" in filters.forms
