"""The trigger that emits new and changed objects."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from shipmate.errors import CannotPoll
from shipmate.invocation.message import Message, message
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import naming_fields
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.filters import Join, Literally, Term
from shipmate.kit.objects.function import Then
from shipmate.kit.objects.members import wrapped
from shipmate.kit.objects.paging import Page
from shipmate.kit.objects.records import Params, Records
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.terms import typed
from shipmate.kit.objects.views import Descriptor
from shipmate.kit.polling.answer import Answer
from shipmate.kit.polling.counter import Counter
from shipmate.kit.polling.delta import Delta
from shipmate.kit.polling.emission import LEFT_OUT
from shipmate.kit.polling.fields import PollFields
from shipmate.kit.polling.keyset import Keyset
from shipmate.kit.polling.listing import Listing
from shipmate.kit.polling.place import After

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


class Poll(ResourceFunction):
    """Emits new and changed objects, none twice and all of them."""

    requests: tuple[str, ...] = ("list",)
    returns = False

    kind = "trigger"

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> None:
        """Emit what is new since the snapshot, and a snapshot after each page.

        Raises:
            CannotPoll: The resource declares no changes, or the API does not return objects as declared.
            NoSample: The run fetches a sample, and there is no object.
        """
        records = self.records(context, cfg)
        declared, changes = records.declared, self._changes(records.declared)
        source = [declared.list.template, records.values]

        def fetch(*asked: Any) -> Any:
            if declared.fetch_changes is not None:
                with naming_fields(self.empty_settings(declared, cfg)):
                    return declared.fetch_changes(records.connection.reading(), cfg, *asked)
            if isinstance(changes, Keyset):
                return _keyset_page(records, changes, cfg, *asked)
            if isinstance(changes, Counter):
                return _counter_page(records, changes, *asked)
            position, _, limit = asked
            found = _page(records, [], limit, start=position)
            return Answer(found.records, found.date, next=found.next)

        changes.poll(context, cfg, snapshot, fetch, of=source, body=self._body(context, cfg))

    def then(self, add: Then) -> Self:
        """Return the same trigger, with a function of an author behind it: ``customers.poll.then(in_old_form)``.

        Args:
            add: Gets the context, the configuration and the message of one record, and returns the one whose body is
                emitted, or None to leave the record out. The id of the message stays that of the record.
        """
        other = self.using()
        other._added = (*self._added, add)
        return other

    def _body(self, context: "Context", cfg: Mapping[str, Any]) -> Callable[[Any], Any] | None:
        """Return the function that turns a record into the body of its message."""
        if not self._added:
            return None

        def body(record: Any) -> Any:
            found: Message | None = message(record if isinstance(record, Mapping) else {"value": record})
            for add in self._added:
                found = add(context, cfg, found) if found is not None else None
            if found is None:
                return LEFT_OUT
            if found.get("attachments"):
                raise ValueError(
                    "poll.then: expected a message without attachments, found some: add them in a next step"
                )
            return found["body"]

        return body

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: nothing in, one object or a page of them out."""
        fields = self._changes(declared).fields
        one = self.out_schema(declared)
        by_page = fields.is_by_page(cfg)
        results: Schema = {fields.results: {"title": "Results", "type": "array", "items": one, "required": True}}
        return {"in": {}, "out": {"type": "object", "properties": results} if by_page else one}

    def fields(self) -> dict[str, Descriptor]:
        """Return the trigger's fields in ``component.json``."""
        found: dict[str, Descriptor] = self._changes(self._first()).descriptor()
        return found

    def entry_members(self) -> Descriptor:
        """Return the type of the trigger."""
        return {"type": "polling"}

    def sample_answer(self, message: Any) -> Any:
        """Return a list with one object, in its place in an answer."""
        return wrapped([message], self._first().pages.records)

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        title = self._source.title
        if isinstance(self._first().changes, Counter):
            return f"Get New {title}s Polling", f"Emits each {title} that is new"
        return f"Get New and Updated {title}s Polling", f"Emits each {title} that is new or has changed"

    def _changes(self, declared: Declaration) -> Any:
        """Return the declared polling, under the names of this function."""
        changes, names = declared.changes, self.names
        if changes is None:
            raise CannotPoll(
                f"{declared.title}: expected changes=keyset(...), counter(...) or listing(...), found none"
            )
        if isinstance(changes, Keyset | Counter | Listing | Delta) and changes.fields == PollFields():
            fields = PollFields(
                emit=names.emit,
                page_size=names.page_size,
                results=names.results,
                individually=names.individually,
                pages=names.pages,
                default="pages" if names.default_emit == "pages" else "individually",
            )
            return replace(changes, fields=fields)
        return changes


