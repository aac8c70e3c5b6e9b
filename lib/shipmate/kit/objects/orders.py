"""Reads the order of a list from a message, and describes it in its schema."""

from collections.abc import Mapping
from typing import Any, Final

from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.sorting import DIRECTIONS
from shipmate.wording import did_you_mean_or_list

_MOST_ORDERS: Final = 10


def order_params(declared: Declaration, body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the parameters for the order in a message: an object, or a list of them.

    Raises:
        ValueError: A field or a direction is unknown.
    """
    names = declared.names
    given = body.get(names.order)
    if declared.sort is None or is_missing(given):
        return []
    items = given if isinstance(given, list) else [given]
    if len(items) > _MOST_ORDERS:
        raise ValueError(f"{names.order}: expected at most {_MOST_ORDERS} fields, found {len(items)}")
    return declared.sort.params([_order(declared, item) for item in items])


def order_schema(declared: Declaration) -> dict[str, Schema]:
    """Return the property of a message with the order."""
    if declared.sort is None:
        return {}
    names, choices = declared.names, [*declared.filter_ids]
    field: Schema = {"title": "Field Name", "type": "string", "required": True}
    item: Schema = {
        "type": "object",
        "properties": {
            names.field_name: {**field, "enum": choices} if choices else field,
            names.order_direction: {"title": "Order Direction", "type": "string", "enum": list(DIRECTIONS)},
        },
    }
    return {names.order: {"title": "Order", "type": "array", "items": item}}


def _order(declared: Declaration, item: Any) -> tuple[str, str]:
    names = declared.names
    place = names.order
    if not isinstance(item, Mapping) or is_missing(item.get(names.field_name)):
        raise ValueError(f"{place}: expected an object with {names.field_name}, found none")
    field, known = str(item[names.field_name]), declared.filter_ids
    if known and field not in known:
        hint = did_you_mean_or_list(field, known)
        raise ValueError(f"{place}: {names.field_name}: expected a known one, found {field[:50]!r}{hint}")
    direction = item.get(names.order_direction)
    found = DIRECTIONS[0] if is_missing(direction) else str(direction).lower()
    if found not in DIRECTIONS:
        raise ValueError(f"{place}: {names.order_direction}: expected asc or desc, found {found[:20]!r}")
    return known.get(field, field), found
