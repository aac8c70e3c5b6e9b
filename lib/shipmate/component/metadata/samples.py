"""Makes samples: values that a schema allows, with optional properties filled as well."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any, Final

from shipmate.component.metadata.differences import bounded_references, usable, validator
from shipmate.component.metadata.scalars import listed, number_of, text_of, type_of
from shipmate.component.metadata.schemas import Schema, resolved

# Enough for any schema that a person fills in. Definitions that all refer to each other exceed it; then references
# are followed less deeply.
_MOST_VALUES: Final = 1_000
_MOST_SCHEMAS: Final = 20_000
_MOST_REFERENCES: Final = 5_000
_DEPTHS: Final = (50, 4, 3, 2, 1)
_MOST_CANDIDATES: Final = 50
_ALTERNATIVES: Final = frozenset({"anyOf", "oneOf", "not"})


class _NoSample(Exception):
    """A schema requires an infinite value."""


class _TooMany(Exception):
    """A sample would be too large."""


def sample(schema: Mapping[str, Any]) -> Any:
    """Return a value that a schema allows; every call returns the same one.

    Where no fitting value is found, for example for an unusual pattern, the sample differs from the schema.

    Raises:
        DescriptorError: The schema is not usable.

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
    schemas: int = 0
    references: list[int] = field(default_factory=lambda: [_MOST_REFERENCES])
    """The references that may still be followed to check candidates."""


