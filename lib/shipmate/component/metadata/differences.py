"""Describes how values differ from schemas, and what is wrong with a schema, without quoting a value.

Formats are not checked. References to other files are not fetched.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shipmate.component.metadata.schemas import Schema, lifted, resolved, subschemas, thawed, to_draft4, with_misplaced
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import KINDS, kind_of, pointer_to
from shipmate.wording import did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_SENTENCES: Final[Mapping[str, str]] = {
    "minimum": "a number of at least {0}, found a smaller one",
    "maximum": "a number of at most {0}, found a larger one",
    "exclusiveMinimum": "a number greater than {0}, found another",
    "exclusiveMaximum": "a number less than {0}, found another",
    "multipleOf": "a multiple of {0}, found another number",
    "minLength": "at least {0} characters, found {1}",
    "maxLength": "at most {0} characters, found {1}",
    "minItems": "at least {0} items, found {1}",
    "maxItems": "at most {0} items, found {1}",
    "minProperties": "at least {0} properties, found {1}",
    "maxProperties": "at most {0} properties, found {1}",
    "uniqueItems": "unique items, found equal ones",
    "pattern": "text that matches {0}, found another text",
    "additionalProperties": "only the named properties, found others",
    "additionalItems": "no more items, found some",
    "anyOf": "a value that fits one of the schemas in 'anyOf', found one that fits none",
    "oneOf": "a value that fits exactly one of the schemas in 'oneOf', found another",
    "contains": "an item that fits the schema in 'contains', found none",
    "not": "a value that does not fit the schema in 'not', found one that does",
}


_ANY: Final = "any"
"""A type of JSON Schema draft 3."""
LONGEST_SHOWN: Final = 20
"""The length of the longest value that a message shows; a longer one may be a secret at the wrong place."""
_MOST_REFERENCES: Final = 5_000
"""The number of references that one validation follows at least."""
_REFERENCES_OF_A_PART: Final = 20
"""The number of references that it follows for each part of the value."""
_references_left: Final[ContextVar[list[int] | None]] = ContextVar("shipmate_references_left", default=None)
_DRAFT: Final = re.compile(r"(?:https?:)?//json-schema\.org/(?:draft[-/](0[3-7]|2019-09|2020-12)/)?schema#?")
"""The value of ``$schema``; without a draft it is the latest one."""
_EXCLUSIVE: Final = {"minimum": ("exclusiveMinimum", "greater"), "maximum": ("exclusiveMaximum", "less")}
_SINCE_DRAFT_7: Final[Mapping[str, Any]] = {
    "$defs": {"type": "object", "additionalProperties": {"$ref": "#"}},
    "dependentRequired": {"type": "object", "additionalProperties": {"$ref": "#/definitions/stringArray"}},
    "dependentSchemas": {"type": "object", "additionalProperties": {"$ref": "#"}},
    "maxContains": {"$ref": "#/definitions/nonNegativeInteger"},
    "minContains": {"$ref": "#/definitions/nonNegativeInteger"},
    "prefixItems": {"$ref": "#/definitions/schemaArray"},
    "unevaluatedItems": {"$ref": "#"},
    "unevaluatedProperties": {"$ref": "#"},
}
"""The rules for keywords of later drafts."""


def schema_problems(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the reasons why a schema is not usable, as pairs of JSON pointer and text."""
    try:
        return [
            (place + pointer, text)
            for place, whole in with_misplaced(thawed(schema))
            for pointer, text in _problems_of(lifted(whole))
        ]
    except RecursionError:
        return [("", "expected a schema, found one that is nested too deeply")]


def _problems_of(draft4: Schema) -> Iterator[tuple[str, str]]:
    for error in _meta_validator(draft_of(draft4)).iter_errors(draft4):
        yield _schema_problem(error)
    for pointer, subschema in subschemas(draft4):
        reference = subschema.get("$ref", "#")
        if not isinstance(reference, str):
            yield f"{pointer}/$ref", f"expected text, found {kind_of(reference)}"
        elif not isinstance(resolved(draft4, reference), dict):
            yield f"{pointer}/$ref", "expected a reference to a schema in the same file, found another"


