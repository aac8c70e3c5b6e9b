"""The properties of a metadata schema, nested ones too, as the rows of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shipmate.component.metadata import Schema, to_draft4
from shipmate.component.metadata.schemas import resolved
from shipmate.tools.docs.markdown import code, table, text

_MOST_CHOICES: Final = 12
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
    """Return the lines of a table of all properties; none when the schema names none.

    Raises:
        RecursionError: It is nested too deep.
    """
    root = to_draft4(schema)
    rows = _Walk(root).rows(root, "", ())
    return table(["Property", "Type", "Required", "Title", "Description", "Limits"], rows)


@dataclass(frozen=True, slots=True)
class _Walk:
    root: Schema

    def rows(self, schema: Schema, path: str, references: tuple[str, ...]) -> Iterator[list[str]]:
        """Yield a row for each property under a schema, ``a.b`` or ``a[].b``."""
        for each, followed in self._whole(schema, references):
            properties, required = each.get("properties"), each.get("required")
            for name, member in properties.items() if isinstance(properties, dict) else ():
                place = f"{path}.{name}" if path else str(name)
                is_required = isinstance(required, list) and name in required
                yield from self._property(member, place, is_required, followed)
            items = each.get("items")
            if isinstance(items, dict):
                # A list of plain values is told by its own row.
                yield from self.rows(items, f"{path}[]", followed)

    def _property(self, member: Any, place: str, required: bool, references: tuple[str, ...]) -> Iterator[list[str]]:
        whole = [each for each, _ in self._whole(member, references)]
        first = {keyword: value for each in reversed(whole) for keyword, value in each.items()}
        yield [
            code(place),
            self._type(member, references),
            "yes" if required else "",
            text(first.get("title")),
            text(first.get("description")),
            _limits(first),
        ]
        yield from self.rows(member, place, references)

    def _whole(self, schema: Any, references: tuple[str, ...]) -> Iterator[tuple[Schema, tuple[str, ...]]]:
        """Yield a schema and those that count as well, each with the references that were followed to it."""
        if not isinstance(schema, dict):
            return
        reference = schema.get("$ref")
        if isinstance(reference, str):
            # One that leads back to itself is told once.
            if reference not in references:
                yield from self._whole(resolved(self.root, reference), (*references, reference))
            return
        yield schema, references
        for keyword in ("allOf", "anyOf", "oneOf"):
            members = schema.get(keyword)
            for each in members if isinstance(members, list) else ():
                yield from self._whole(each, references)

    def _type(self, schema: Any, references: tuple[str, ...]) -> str:
        kinds: list[str] = []
        is_repeated = isinstance(schema, dict) and schema.get("$ref") in references
        for each, followed in self._whole(schema, references):
            declared = each.get("type")
            for kind in declared if isinstance(declared, list) else [declared]:
                if kind == "array" and isinstance(each.get("items"), dict):
                    kind = f"array of {self._type(each['items'], followed)}".removesuffix(" of anything")
                if isinstance(kind, str) and kind not in kinds:
                    kinds.append(kind)
        if not kinds and is_repeated:
            return "as above"
        return text(" or ".join(kinds)) or "anything"


def _limits(schema: Schema) -> str:
    """Return what else a value has to be."""
    told = [
        wording.format(text(schema[keyword])) for keyword, wording in _LIMITS.items() if _is_number(schema.get(keyword))
    ]
    if isinstance(schema.get("format"), str):
        told.insert(0, text(schema["format"]))
    if isinstance(schema.get("pattern"), str):
        told.append(f"matches {code(schema['pattern'])}")
    if isinstance(schema.get("enum"), list):
        told.append(one_of([code(each) for each in schema["enum"]]))
    return ", ".join(each for each in told if each)


def one_of(choices: Sequence[str]) -> str:
    """Return choices in words, the first ones when there are many.

    >>> one_of(["Yes", "No, never"])
    'one of: Yes; No, never'
    """
    more = f"; and {len(choices) - _MOST_CHOICES} more" if len(choices) > _MOST_CHOICES else ""
    return f"one of: {'; '.join(choices[:_MOST_CHOICES])}{more}" if choices else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