def check_changes(declared: Declaration) -> None:
    """Check that the filters of a resource can ask for its changes.

    Raises:
        CannotPoll: They cannot.
    """
    changes, filters, title = declared.changes, declared.filters, declared.title
    if changes is None or declared.fetch_changes is not None:
        return
    if isinstance(changes, Listing):
        if declared.pages.kind == "link":
            raise CannotPoll(f"{title}: expected fetch_changes for a listing whose pages are URLs, found none")
        return
    if not isinstance(changes, Keyset | Counter):
        raise CannotPoll(f"{title}: expected fetch_changes for {type(changes).__name__}, found none")
    needed, order = {"gt"}, "{number}"
    if isinstance(changes, Keyset):
        needed, order = {"ge", "gt", *(() if changes.compare == "time" else ("eq",))}, "{time},{id}"
    found = set(filters.forms) if filters is not None else set()
    if lacking := sorted(needed - found):
        named = f"operator{'s' if len(needed) > 1 else ''} {', '.join(sorted(needed))}"
        raise CannotPoll(f"{title}: expected the {named}, found no {', '.join(lacking)}: add to filters=operators(...)")
    if isinstance(changes, Keyset) and changes.compare == "or" and not (filters is not None and "or" in filters.joins):
        raise CannotPoll(
            f"{title}: expected filters with 'or', found none: give operators(joins=('and', 'or')), or declare "
            "keyset(compare='two')"
        )
    first = order.partition(",")[0]
    if declared.order is None or first not in str(declared.order):
        found_order = "none" if declared.order is None else f"one without {first}"
        raise CannotPoll(f"{title}: expected order, such as {{'sort': '{order}'}}, found {found_order}")


def _keyset_page(
    records: Records, changes: Keyset, cfg: Mapping[str, Any], after: After, until: Any, limit: int
) -> Answer:
    time, id = records.declared.name_of(changes.time_field(cfg)), records.declared.name_of(changes.id)
    terms, links = _terms(records.declared, time, id, after, until)
    found = _searched(records, terms, links, {"{time}": time, "{id}": id}, limit, start=after.position)
    kind = records.declared.pages.kind
    if changes.compare != "time" or found.next is None or kind not in ("cursor", "offset"):
        return replace(found, next=None)
    return found if kind == "offset" else replace(found, next=str(found.next))


def _counter_page(records: Records, changes: Counter, after: int | None, limit: int) -> Answer:
    number = records.declared.name_of(changes.number)
    terms = [] if after is None else [Term(number, "gt", after)]
    return _searched(records, terms, [], {"{number}": number}, limit)


def _searched(
    records: Records, terms: list[Term], links: list[Join], fields: Mapping[str, str], limit: int, *, start: Any = None
) -> Answer:
    """Return the objects for some terms, in the declared order by some fields."""
    order = _ordered(records.declared.order or {}, fields)
    page = _page(records, [*records.search(terms, links), *order.items()], limit, start=start)
    return Answer(page.records, page.date, more=page.next is not None, next=page.next)


def _ordered(template: Any, fields: Mapping[str, str]) -> Any:
    """Return the declared order with its fields, at any place in it."""
    if isinstance(template, str):
        for placeholder, name in fields.items():
            template = template.replace(placeholder, name)
        return template
    if isinstance(template, Mapping):
        return {name: _ordered(each, fields) for name, each in template.items()}
    return [_ordered(each, fields) for each in template] if isinstance(template, list) else template


def _terms(declared: Declaration, time: str, id: str, after: After, until: Any) -> tuple[list[Term], list[Join]]:
    """Return the terms for objects after a place and before the end of the run."""
    here = Term(time, "eq", _literal(after.time))
    beyond = [] if after.id is None else [Term(id, "gt", typed(declared.field(id), after.id))]
    later = Term(time, "ge" if after.relation == "from" else "gt", _literal(after.time))
    is_bounded = declared.filters is not None and "lt" in declared.filters.forms
    end = [Term(time, "lt", _literal(until))] if is_bounded else []
    if after.relation == "equal":
        return [here, *beyond], ["and"]
    if after.relation in ("from", "later"):
        return [later, *end], _ands(end)
    # (time = T and id > I and time < end) or (time > T and time < end): "and" binds first.
    first, second = [here, *beyond, *end], [later, *end]
    links: list[Join] = [*_ands(first[1:]), "or", *_ands(second[1:])]
    return [*first, *second], links


def _ands(terms: list[Term]) -> list[Join]:
    return ["and" for _ in terms]


def _literal(value: Any) -> Any:
    return Literally(value) if isinstance(value, str) else value


def _page(records: Records, params: Params, limit: int, *, start: Any = None) -> Page:
    return next(records.pages(params, limit, start=start))
