"""The ids and defaults of generated functions: flows refer to them, so a component keeps those of its predecessor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from shipmate.wording import did_you_mean_or_list

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "default_emit": ("individually", "pages", "everything"),
    "default_if_not_found": ("throwError", "emitEmpty", "emitNothing"),
    "page_size_in": ("field", "message"),
    "yes_no": ("CheckBoxView", "SelectView"),
}
"""The names that have one of a few values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The ids of fields, their values, and the members of messages; the defaults are those of new components.

    Args:
        object_type: The choice of the resource, if there are several.
        object_types: The name of the select model with the object types.
        criteria: The choice of the field by which one object is found.
        unique_fields: The name of the select model with these fields.
        criteria_value: The member of the message with the value; ``{field}`` is the chosen field.
        id_value: The member of the message with the id, in functions that know objects by id only.
        allow_omitted: The check box that allows messages without a value.
        allow_zero: The check box that turns "nothing found" into an empty object.
        wait: The check box that turns "nothing found" into a rebound.
        emit: The choice between single objects, pages and all.
        individually: The values of ``emit`` for one message per object; new flows have the first.
        pages: The values of ``emit`` for one message per page.
        everything: The values of ``emit`` for one message with all objects.
        default_emit: The meaning of an empty ``emit``; for `poll`, ``everything`` means ``individually``.
        terms: The number of search terms.
        term: The member of the message with a term; ``{n}`` is its number.
        link: The member of the message between two terms; ``{n}`` and ``{m}`` are their numbers.
        first_term: The number of the first term.
        most_terms: The most search terms.
        field_name: The member of a term with the name of a field.
        condition: The member of a term with the operator.
        field_value: The member of a term with the value.
        page_size: The number of objects of a page.
        page_number: The member of the message that asks for one page.
        first_page: The number of the first page.
        limit: The member of the message with the most objects that are wanted.
        results: The member of an emitted message with several objects.
        total: The member of an emitted message with the number of all objects that match.
        page_size_in: Whether ``page_size`` is a ``field`` of the step or a member of the ``message``.
        order: The member of the message with the order: a list of objects with ``field_name`` and ``order_direction``.
        order_direction: The member with ``asc`` or ``desc``.
        expert: The check box that takes one filter as text in place of terms.
        expression: The member of the message with that filter.
        linked: The choice of the linked objects that are emitted within an object.
        linked_objects: The name of the select model with them.
        items: The member of the message with the values of a set.
        most_items: The most values of a set.
        results_dictionary: The member of an emitted message with the objects of a set, by value.
        if_not_found: The choice of what a deletion without an object emits.
        default_if_not_found: The meaning of an empty ``if_not_found``.
        do_not_throw_404: The check box that turns an answer with 404 into a message.
        status: The member of an answer with its status.
        headers: The member of an answer with its headers.
        response_body: The member of an answer with its body.
        yes_no: The view of a yes or no: a check box, or a choice between ``Yes`` and ``No``.

    Raises:
        ValueError: A name has one of a few values, and another one is given.
    """

    object_type: str = "objectType"
    object_types: str = "object_types"
    criteria: str = "lookupCriteria"
    unique_fields: str = "unique_fields"
    criteria_value: str = "lookupCriteriaValue"
    id_value: str = "idValue"
    allow_omitted: str = "allowCriteriaToBeOmitted"
    allow_zero: str = "allowZeroResults"
    wait: str = "waitForObjectToExist"
    emit: str = "emitBehavior"
    individually: tuple[str, ...] = ("emitIndividually",)
    pages: tuple[str, ...] = ("emitPage", "fetchPage")
    everything: tuple[str, ...] = ("emitAll", "fetchAll")
    default_emit: Literal["individually", "pages", "everything"] = "individually"
    terms: str = "termNumber"
    term: str = "sTerm_{n}"
    link: str = "link_{n}_{m}"
    first_term: int = 1
    most_terms: int = 99
    field_name: str = "fieldName"
    condition: str = "condition"
    field_value: str = "fieldValue"
    page_size: str = "pageSize"
    page_number: str = "pageNumber"
    first_page: int = 0
    limit: str = "maxResultSize"
    results: str = "results"
    total: str = "totalCountOfMatchingResults"
    page_size_in: Literal["field", "message"] = "field"
    order: str = "order"
    order_direction: str = "orderDirection"
    expert: str = "expertMode"
    expression: str = "filterExpression"
    linked: str = "linkedObjects"
    linked_objects: str = "linked_objects"
    items: str = "itemsToLookup"
    most_items: int = 100
    results_dictionary: str = "resultsDictionary"
    if_not_found: str = "ifNotFound"
    default_if_not_found: Literal["throwError", "emitEmpty", "emitNothing"] = "throwError"
    do_not_throw_404: str = "doNotThrow404"
    status: str = "statusCode"
    headers: str = "headers"
    response_body: str = "responseBody"
    yes_no: Literal["CheckBoxView", "SelectView"] = "CheckBoxView"

    def __post_init__(self) -> None:
        """Check the names that have one of a few values."""
        for name, values in _VALUES.items():
            if (found := getattr(self, name)) not in values:
                hint = did_you_mean_or_list(str(found), values)
                raise ValueError(f"names: expected another value of {name}, found {found!r}{hint}")

    def term_name(self, index: int) -> str:
        """Return the member of the term with an index.

        >>> Names().term_name(0), Names().link_name(0)
        ('sTerm_1', 'link_1_2')
        """
        return self.term.format(n=self.first_term + index)

    def link_name(self, index: int) -> str:
        """Return the member between the term with an index and the next one."""
        return self.link.format(n=self.first_term + index, m=self.first_term + index + 1)

    def with_changes(self, changes: Mapping[str, Any]) -> "Names":
        """Return names with other values.

        Raises:
            ValueError: There is no such name.
        """
        for name in changes:
            if name not in self.__slots__:
                hint = did_you_mean_or_list(name, self.__slots__)
                raise ValueError(f"names: expected a known one, found {name!r}{hint}")
        return replace(self, **changes)


PRESETS: Final[Mapping[str, Names]] = {
    "newest": Names(),
    "oih": Names(
        criteria="uniqueCriteria",
        criteria_value="{field}",
        allow_zero="allowEmptyResult",
        emit="emitBehaviour",
        pages=("fetchPage", "emitPage"),
        everything=("fetchAll", "emitAll"),
        terms="numSearchTerms",
        term="searchTerm{n}",
        link="criteriaLink{n}",
        first_term=0,
        page_size_in="message",
        yes_no="SelectView",
    ),
    "salesforce": Names(
        criteria="lookupField",
        criteria_value="{field}",
        pages=("fetchPage", "emitPage"),
        everything=("fetchAll", "emitAll"),
    ),
}


def names_from(given: "Names | Mapping[str, Any] | str | None", default: Names) -> Names:
    """Return the names that an author gives: a preset, single changes, or all of them.

    Raises:
        ValueError: There is no such preset or name.
    """
    if given is None:
        return default
    if isinstance(given, Names):
        return given
    if isinstance(given, str):
        if given not in PRESETS:
            raise ValueError(f"names: expected a known one, found {given!r}{did_you_mean_or_list(given, PRESETS)}")
        return PRESETS[given]
    return default.with_changes(given)