def slips(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the harmless mistakes in a schema, as pairs of JSON pointer and text; published schemas contain them."""
    text = "expected a map of properties, found a whole schema, which is one level too deep"
    try:
        texts: list[tuple[str, str]] = []
        for place, whole in with_misplaced(thawed(schema)):
            texts += [(place, text)] if place else []
            texts += [(place + pointer, slip) for pointer, slip in _unknown_types(whole)]
    except RecursionError:  # schema_problems reports it
        return []
    return texts


def _unknown_types(schema: Schema) -> Iterator[tuple[str, str]]:
    for pointer, subschema in subschemas(schema):
        declared = subschema.get("type")
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
        DescriptorError: The schema is not usable.
    """
    for pointer, text in schema_problems(schema):
        raise DescriptorError(f"schema: {pointer}: {text}")
    return to_draft4(schema)


def problems(schema: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    """Return how a value differs from a schema, as pairs of JSON pointer and text; no text quotes the value.

    Raises:
        DescriptorError: The schema is not usable.

    >>> problems({"properties": {"n": {"type": "integer"}, "m": {"required": True}}}, {"n": "secret"})
    [('', "expected the property 'm', found none"), ('/n', 'expected a whole number, found text')]
    """
    draft4 = usable(schema)
    try:
        plain = thawed(value)
        with bounded_references([_MOST_REFERENCES + _REFERENCES_OF_A_PART * _parts(plain)]):
            errors = validator(draft4).iter_errors(plain)
            return sorted((pointer_to(*error.absolute_path), sentence(error)) for error in errors)
    except RecursionError as error:
        raise DescriptorError("schema: expected references without a circle, found one") from error


def draft_of(schema: Mapping[str, Any]) -> str:
    """Return the draft that a schema names in ``$schema``; without a known name it is draft 4, as on the platform.

    >>> draft_of({"$schema": "http://json-schema.org/draft-07/schema#"}), draft_of({})
    ('07', '04')
    """
    named = schema.get("$schema")
    match = _DRAFT.fullmatch(named) if isinstance(named, str) else None
    if match is None:
        return "04"
    return "04" if match[1] in ("03", "05") else match[1] or "2020-12"


def validator(schema: Schema) -> "Validator":
    """Return a validator of a schema that ignores unknown types and patterns and fetches no references."""
    from referencing import Registry  # with jsonschema 66 ms

    checker: Validator = _lenient(draft_of(schema))(schema, registry=Registry())
    return checker


def is_multiple(number: float, step: float) -> bool:
    """Return whether a number is a multiple of a step, in decimal arithmetic.

    >>> is_multiple(4.02, 0.01), is_multiple(4.025, 0.01)
    (True, False)
    """
    try:
        return (fraction_of(number) / fraction_of(step)).denominator == 1
    except (ValueError, OverflowError, ZeroDivisionError):  # infinite, or no number
        return False


def fraction_of(number: float) -> Fraction:
    """Return the exact value of the decimal number that JSON shows.

    Raises:
        ValueError: The number is infinite.
    """
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


@cache
def _lenient(draft: str) -> Any:
    """Return a validator class for a draft that ignores types and patterns that it does not understand."""
    import jsonschema  # 66 ms
    from jsonschema import validators
    from jsonschema.exceptions import ValidationError

    base: Any = {
        "04": jsonschema.Draft4Validator,
        "06": jsonschema.Draft6Validator,
        "07": jsonschema.Draft7Validator,
        "2019-09": jsonschema.Draft201909Validator,
        "2020-12": jsonschema.Draft202012Validator,
    }[draft]
    rules = base.VALIDATORS

    def check_type(checking: Any, types: Any, value: Any, schema: Any) -> Any:
        known = types if isinstance(types, list) else [types]
        return rules["type"](checking, types, value, schema) if all(kind in KINDS for kind in known) else ()

    def check_pattern(checking: Any, pattern: Any, value: Any, schema: Any) -> Any:
        return rules["pattern"](checking, pattern, value, schema) if is_regular_expression(pattern) else ()

    def check_reference(checking: Any, reference: Any, value: Any, schema: Any) -> Any:
        if left := _references_left.get():
            left[0] -= 1
            if left[0] < 0:
                raise RecursionError("too many references")
        return rules["$ref"](checking, reference, value, schema)

    def check_unique(checking: Any, unique: Any, value: Any, schema: Any) -> Any:
        if unique and isinstance(value, list) and len({_as_key(item) for item in value}) < len(value):
            yield ValidationError("has equal items")

    def check_multiple(checking: Any, step: Any, value: Any, schema: Any) -> Any:
        if checking.is_type(value, "number") and not is_multiple(value, step):
            yield ValidationError("not a multiple")

    changed = {
        "type": check_type,
        "pattern": check_pattern,
        "multipleOf": check_multiple,
        "const": jsonschema.Draft7Validator.VALIDATORS["const"],
        "$ref": check_reference,
        "uniqueItems": check_unique,
    }
    return validators.extend(base, changed)  # type: ignore[no-untyped-call]  # the stubs lack it


@cache
def _meta_validator(draft: str) -> "Validator":
    """Return a validator of schemas of a draft, but with unknown types, and with an empty ``required``."""
    from jsonschema import Draft4Validator, Draft7Validator  # 66 ms

    is_draft4 = draft == "04"
    meta = thawed((Draft4Validator if is_draft4 else Draft7Validator).META_SCHEMA)
    for keyword in ("id", "$id", "format", "default"):
        meta["properties"].pop(keyword, None)
        meta.pop(keyword, None)
    meta["definitions"]["simpleTypes"] = {"type": "string"}  # published schemas have others, without harm
    meta["definitions"]["stringArray"] = {"type": "array", "items": {"type": "string"}}
    if is_draft4:
        for bound in ("exclusiveMinimum", "exclusiveMaximum"):  # without the bound they have no effect
            meta["dependencies"].pop(bound, None)
    else:
        meta["properties"] |= _SINCE_DRAFT_7
    return validator(meta)


@contextmanager
def bounded_references(left: list[int]) -> Iterator[None]:
    """Raise RecursionError in validations that follow too many references: two in each of 30 schemas are a billion.

    Args:
        left: The number of references that may be followed, which is counted down.
    """
    token = _references_left.set(left)
    try:
        yield
    finally:
        _references_left.reset(token)


def _parts(value: Any) -> int:
    """Return the number of values in a value."""
    count, pending = 0, [value]
    while pending:
        one = pending.pop()
        count += 1
        if isinstance(one, dict | list):
            pending += one.values() if isinstance(one, dict) else one
    return count


def _as_key(item: Any) -> str:
    """Return the same text for equal items of JSON."""
    if isinstance(item, float) and item.is_integer():
        item = int(item)
    return json.dumps(item, sort_keys=True)


def is_regular_expression(text: Any) -> bool:
    """Return whether Python can compile a pattern, which was written for JavaScript."""
    try:
        re.compile(text)  # pattern: an author's schema, for commands that run the author's code, too
    except (re.error, TypeError, RecursionError, OverflowError):
        return False
    return True


def sentence(error: "ValidationError") -> str:
    """Return in one sentence what was expected and found, without quoting the value."""
    keyword = str(error.validator)
    asked: Any = error.validator_value
    value: Any = error.instance
    if error.schema is False:
        return f"expected nothing, found {kind_of(value)}"
    if keyword == "required":
        name = re.match(r"(?s)(.*) is a required property", error.message)
        return f"expected the property {name[1] if name else ''}, found none"
    if keyword == "type":
        types = asked if isinstance(asked, list) else [asked]
        return f"expected {' or '.join(KINDS.get(kind, kind) for kind in types)}, found {kind_of(value)}"
    if keyword in ("enum", "const"):
        choices = ", ".join(map(repr, asked if keyword == "enum" else [asked]))
        return f"expected {'one of ' if keyword == 'enum' else ''}{choices}, found something else"
    if keyword == "pattern" and asked == r"\S":
        return f"expected text, found {'only blanks' if value else 'empty text'}"
    if (bound := _EXCLUSIVE.get(keyword)) and isinstance(error.schema, dict) and error.schema.get(bound[0]):
        return f"expected a number {bound[1]} than {asked}, found another"
    length = len(value) if isinstance(value, str | list | dict) else 0
    return f"expected {_SENTENCES.get(keyword, f'a value that fits {keyword!r}, found {{2}}')}".format(
        asked, length, kind_of(value)
    )
