"""Reads search terms from a message, and describes them in its schema."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from shipmate.kit.moments import pattern_of
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import ValueMissing
from shipmate.kit.objects.fields import Field, Schema
from shipmate.kit.objects.filters import Expression, Join, Literally, Term
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.routes import text_of
from shipmate.kit.values import flag, moment, number
from shipmate.wording import did_you_mean_or_list


def count_of(declared: Declaration, cfg: Mapping[str, Any]) -> int:
    """Return the number of search terms; none without filters."""
    if declared.filters is None:
        return 0
    return number(cfg, declared.names.terms, default=0, least=0, most=declared.names.most_terms)


def read_terms(declared: Declaration, cfg: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[list[Term], list[Join]]:
    """Return the search terms of a message and the links between them.

    Raises:
        ValueMissing: A term lacks a part.
        ValueError: A term has an unknown field or operator, or a value of another type.
    """
    count, names = count_of(declared, cfg), declared.names
    terms = [_term(declared, names.term_name(index), body) for index in range(count)]
    links: list[Join] = [_link(declared, names.link_name(index), body) for index in range(count - 1)]
    return terms, links


def is_expert(declared: Declaration, cfg: Mapping[str, Any]) -> bool:
    """Return whether a person writes the filter as text."""
    filters = declared.filters
    return isinstance(filters, Expression) and filters.expert and flag(cfg, declared.names.expert)


def expression_params(declared: Declaration, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the parameter with the filter that a person has written, as it is.

    Raises:
        ValueMissing: The message has none.
    """
    given = body.get(declared.names.expression)
    if not isinstance(given, str) or not given.strip():
        raise ValueMissing(f"{declared.names.expression}: expected a filter, found none")
    assert isinstance(declared.filters, Expression)  # noqa: S101 - by is_expert
    return [(declared.filters.parameter, given.strip())]


def expression_schema(declared: Declaration) -> dict[str, Schema]:
    """Return the property of a message with such a filter."""
    return {declared.names.expression: {"title": "Filter Expression", "type": "string", "required": True}}


def typed(field: Field | None, value: Any) -> Any:
    """Return a value in the type of its field: people type numbers as text.

    >>> typed(Field("age", "number"), "29"), typed(Field("name"), 7), typed(Field("won", "boolean"), "false")
    (29, '7', False)

    Raises:
        ValueError: The value has another type.
    """
    kind = field.type if field is not None else "string"
    name = field.name if field is not None else ""
    if kind in ("number", "integer") and not isinstance(value, bool):
        found = _number(value)
        if found is None:
            raise ValueError(f"{name}: expected a number, found {pattern_of(value)}")
        return found
    if kind == "boolean":
        return flag({name: value}, name)
    if kind in ("date", "date-time"):
        moment({name: value}, name)
        return Literally(text_of(value).strip())
    return text_of(value)


def terms_schema(declared: Declaration, count: int) -> dict[str, Schema]:
    """Return the properties of a message with search terms."""
    filters, names = declared.filters, declared.names
    if filters is None:
        return {}
    found: dict[str, Schema] = {}
    choices = [*declared.filter_ids]
    for index in range(count):
        name: Schema = {"title": "Field Name", "type": "string", "required": True}
        found[names.term_name(index)] = {
            "title": f"Search term {index + 1}", "type": "object", "required": True,
            "properties": {
                names.field_name: {**name, "enum": choices} if choices else name,
                names.condition: {
                    "title": "Condition", "type": "string", "required": True, "enum": list(filters.ids)
                },
                names.field_value: {
                    "title": "Field Value", "type": "string", **({} if filters.unary else {"required": True})
                },
            },
        }  # fmt: skip
        if index < count - 1:
            found[names.link_name(index)] = {
                "title": "Logical operator", "type": "string", "required": True, "enum": list(filters.links)
            }  # fmt: skip
    return found


def _term(declared: Declaration, name: str, body: Mapping[str, Any]) -> Term:
    given = body.get(name)
    if not isinstance(given, Mapping):
        raise ValueMissing(f"{name}: expected a search term, found none")
    names = declared.names
    field, chosen = (_part(name, each, given) for each in (names.field_name, names.condition))
    _require(f"{name}: {names.field_name}", str(field), [*declared.filter_ids])
    field = declared.filter_ids.get(str(field), str(field))
    filters, known = declared.filters, declared.field(field)
    assert filters is not None  # noqa: S101 - by count_of
    _require(f"{name}: {names.condition}", str(chosen), [*filters.ids])
    condition = filters.ids[str(chosen)]
    if condition in filters.unary:
        return Term(field, condition, None)
    value = _part(name, names.field_value, given)
    try:
        return Term(field, condition, _value(known, value, is_list=condition in filters.lists))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _part(name: str, part: str, term: Mapping[str, Any]) -> Any:
    value = term.get(part)
    if is_missing(value):
        raise ValueMissing(f"{name}: expected {part}, found none")
    return value


def _value(field: Field | None, value: Any, *, is_list: bool) -> Any:
    """Return a value in the type of its field; of a list, which may be a text with commas, each item."""
    if not is_list:
        return typed(field, value)
    return [typed(field, each) for each in (value.split(",") if isinstance(value, str) else value)]


def _link(declared: Declaration, name: str, body: Mapping[str, Any]) -> Join:
    given = body.get(name)
    known = declared.filters.links if declared.filters else {}
    if is_missing(given):
        return "and"
    if given in known:
        return known[given]
    raise ValueError(f"{name}: expected {' or '.join(known)}, found {str(given)[:20]!r}")


def _require(place: str, found: str, known: Sequence[str]) -> None:
    if known and found not in known:
        raise ValueError(f"{place}: expected a known one, found {found[:50]!r}{did_you_mean_or_list(found, known)}")


def _number(value: Any) -> int | float | None:
    """Return a number or a text with one as a number, None for anything else."""
    if isinstance(value, int | float):
        return value
    text = str(value).strip()[:50]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
