"""Samples: values that fit a schema."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipmate.component.metadata import (
    problems,
    sample,
)

TREE = {
    "definitions": {"node": {"properties": {"child": {"$ref": "#/definitions/node"}}}},
    "$ref": "#/definitions/node",
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {}),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "boolean"}, "b": {"type": "null"}}}, {"a": True, "b": None}),
        ({"type": ["null", "string"], "maxLength": 2}, "te"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T09:30:00Z"),
        ({"type": "string", "format": "uuid", "maxLength": 4}, "123e"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "EUR"),
        ({"type": "string", "pattern": "^[0-9]{9}$"}, "000000000"),
        ({"pattern": "["}, "text"),
        ({"pattern": "^never matched$"}, "text"),
        ({"type": "any"}, "text"),
        ({"const": 3}, 3),
        ({"type": "string", "enum": [None, "b"]}, "b"),
        ({"type": "integer", "enum": ["unfit"]}, "unfit"),
        ({"type": "string", "default": 3, "examples": ["Ada"]}, "Ada"),
        ({"type": "string", "example": "Ada"}, "Ada"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 5}, 1),
        ({"type": "integer", "maximum": 0, "exclusiveMaximum": True}, -1),
        ({"type": "integer", "minimum": 4, "multipleOf": 5}, 5),
        ({"type": "integer", "minimum": 4, "maximum": 3}, 0),
        ({"minimum": 0.25, "maximum": 0.5}, 0.25),
        ({"type": "array"}, ["text"]),
        ({"type": "array", "maxItems": 0}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [1, 2, 3]),
        ({"type": "array", "items": [{"type": "null"}], "minItems": 2}, [None, "text"]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True}, [True, False]),
        ({"additionalProperties": {"type": "integer"}}, {"key1": 1}),
        ({"type": "object", "minProperties": 2, "properties": {"key1": {}}}, {"key1": "text", "key2": "text"}),
        ({"maxProperties": 1, "properties": {"a": {}, "b": {"required": True}}}, {"b": "text"}),
        ({"type": "object", "required": ["b"]}, {"b": "text"}),
        ({"items": [{}], "additionalItems": True, "minItems": 2}, ["text", "text"]),
        ({"properties": {"a": {"additionalProperties": {"$ref": "#"}}}}, {"a": {"key1": {"a": {"key1": {"a": {}}}}}}),
        (TREE, {"child": {}}),
        ({"$ref": "#"}, {}),
    ],
)
def test_a_sample_is_what_a_person_would_expect(schema: dict[str, Any], expected: Any) -> None:
    assert sample(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}]},
        {"properties": {"a": {"enum": ["x"]}}, "oneOf": [{"required": ["a"]}, {"required": ["b"], "not": {}}]},
        {"anyOf": [{"type": "integer", "not": {"minimum": 0}}, {"type": "string"}]},
        {"type": "string", "not": {"enum": ["text"]}},
        {
            "allOf": [
                {"properties": {"a": {"type": "string", "minLength": 3}}, "required": ["a"]},
                {"properties": {"a": {"maxLength": 3, "minLength": 2}, "b": {"type": "number"}}, "required": ["b"]},
                {"$ref": "#/definitions/c"},
            ],
            "definitions": {"c": {"properties": {"c": {"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}}}},
        },
        {"allOf": [{"type": "number", "maximum": 9}, {"type": "integer", "maximum": 4}], "minimum": 3},
        {"allOf": [{"anyOf": [{"minimum": 5}]}, {"anyOf": [{"maximum": 7}]}], "type": "integer"},
        {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": ["a", "b", "c"]}},
        {"type": "array", "uniqueItems": True, "minItems": 2, "items": {"type": "string", "format": "date"}},
        {"type": "array", "uniqueItems": True, "minItems": 12, "items": {"type": "string", "maxLength": 3}},
        {"type": "array", "uniqueItems": True, "minItems": 2, "items": {"properties": {"id": {"type": "string"}}}},
        {"type": "array", "uniqueItems": True, "minItems": 2, "items": {"type": "string", "pattern": "^[0-9]+$"}},
        {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
        {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True},
        {"properties": {"a": {"items": {"$ref": "#/definitions/a"}}}, "definitions": {"a": {"$ref": "#"}}},
        {"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
        {"properties": {"next": {"allOf": [{"$ref": "#"}, {"title": "n"}]}}},
        {
            "definitions": {"b": {"required": ["x"]}, **{n: {"allOf": [{"$ref": "#/definitions/b"}]} for n in "cde"}},
            "allOf": [{"$ref": f"#/definitions/{n}"} for n in "cde"],
        },
        {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
        {"type": "array", "minItems": 1, "items": {"properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}}},
    ],
)
def test_a_sample_validates(schema: dict[str, Any]) -> None:
    assert problems(schema, sample(schema)) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#", "required": True}}},
        {"properties": {"a": {"required": True, "items": {"$ref": "#"}, "minItems": 1}}},
        {"properties": {"a": {"required": True, "additionalProperties": {"$ref": "#"}, "minProperties": 1}}},
        {"definitions": {"a": {"anyOf": [{"$ref": "#/definitions/a"}]}}, "$ref": "#/definitions/a"},
    ],
)
def test_the_sample_of_a_schema_that_requires_an_infinite_value_is_empty(schema: dict[str, Any]) -> None:
    assert sample(schema) == {}


def test_a_schema_whose_parts_all_refer_to_each_other_has_a_sample_soon() -> None:
    parts = {f"d{index}": {"$ref": f"#/definitions/d{index}"} for index in range(8)}
    schema = {"definitions": {name: {"properties": parts} for name in parts}, "properties": parts}
    assert set(sample(schema)) == set(parts)


def test_if_no_alternative_fits_the_sample_is_of_the_first() -> None:
    assert sample({"type": "string", "anyOf": [{"type": "integer"}], "not": {}}) == 1


def _schemas() -> st.SearchStrategy[dict[str, Any]]:
    text = st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 4)})
    number = st.builds(
        lambda kind, low, width, step: {"type": kind, "minimum": low, "maximum": low + width, "multipleOf": step},
        st.sampled_from(["integer", "number"]),
        st.integers(-50, 50),
        st.integers(10, 30),
        st.integers(1, 9),
    )
    return st.recursive(
        text | number | st.just({"type": "boolean"}) | st.builds(lambda each: {"enum": [each]}, st.integers()),
        lambda inner: st.one_of(
            st.builds(
                lambda properties, lifted: {
                    "type": "object",
                    "properties": {name: {**each, "required": lifted} for name, each in properties.items()},
                },
                st.dictionaries(st.text(max_size=3), inner, max_size=3),
                st.booleans(),
            ),
            st.builds(
                lambda each, least: {"type": "array", "items": each, "minItems": least}, inner, st.integers(0, 3)
            ),
            st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        ),
        max_leaves=6,
    )


@given(_schemas())
@settings(deadline=None, max_examples=30)
def test_samples_of_all_schemas_validate(schema: dict[str, Any]) -> None:
    assert problems(schema, sample(schema)) == []
