"""Samples: values that a schema allows, with optional properties filled as well."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any, Final

from shipmate.component.metadata.differences import usable, validator
from shipmate.component.metadata.scalars import listed, number_of, text_of, type_of
from shipmate.component.metadata.schemas import Schema, resolved

# Enough for any schema that a person fills in. Definitions that all refer to each other go beyond it, and are then
# followed less deep.
_MOST_VALUES: Final = 1_000
_DEPTHS: Final = (50, 4, 3, 2, 1)
_MOST_CANDIDATES: Final = 50
_ALTERNATIVES: Final = frozenset({"anyOf", "oneOf", "not"})


class _NoSample(Exception):
    """There is no end to what a schema asks for."""


class _TooMany(Exception):
    """There is an end to what a schema asks for, but it is far."""


def sample(schema: Mapping[str, Any]) -> Any:
    """Return a value that a schema allows, as good as can be guessed; it is the same on every call.

    Raises:
        DescriptorError: The schema itself is not usable.

    >>> sample({"properties": {"id": {"type": "integer", "minimum": 7}, "day": {"type": "string", "format": "date"}}})
    {'id': 7, 'day': '2026-01-31'}
    """
    draft4 = usable(schema)
    for deepest in _DEPTHS:
        try:
            return _Sampler(draft4, deepest).value(draft4 or {"type": "object"})
        except _TooMany:
            continue
        except _NoSample:
            break
    return {}


@dataclass(slots=True)
class _Count:
    values: int = 0


@dataclass(frozen=True, slots=True)
class _Sampler:
    """Where in a schema a sample is being made."""

    root: Schema
    deepest: int
    """How many references may lead into each other."""
    references: tuple[str, ...] = ()
    """The references that led here."""
    nth: int = 0
    """Which of several differing values is wanted."""
    count: _Count = field(default_factory=_Count)

    def value(self, schema: Any) -> Any:
        self.count.values += 1
        if self.count.values > _MOST_VALUES:
            raise _TooMany
        if not isinstance(schema, dict):
            return "text"
        sampler, entered = self._entered(schema)
        return sampler._alternative(entered)

    def _entered(self, schema: Any) -> "tuple[_Sampler, Schema]":
        """Return a schema without references and ``allOf`` that asks for the same, and where it is."""
        followed: list[str] = []
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            followed.append(schema["$ref"])
            references = (*self.references, *followed)
            if references.count(followed[-1]) > 2 or len(references) > self.deepest:
                raise _NoSample
            schema = resolved(self.root, followed[-1])
        inside = replace(self, references=(*self.references, *followed))
        if not isinstance(schema, dict) or "allOf" not in schema:
            return inside, schema if isinstance(schema, dict) else {}
        merged = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        behind: dict[str, None] = {}
        for part in schema["allOf"]:
            there, entered = inside._entered(part)
            merged = _both(merged, entered)
            behind.update(dict.fromkeys(there.references[len(inside.references) :]))
        return replace(inside, references=(*inside.references, *behind)), merged

    def _alternative(self, schema: Schema) -> Any:
        """Return a value for the first alternative that gives one which the whole schema allows."""
        if not _ALTERNATIVES & schema.keys():
            return self._plain(schema)
        made: list[Any] = []
        for sampler, candidate in islice(self._candidates(schema), _MOST_CANDIDATES):
            for nth in (self.nth, self.nth + 1):
                try:
                    made.append(replace(sampler, nth=nth)._plain_or_alternative(candidate))
                except _NoSample:
                    break
                if self._allows(schema, made[-1]):
                    return made[-1]
        if not made:
            raise _NoSample
        return made[0]

    def _plain_or_alternative(self, candidate: Schema) -> Any:
        nested = {"anyOf", "oneOf"} & candidate.keys()
        return self._alternative(candidate) if nested else self._plain(candidate)

    def _candidates(self, schema: Schema) -> "Iterator[tuple[_Sampler, Schema]]":
        """Yield what remains to be asked for when one part of each ``anyOf`` and ``oneOf`` is chosen."""
        base = {keyword: value for keyword, value in schema.items() if keyword not in ("anyOf", "oneOf")}
        for one, other in product(schema.get("anyOf", [{}]), schema.get("oneOf", [{}])):
            try:
                yield self._entered({"allOf": [base, one, other]})
            except _NoSample:
                continue

    def _allows(self, schema: Schema, value: Any) -> bool:
        from referencing.exceptions import Unresolvable  # with jsonschema 66 ms

        # References start at the root, whatever part is checked.
        checked = validator(self.root).evolve(schema=schema)
        try:
            return bool(checked.is_valid(value))
        except (RecursionError, Unresolvable):
            return False

    def _plain(self, schema: Schema) -> Any:
        """Return a value for a schema without alternatives."""
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            fitting = [each for each in choices if self._allows({**schema, "enum": choices}, each)] or choices
            return fitting[self.nth % len(fitting)]
        for given in _given(schema) if self.nth == 0 else ():
            if self._allows(schema, given):
                return given
        makers: Mapping[str, Callable[[Schema], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema: text_of(schema, self.nth),
            "integer": lambda schema: number_of(schema, self.nth),
            "number": lambda schema: number_of(schema, self.nth),
            "boolean": lambda _: self.nth % 2 == 0,
            "null": lambda _: None,
        }
        return makers.get(type_of(schema), makers["string"])(schema)

    def _object(self, schema: Schema) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        properties = schema.get("properties") or {}
        most = schema.get("maxProperties", math.inf)
        for name in dict.fromkeys((*required, *properties)):
            if name not in required and len(made) + sum(each not in made for each in required) >= most:
                continue
            try:
                made[name] = self.value(properties.get(name, self._other(schema)))
            except _NoSample:
                if name in required:
                    raise
        return self._with_more(schema, made)

    def _with_more(self, schema: Schema, made: dict[str, Any]) -> dict[str, Any]:
        """Add properties that the schema does not name, where it asks for them or describes them."""
        described = isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties")
        least = schema.get("minProperties", 1 if described and schema.get("maxProperties", 1) else 0)
        names = (name for name in (f"key{index}" for index in range(1, least + len(made) + 1)) if name not in made)
        for name in names:
            if len(made) >= least:
                break
            try:
                made[name] = self.value(self._other(schema))
            except _NoSample:
                if "minProperties" in schema:
                    raise
        return made

    @staticmethod
    def _other(schema: Schema) -> Schema:
        other = schema.get("additionalProperties")
        return other if isinstance(other, dict) else {}

    def _array(self, schema: Schema) -> list[Any]:
        items = schema.get("items", {})
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if isinstance(items, list):
            each: list[Any] = items + [schema.get("additionalItems", {})] * (least - len(items))
        else:
            each = [items] * max(least, 1)
        made: list[Any] = []
        for index, item in enumerate(each):
            if len(made) >= most:
                break
            try:
                made.append(replace(self, nth=self.nth + index if schema.get("uniqueItems") else self.nth).value(item))
            except _NoSample:
                if len(made) < least:
                    raise
                break
        return made


def _both(first: Schema, second: Schema) -> Schema:
    """Return a schema that asks for what two schemas ask for."""
    both = {**first, **second}
    for keyword in first.keys() & second.keys():
        one, other = first[keyword], second[keyword]
        if keyword == "properties":
            shared = {name: {"allOf": [one[name], other[name]]} for name in one.keys() & other.keys()}
            both[keyword] = {**one, **other, **shared}
        elif keyword == "required":
            both[keyword] = list(dict.fromkeys((*one, *other)))
        elif keyword == "enum":
            both[keyword] = [each for each in one if each in other]
        elif keyword in ("minimum", "minLength", "minItems", "minProperties"):
            both[keyword] = max(one, other)
        elif keyword in ("maximum", "maxLength", "maxItems", "maxProperties"):
            both[keyword] = min(one, other)
        elif keyword == "type":
            shared_types = [each for each in listed(one) if each in listed(other)]
            both[keyword] = shared_types or ["integer"]  # a number that must also be an integer
        elif keyword in ("anyOf", "oneOf"):
            both[keyword] = [{"allOf": [each, another]} for each in one for another in other]
    return both


def _given(schema: Schema) -> list[Any]:
    """Return the values that a schema itself suggests."""
    suggested = [schema[keyword] for keyword in ("default", "example") if keyword in schema]
    return [*suggested, *listed(schema.get("examples", []))]
