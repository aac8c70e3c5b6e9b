"""How values differ from schemas, and schemas from what a schema may be, in sentences that never have the value.

Formats are not checked. Nothing is fetched.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shipmate.component.metadata.schemas import Schema, misplaced, resolved, subschemas, thawed, to_draft4
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import KINDS, kind_of, pointer_to
from shipmate.wording import did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_SENTENCES: Final[Mapping[str, str]] = {
    "minimum": "a number that is at least {0}, found a smaller one",
    "maximum": "a number that is at most {0}, found a larger one",
    "multipleOf": "a multiple of {0}, found another number",
    "minLength": "at least {0} characters, found {1}",
    "maxLength": "at most {0} characters, found {1}",
    "minItems": "at least {0} items, found {1}",
    "maxItems": "at most {0} items, found {1}",
    "minProperties": "at least {0} properties, found {1}",
    "maxProperties": "at most {0} properties, found {1}",
    "uniqueItems": "items that all differ, found equal ones",
    "pattern": "text that matches {0}, found other text",
    "additionalProperties": "no properties besides those that are named, found some",
    "additionalItems": "no further items, found some",
    "anyOf": "one of several shapes, found none of them",
    "oneOf": "exactly one of several shapes, found none or several of them",
    "not": "something that is not of a certain shape, found it",
}


_ANY: Final = "any"
"""A type of draft 3."""
LONGEST_SHOWN: Final = 20
"""The length of the longest value that a message shows; a longer one may be a secret at the wrong place."""
_EXCLUSIVE: Final = {"minimum": ("exclusiveMinimum", "more"), "maximum": ("exclusiveMaximum", "less")}


def schema_problems(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what keeps a schema from being a usable draft-4-style schema, as pairs of pointer and text."""
    try:
        draft4 = to_draft4(schema)
        found = [_schema_problem(error) for error in _meta_validator().iter_errors(draft4)]
        for pointer, each in subschemas(draft4):
            reference = each.get("$ref", "#")
            if not isinstance(reference, str):
                found.append((f"{pointer}/$ref", f"expected text, found {kind_of(reference)}"))
            elif not isinstance(resolved(draft4, reference), dict):
                found.append((f"{pointer}/$ref", "expected a reference to a schema in the same file, found another"))
        for pointer, each in misplaced(thawed(schema)):
            found += [(pointer + place, text) for place, text in schema_problems(each)]
    except RecursionError:
        return [("", "expected a schema, found one that is nested too deep")]
    return found