@dataclass(frozen=True, slots=True)
class _Sampler:
    """Makes a sample of a schema inside the root schema."""

    root: Schema
    deepest: int
    """The most references that are followed one inside the other."""
    references: tuple[str, ...] = ()
    """The references that were followed so far, the outermost first."""
    nth: int = 0
    """The number of the sample, from 0, where several must differ."""
    count: _Count = field(default_factory=_Count)

    def value(self, schema: Any) -> Any:
        """Return a sample of a schema."""
        self.count.values += 1
        if self.count.values > _MOST_VALUES:
            raise _TooMany
        if not isinstance(schema, dict):
            return "text"
        sampler, entered = self._entered(schema)
        return sampler._alternative(entered)

    def _entered(self, schema: Any) -> "tuple[_Sampler, Schema]":
        """Return an equal schema without references and ``allOf``, and the sampler of its place."""
        self.count.schemas += 1
        if self.count.schemas > _MOST_SCHEMAS:
            raise _TooMany
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
        inner: dict[str, None] = {}
        for part in schema["allOf"]:
            sampler, entered = inside._entered(part)
            merged = _both(merged, entered)
            inner.update(dict.fromkeys(sampler.references[len(inside.references) :]))
        return replace(inside, references=(*inside.references, *inner)), merged

    def _alternative(self, schema: Schema) -> Any:
        """Return the sample of the first alternative whose sample fits the whole schema."""
        if not _ALTERNATIVES & schema.keys():
            return self._plain(schema)
        samples: list[Any] = []
        for sampler, candidate in islice(self._candidates(schema), _MOST_CANDIDATES):
            for nth in (self.nth, self.nth + 1):
                try:
                    samples.append(replace(sampler, nth=nth)._plain_or_alternative(candidate))
                except _NoSample:
                    break
                if self._allows(schema, samples[-1]):
                    return samples[-1]
        if not samples:
            raise _NoSample
        return samples[0]

    def _plain_or_alternative(self, candidate: Schema) -> Any:
        nested = {"anyOf", "oneOf"} & candidate.keys()
        return self._alternative(candidate) if nested else self._plain(candidate)

    def _candidates(self, schema: Schema) -> "Iterator[tuple[_Sampler, Schema]]":
        """Yield the schema for each choice of one part of ``anyOf`` and one of ``oneOf``."""
        base = {keyword: value for keyword, value in schema.items() if keyword not in ("anyOf", "oneOf")}
        for one, other in product(schema.get("anyOf", [{}]), schema.get("oneOf", [{}])):
            try:
                yield self._entered({"allOf": [base, one, other]})
            except _NoSample:
                continue

    def _allows(self, schema: Schema, value: Any) -> bool:
        from referencing.exceptions import Unresolvable  # with jsonschema 66 ms

        # References start at the root, also in a part of it.
        checked = validator(self.root).evolve(schema=schema)
        try:
            with bounded_references(self.count.references):
                return bool(checked.is_valid(value))
        except (RecursionError, Unresolvable):
            return False

    def _plain(self, schema: Schema) -> Any:
        """Return a sample of a schema without alternatives."""
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            others = {keyword: value for keyword, value in schema.items() if keyword != "enum"}
            fitting = [choice for choice in choices if self._allows(others, choice)] or choices
            return fitting[self.nth % len(fitting)]
        for suggestion in _suggested(schema) if self.nth == 0 else ():
            if self._allows(schema, suggestion):
                return suggestion
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
        value: dict[str, Any] = {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        properties = schema.get("properties") or {}
        most = schema.get("maxProperties", math.inf)
        for name in dict.fromkeys((*required, *properties)):
            if name not in required and len(value) + sum(needed not in value for needed in required) >= most:
                continue
            try:
                value[name] = self.value(properties.get(name, self._other(schema)))
            except _NoSample:
                if name in required:
                    raise
        return self._with_more(schema, value)

    def _with_more(self, schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
        """Add properties that the schema requires or describes without their names."""
        described = isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties")
        least = schema.get("minProperties", 1 if described and schema.get("maxProperties", 1) else 0)
        names = (name for name in (f"key{index}" for index in range(1, least + len(value) + 1)) if name not in value)
        for name in names:
            if len(value) >= least:
                break
            try:
                value[name] = self.value(self._other(schema))
            except _NoSample:
                if "minProperties" in schema:
                    raise
        return value

    @staticmethod
    def _other(schema: Schema) -> Schema:
        other = schema.get("additionalProperties")
        return other if isinstance(other, dict) else {}

    def _array(self, schema: Schema) -> list[Any]:
        items = schema.get("items", {})
        least, most = min(schema.get("minItems", 0), _MOST_VALUES + 1), schema.get("maxItems", math.inf)
        if isinstance(items, list):
            schemas: list[Any] = items + [schema.get("additionalItems", {})] * (least - len(items))
        else:
            schemas = [items] * max(least, 1)
        value: list[Any] = []
        for index, item in enumerate(schemas):
            if len(value) >= most:
                break
            try:
                value.append(replace(self, nth=self.nth + index if schema.get("uniqueItems") else self.nth).value(item))
            except _NoSample:
                if len(value) < least:
                    raise
                break
        return value


def _both(first: Schema, second: Schema) -> Schema:
    """Return a schema that requires what two schemas require."""
    both = {**first, **second}
    for keyword in first.keys() & second.keys():
        one, other = first[keyword], second[keyword]
        if keyword == "properties":
            shared = {name: {"allOf": [one[name], other[name]]} for name in one.keys() & other.keys()}
            both[keyword] = {**one, **other, **shared}
        elif keyword == "required":
            both[keyword] = list(dict.fromkeys((*one, *other)))
        elif keyword == "enum":
            both[keyword] = [choice for choice in one if choice in other]
        elif keyword in ("exclusiveMinimum", "exclusiveMaximum"):
            both[keyword] = (max if keyword == "exclusiveMinimum" else min)(one, other)
        elif keyword in ("minimum", "minLength", "minItems", "minProperties"):
            both[keyword] = max(one, other)
        elif keyword in ("maximum", "maxLength", "maxItems", "maxProperties"):
            both[keyword] = min(one, other)
        elif keyword == "type":
            shared_types = [kind for kind in listed(one) if kind in listed(other)]
            both[keyword] = shared_types or ["integer"]  # a number that must also be an integer
        elif keyword in ("anyOf", "oneOf"):
            both[keyword] = [{"allOf": [*pair]} for pair in islice(product(one, other), _MOST_CANDIDATES)]
    return both


def _suggested(schema: Schema) -> list[Any]:
    """Return the values that a schema suggests: its default and its examples."""
    values = [schema[keyword] for keyword in ("default", "example") if keyword in schema]
    return [*values, *listed(schema.get("examples", []))]
