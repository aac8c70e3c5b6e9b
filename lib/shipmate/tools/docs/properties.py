"""Generates the table of the properties of a metadata schema, nested ones included."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shipmate.component.metadata import Schema, to_draft4
from shipmate.component.metadata.schemas import resolved
from shipmate.tools.docs.markdown import code, inline, table

_MOST_CHOICES: Final = 12
# Enough for any table that a person reads. Definitions that all refer to each other exceed it; then references are
# followed less deeply.
_MOST_PARTS: Final = 20_000
_DEPTHS: Final = (50, 4, 3, 2, 1)
_LIMITS: Final[Mapping[str, str]] = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


def properties_table(schema: Mapping[str, Any]) -> list[str]:
    """Return the lines of the table of all properties; no lines if the schema names none.

    Raises:
        RecursionError: The schema is nested too deeply.
    """
    root = to_draft4(schema)
    head = ["Property", "Type", "Required", "Title", "Description", "Limits"]
    for deepest in _DEPTHS:
        try:
            return table(head, _Walk(root, deepest, [_MOST_PARTS]).rows(root, "", ()))
        except _TooMany:
            continue
    return table(head, _Walk(root, 0, [sys.maxsize]).rows(root, "", ()))


class _TooMany(Exception):
    """References lead to too many schemas."""


@dataclass(frozen=True, slots=True)
class _Walk:
    root: Schema
    deepest: int
    """The most references that are followed one inside the other."""
    left: list[int]
    """The number of schemas that may still be visited."""

    def rows(self, schema: Schema, path: str, references: tuple[str, ...]) -> Iterator[list[str]]:
        """Yield a row for each property below a schema: ``a.b``, ``a[].b``."""
        for part, followed in self._parts(schema, references):
            properties, required = part.get("properties"), part.get("required")
            for name, member in properties.items() if isinstance(properties, dict) else ():
                place = f"{path}.{name}" if path else str(name)
                is_required = isinstance(required, list) and name in required
                yield from self._property(member, place, is_required, followed)
            items = part.get("items")
            if isinstance(items, dict):  # items without properties yield no row
                yield from self.rows(items, f"{path}[]", followed)

    def _property(self, member: Any, place: str, required: bool, references: tuple[str, ...]) -> Iterator[list[str]]:
        parts = [part for part, _ in self._parts(member, references)]
        first = {keyword: value for part in reversed(parts) for keyword, value in part.items()}
        yield [
            code(place),
            self._type(member, references),
            "yes" if required else "",
            inline(first.get("title")),
            inline(first.get("description")),
            _limits(first),
        ]
        yield from self.rows(member, place, references)

    def _parts(self, schema: Any, references: tuple[str, ...]) -> Iterator[tuple[Schema, tuple[str, ...]]]:
        """Yield a schema and the schemas that it combines, each with the references that lead to it."""
        if not isinstance(schema, dict):
            return
        self.left[0] -= 1
        if self.left[0] < 0:
            raise _TooMany
        reference = schema.get("$ref")
        if isinstance(reference, str):
            # A reference that leads back to itself is followed once.
            if reference not in references and len(references) < self.deepest:
                yield from self._parts(resolved(self.root, reference), (*references, reference))
            return
        yield schema, references
        for keyword in ("allOf", "anyOf", "oneOf"):
            members = schema.get(keyword)
            for part in members if isinstance(members, list) else ():
                yield from self._parts(part, references)

    def _type(self, schema: Any, references: tuple[str, ...]) -> str:
        kinds: list[str] = []
        is_repeated = isinstance(schema, dict) and schema.get("$ref") in references
        for part, followed in self._parts(schema, references):
            declared = part.get("type")
            for kind in declared if isinstance(declared, list) else [declared]:
                if kind == "array" and isinstance(part.get("items"), dict):
                    kind = f"array of {self._type(part['items'], followed)}".removesuffix(" of anything")
                if isinstance(kind, str) and kind not in kinds:
                    kinds.append(kind)
        if not kinds and is_repeated:
            return "as above"
        return inline(" or ".join(kinds)) or "anything"


def _limits(schema: Schema) -> str:
    """Return the limits of a value: its format, size, pattern and choices."""
    limits = [
        wording.format(inline(schema[keyword]))
        for keyword, wording in _LIMITS.items()
        if _is_number(schema.get(keyword))
    ]
    if isinstance(schema.get("format"), str):
        limits.insert(0, inline(schema["format"]))
    if isinstance(schema.get("pattern"), str):
        limits.append(f"matches {code(schema['pattern'])}")
    if isinstance(schema.get("enum"), list):
        limits.append(one_of([code(choice) for choice in schema["enum"]]))
    return ", ".join(limit for limit in limits if limit)


def one_of(choices: Sequence[str]) -> str:
    """Return choices as text; of many, only the first ones.

    >>> one_of(["Yes", "No, never"])
    'one of: Yes; No, never'
    """
    more = f"; and {len(choices) - _MOST_CHOICES} more" if len(choices) > _MOST_CHOICES else ""
    return f"one of: {'; '.join(choices[:_MOST_CHOICES])}{more}" if choices else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
