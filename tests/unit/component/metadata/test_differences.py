"""Differences between values and schemas, and invalid schemas."""

from typing import Any

import pytest

from shipmate.component.metadata import (
    problems,
    sample,
    schema_problems,
    slips,
)
from shipmate.errors import DescriptorError


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "object"}, [], ("", "expected an object, found an array")),
        ({"type": ["string", "null"]}, 3, ("", "expected text or nothing, found a number")),
        ({"enum": ["a", "b"]}, "S3CRET", ("", "expected one of 'a', 'b', found something else")),
        ({"const": "a"}, "S3CRET", ("", "expected 'a', found something else")),
        ({"minimum": 3}, 1, ("", "expected a number of at least 3, found a smaller one")),
        (
            {"minimum": 3, "exclusiveMinimum": True},
            3,
            ("", "expected a number greater than 3, found another"),
        ),
        (
            {"maximum": 3, "exclusiveMaximum": True},
            3,
            ("", "expected a number less than 3, found another"),
        ),
        ({"maximum": 3}, 777, ("", "expected a number of at most 3, found a larger one")),
        ({"multipleOf": 5}, 777, ("", "expected a multiple of 5, found another number")),
        ({"minLength": 9}, "S3CRET", ("", "expected at least 9 characters, found 6")),
        ({"maxLength": 3}, "S3CRET", ("", "expected at most 3 characters, found 6")),
        ({"minItems": 2}, ["S3CRET"], ("", "expected at least 2 items, found 1")),
        ({"uniqueItems": True}, ["S3CRET", "S3CRET"], ("", "expected unique items, found equal ones")),
        ({"pattern": "^[{]a$"}, "S3CRET", ("", "expected text that matches ^[{]a$, found another text")),
        (
            {"additionalProperties": False},
            {"S3CRET": 1},
            ("", "expected only the named properties, found others"),
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "array"}]},
            "S3CRET",
            ("", "expected a value that fits one of the schemas in 'anyOf', found one that fits none"),
        ),
        ({"not": {}}, "S3CRET", ("", "expected a value that does not fit the schema in 'not', found one that does")),
        (
            {"dependencies": {"a": ["b"]}},
            {"a": 777},
            ("", "expected a value that fits 'dependencies', found an object"),
        ),
        (
            {"properties": {"a/b": {"items": {"properties": {"id": {"required": True}}}}}},
            {"a/b": [{}]},
            ("/a~1b/0", "expected the property 'id', found none"),
        ),
    ],
)
def test_a_difference_is_one_sentence_without_the_value(
    schema: dict[str, Any], value: Any, expected: tuple[str, str]
) -> None:
    assert problems(schema, value) == [expected]
    assert "S3CRET" not in expected[1]
    assert "777" not in expected[1]


TYPE_EXPECTED = "expected one of object, array, string, boolean, null, integer, number, or a list of them"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "any"},
        {"type": ["string", "any"]},
        {"type": "numeric"},
        {"type": ["null", "date"]},
        {"pattern": "(?<year>x)["},
        {"order": 1},
        {"format": 7},
    ],
)
def test_unknown_types_and_keywords_are_ignored(schema: dict[str, Any]) -> None:
    assert schema_problems(schema) == []
    assert problems(schema, "anything") == []


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("numeric", "'numeric'; did you mean 'number'?"),
        ("date", "'date'"),
        ("lstring", "'lstring'; did you mean 'string'?"),
        ("x" * 40, "something else"),
    ],
)
def test_a_type_that_json_schema_lacks_is_a_slip(kind: str, hint: str) -> None:
    """Published schemas have types like numeric and date, and the platform accepts them."""
    schema = {"properties": {"a": {"type": kind}, "b": {"type": ["null", kind]}, "c": {"type": "any"}}}
    expected = f"expected one of object, array, string, boolean, null, integer, number, found {hint}"
    assert slips(schema) == [("/properties/a/type", expected), ("/properties/b/type", expected)]
    assert sample(schema)["a"] == "text"


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ({"properties": []}, "/properties", "expected an object, found an array"),
        ({"type": 7}, "/type", TYPE_EXPECTED),
        ({"type": []}, "/type", TYPE_EXPECTED),
        ({"properties": {"a": {"type": 3}}}, "/properties/a/type", "expected one of object"),
        ({"maxLength": "9"}, "/maxLength", "expected a whole number, found text"),
        ({"properties": {"a": 1}}, "/properties/a", "expected an object, found a number"),
        ({"properties": {"type": "object"}}, "/properties/type", "expected an object, found text"),
        ({"required": 7, "properties": {"a": {"required": True}}}, "/required", "expected an array, found a number"),
        (
            {"items": {"properties": {"type": "object", "properties": {"a": {"maxLength": "9"}}}}},
            "/items/properties/properties/a/maxLength",
            "expected a whole number, found text",
        ),
        ({"properties": {"a": {"type": {}}}}, "/properties/a/type", "expected one of object"),
        ({"enum": []}, "/enum", "expected at least 1 items, found 0"),
        ({"items": {"$ref": "https://example.com/s.json"}}, "/items/$ref", "in the same file"),
        ({"$ref": 3}, "/$ref", "expected text, found a number"),
        ({"$ref": "#/definitions/none"}, "/$ref", "in the same file"),
        ({"anyOf": [{"$ref": "#/anyOf/7"}]}, "/anyOf/0/$ref", "in the same file"),
    ],
)
def test_an_invalid_schema_is_refused(schema: dict[str, Any], pointer: str, message: str) -> None:
    found = schema_problems(schema)
    assert [each for each, _ in found] == [pointer]
    assert message in found[0][1]
    with pytest.raises(DescriptorError, match="schema: "):
        problems(schema, {})
    with pytest.raises(DescriptorError, match="schema: "):
        sample(schema)