def slips(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what published schemas get wrong without harm, as pairs of pointer and text: it is passed over."""
    text = "expected properties by their names, found a schema, which is one level too deep"
    try:
        plain = thawed(schema)
        found = list(_unknown_types(plain))
        for pointer, each in misplaced(plain):
            found += [(pointer, text), *((pointer + place, slip) for place, slip in slips(each))]
    except RecursionError:  # which is a problem of its own
        return []
    return found


def _unknown_types(schema: Schema) -> Iterator[tuple[str, str]]:
    for pointer, each in subschemas(schema):
        declared = each.get("type")
        for kind in declared if isinstance(declared, list) else [declared]:
            if isinstance(kind, str) and kind not in KINDS and kind != _ANY:
                found = repr(kind) if len(kind) <= LONGEST_SHOWN else "something else"
                yield f"{pointer}/type", f"expected one of {', '.join(KINDS)}, found {found}{did_you_mean(kind, KINDS)}"


def _schema_problem(error: "ValidationError") -> tuple[str, str]:
    pointer = pointer_to(*error.absolute_path)
    if error.validator == "anyOf" and error.absolute_path and error.absolute_path[-1] == "type":
        return pointer, f"expected one of {', '.join(KINDS)}, or a list of them"
    return pointer, sentence(error)


def usable(schema: Mapping[str, Any]) -> Schema:
    """Return a schema as draft 4.

    Raises:
        DescriptorError: It is not usable.
    """
    wrong = schema_problems(schema)
    if wrong:
        raise DescriptorError(f"schema: {wrong[0][0]}: {wrong[0][1]}")
    return to_draft4(schema)


def problems(schema: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    """Return how a value differs from a schema, as pairs of JSON pointer and text; the text never has the value.

    Formats are not checked.

    Raises:
        DescriptorError: The schema itself is not usable.

    >>> problems({"properties": {"n": {"type": "integer"}, "m": {"required": True}}}, {"n": "secret"})
    [('', "expected the property 'm', found none"), ('/n', 'expected a whole number, found text')]
    """
    draft4 = usable(schema)
    try:
        errors = validator(draft4).iter_errors(thawed(value))
        return sorted((pointer_to(*error.absolute_path), sentence(error)) for error in errors)
    except RecursionError as error:
        raise DescriptorError("schema: expected references that end somewhere, found a circle") from error


def validator(draft4: Schema) -> "Validator":
    """Return a validator of a schema that passes over what it does not know and fetches nothing."""
    from referencing import Registry  # with jsonschema 66 ms

    checker: Validator = _lenient()(draft4, registry=Registry())
    return checker


@cache
def _lenient() -> Any:
    """Return draft 4 without objections to types and patterns that it does not understand."""
    from jsonschema import Draft4Validator, Draft7Validator, validators  # 66 ms

    rules = Draft4Validator.VALIDATORS

    def check_type(checking: Any, types: Any, value: Any, schema: Any) -> Any:
        known = types if isinstance(types, list) else [types]
        return rules["type"](checking, types, value, schema) if all(each in KINDS for each in known) else ()

    def check_pattern(checking: Any, pattern: Any, value: Any, schema: Any) -> Any:
        return rules["pattern"](checking, pattern, value, schema) if is_regular_expression(pattern) else ()

    changed = {"type": check_type, "pattern": check_pattern, "const": Draft7Validator.VALIDATORS["const"]}
    return validators.extend(Draft4Validator, changed)  # type: ignore[no-untyped-call]  # the stubs lack it


@cache
def _meta_validator() -> "Validator":
    """Return a validator of schemas: draft 4, with types that it does not know, and ``required`` possibly empty."""
    from jsonschema import Draft4Validator  # 66 ms

    meta = thawed(Draft4Validator.META_SCHEMA)
    for keyword in ("id", "format", "default"):
        meta["properties"].pop(keyword, None)
    meta.pop("id", None)
    meta["definitions"]["simpleTypes"] = {"type": "string"}  # others do no harm, and published schemas have them
    meta["definitions"]["stringArray"] = {"type": "array", "items": {"type": "string"}}
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):  # without the bound they say nothing, which does no harm
        meta["dependencies"].pop(bound, None)
    return validator(meta)


def is_regular_expression(text: Any) -> bool:
    """Tell whether Python understands a pattern, which was written for JavaScript."""
    try:
        re.compile(text)
    except (re.error, TypeError):
        return False
    return True


def sentence(error: "ValidationError") -> str:
    """Return in one sentence what was expected and found, without the value."""
    keyword = str(error.validator)
    asked: Any = error.validator_value
    value: Any = error.instance
    if keyword == "required":
        name = re.match(r"(?s)(.*) is a required property", error.message)
        return f"expected the property {name[1] if name else ''}, found none"
    if keyword == "type":
        types = asked if isinstance(asked, list) else [asked]
        return f"expected {' or '.join(KINDS.get(each, each) for each in types)}, found {kind_of(value)}"
    if keyword in ("enum", "const"):
        choices = ", ".join(repr(each) for each in (asked if keyword == "enum" else [asked]))
        return f"expected {'one of ' if keyword == 'enum' else ''}{choices}, found something else"
    if keyword == "pattern" and asked == r"\S":
        return "expected text, found only blanks" if value else "expected text, found an empty one"
    if (bound := _EXCLUSIVE.get(keyword)) and isinstance(error.schema, dict) and error.schema.get(bound[0]):
        return f"expected a number that is {bound[1]} than {asked}, found one that is not"
    length = len(value) if isinstance(value, str | list | dict) else 0
    return f"expected {_SENTENCES.get(keyword, f'what {keyword!r} asks for, found {{2}}')}".format(
        asked, length, kind_of(value)
    )
