"""Reads the schemas of functions, and walks through them.

Source: contract §11.3.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote

from shipmate.component import DESCRIPTOR, Component, Function, read_json
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import kind_of, pointer_to, steps_of
from shipmate.wording import real_path

Schema = dict[str, Any]

_MAPS_OF_SCHEMAS: Final = ("properties", "patternProperties", "definitions", "$defs", "dependencies")
_LISTS_OF_SCHEMAS: Final = ("allOf", "anyOf", "oneOf", "items")
_SCHEMAS: Final = ("items", "additionalItems", "additionalProperties", "not")


def schema_of(component: Component, function: Function, direction: Literal["in", "out"]) -> Schema | None:
    """Return the schema of a function's input or output, None if the descriptor has none.

    Raises:
        DescriptorError: The schema is not an object, or its file is missing, not JSON, or outside the component.
    """
    declared = (function.metadata or {}).get(direction)
    if declared is None:
        return None
    try:
        return read_schema(component.root, declared)
    except DescriptorError as error:
        pointer = pointer_to(f"{function.kind}s", function.id, "metadata", direction)
        raise DescriptorError(f"{component.root / DESCRIPTOR}: {pointer}: {error}") from error


def read_schema(root: Path, declared: Any) -> Schema:
    """Return a schema that the descriptor declares as an object, or as a file path relative to the component's root.

    Raises:
        DescriptorError: The declaration is neither, or the file cannot be read or is outside the component.
    """
    if isinstance(declared, str) and declared:
        if "\0" in declared or not real_path(root / declared).is_relative_to(real_path(root)):
            raise DescriptorError(f"expected the path of a file inside the component, found {declared!r}")
        schema = read_json(root / declared)
        if not isinstance(schema, dict):
            raise DescriptorError(f"{root / declared}: expected a schema as an object, found {kind_of(schema)}")
        return dict(schema)
    schema = thawed(declared)
    if not isinstance(schema, dict):
        raise DescriptorError(f"expected an object or the path of a JSON file, found {kind_of(schema)}")
    return schema


def to_draft4(schema: Mapping[str, Any]) -> Schema:
    """Return a schema in which each object lists its required properties, as in JSON Schema draft 4.

    References by ``$id`` become references by pointer. Types and keywords that draft 4 lacks stay.

    >>> to_draft4({"properties": {"name": {"type": "string", "required": True}}})
    {'properties': {'name': {'type': 'string'}}, 'required': ['name']}
    """
    return lifted(thawed(schema))


def lifted(schema: Schema) -> Schema:
    """Return a schema of dicts and lists as `to_draft4` does."""
    draft4: Schema = _lifted(schema, _places(schema))
    return draft4


def with_misplaced(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield a schema, and the schemas that stand in the place of a property map in it, with their pointers."""
    pending = [("", schema)]
    while pending:
        place, whole = pending.pop()
        yield place, whole
        pending += [
            (f"{place}{pointer}/properties", subschema["properties"])
            for pointer, subschema in subschemas(whole)
            if _is_slip(subschema.get("properties"))
        ]


def _is_slip(properties: Any) -> bool:
    """Return whether a map of properties is a whole schema by mistake."""
    return (
        isinstance(properties, dict)
        and isinstance(properties.get("type"), str)
        and isinstance(properties.get("properties"), dict)
    )


def _lifted(schema: Any, places: Mapping[str, str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    if _is_slip(schema.get("properties")):
        schema = {keyword: value for keyword, value in schema.items() if keyword != "properties"}
    draft4 = {
        keyword: _mapped(keyword, value, lambda subschema: _lifted(subschema, places))
        for keyword, value in schema.items()
        if not (keyword == "required" and isinstance(value, bool)) and keyword not in ("id", "$id")
    }
    if isinstance(schema.get("$ref"), str):
        draft4["$ref"] = places.get(schema["$ref"], schema["$ref"])
    required = _required_names(schema)
    if required and isinstance(draft4.get("required", []), list):
        draft4["required"] = required
    return draft4


def _required_names(schema: Schema) -> list[str]:
    names = list(schema["required"]) if isinstance(schema.get("required"), list) else []
    known = {name for name in names if isinstance(name, str)}
    properties = schema.get("properties")
    for name, member in properties.items() if isinstance(properties, dict) else ():
        if isinstance(member, dict) and member.get("required") is True and name not in known:
            names.append(name)
    return names


def _mapped(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """Return the value of a keyword with each schema in it replaced by ``change``."""
    if keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
        return {name: change(member) for name, member in value.items()}
    if keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
        return [change(member) for member in value]
    return change(value) if keyword in _SCHEMAS else value


def subschemas(schema: Any, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield a schema and its subschemas at all depths, with their pointers, but for those in a misplaced schema."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for keyword, value in schema.items():
        members: list[tuple[str, Any]] = []
        if keyword == "properties" and _is_slip(value):
            continue
        if keyword in _MAPS_OF_SCHEMAS and isinstance(value, dict):
            members = [(pointer_to(keyword, name), member) for name, member in value.items()]
        elif keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
            members = [(pointer_to(keyword, index), member) for index, member in enumerate(value)]
        elif keyword in _SCHEMAS:
            members = [(pointer_to(keyword), value)]
        for place, member in members:
            yield from subschemas(member, pointer + place)


def _places(schema: Any) -> dict[str, str]:
    """Return the reference by pointer for each reference by id: ``{"pet": "#/definitions/pet"}``."""
    places: dict[str, str] = {}
    for pointer, subschema in subschemas(schema):
        for name in (subschema.get("$id"), subschema.get("id")):
            if isinstance(name, str) and name:
                places.setdefault(name, f"#{pointer}")
                places.setdefault(f"#{name.removeprefix('#')}", f"#{pointer}")
    return places


def resolved(root: Schema, reference: str) -> Any:
    """Return the target of a reference by pointer, None if this schema does not contain it."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    target: Any = root
    for name in steps_of(unquote(reference[1:])):
        if isinstance(target, dict) and name in target:
            target = target[name]
        elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
            target = target[int(name)]
        else:
            return None
    return target


def thawed(value: Any) -> Any:
    """Return a copy of a JSON value whose objects are dicts and whose arrays are lists."""
    if isinstance(value, Mapping):
        return {name: thawed(member) for name, member in value.items()}
    return [thawed(member) for member in value] if isinstance(value, list | tuple) else value