def test_a_reference_in_a_list_is_followed() -> None:
    assert problems({"anyOf": [{"type": "null"}, {"$ref": "#/anyOf/0"}]}, None) == []


def test_circles_of_references_are_refused() -> None:
    with pytest.raises(DescriptorError, match="without a circle"):
        problems({"$ref": "#"}, {})


@pytest.mark.usefixtures("usual_recursion_limit")
def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3_000):
        schema = {"items": schema}
    assert schema_problems(schema) == [("", "expected a schema, found one that is nested too deeply")]
    assert slips(schema) == []


@pytest.mark.parametrize(
    ("step", "value"),
    [
        (0.01, 4.02),
        (0.01, 1.13),
        (0.1, 0.3),
        (0.001, 9.995),
        (0.01, 19.99),
        (1e-8, 0.29),
        (0.05, 1.15),
        (0.01, 10**400),
    ],
)
def test_a_decimal_multiple_is_one(step: float, value: float) -> None:
    """Although the quotient of the binary numbers is not whole."""
    schema = {"type": "number", "multipleOf": step}
    assert problems(schema, value) == []
    assert [pointer for pointer, _ in problems(schema, step / 2)] == [""]
    assert problems(schema, sample({**schema, "minimum": step * 3})) == []


def named(draft: str, **schema: Any) -> dict[str, Any]:
    return {"$schema": draft, **schema}


DRAFT_6 = [
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/schema",
]


@pytest.mark.parametrize("draft", DRAFT_6)
def test_the_draft_that_a_schema_names_decides(draft: str) -> None:
    """Numeric exclusive bounds, whole floats, boolean schemas and contains belong to draft 6 and later."""
    assert schema_problems(named(draft, exclusiveMinimum=3, contains={"type": "integer"})) == []
    assert problems(named(draft, exclusiveMinimum=3), 4) == []
    assert problems(named(draft, exclusiveMinimum=3), 3) == [("", "expected a number greater than 3, found another")]
    assert problems(named(draft, exclusiveMaximum=3), 3) == [("", "expected a number less than 3, found another")]
    assert problems(named(draft, type="integer"), 1.0) == []
    assert [text for _, text in problems(named(draft, properties={"a": False}), {"a": 1})] == [
        "expected nothing, found a number"
    ]
    assert problems(named(draft, contains={"type": "integer"}), ["a"])[0][0] == ""
    assert [place for place, _ in schema_problems(named(draft, exclusiveMinimum=True))] == ["/exclusiveMinimum"]
    bounds = named(draft, type="integer", exclusiveMinimum=3, exclusiveMaximum=5)
    assert sample(bounds) == 4
    assert problems(bounds, sample({**bounds, "allOf": [{"exclusiveMinimum": 2}]})) == []


@pytest.mark.parametrize(
    "draft", ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-03/schema#", "other", ""]
)
def test_any_other_name_stands_for_draft_4(draft: str) -> None:
    """As on the platform."""
    assert problems(named(draft, minimum=3, exclusiveMinimum=True), 3) != []
    assert [place for place, _ in schema_problems(named(draft, minimum=3, exclusiveMinimum=3))] == ["/exclusiveMinimum"]


def test_if_and_then_are_checked_since_draft_7() -> None:
    """And ignored where they have no meaning."""
    rule = {"if": {"required": ["a"]}, "then": {"required": ["b"]}}
    assert problems(named(DRAFT_6[1], **rule), {"a": 1}) == [("", "expected the property 'b', found none")]
    assert problems(rule, {"a": 1}) == []
