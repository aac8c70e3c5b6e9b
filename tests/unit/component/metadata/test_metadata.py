"""Metadata schemas: where they come from, how values differ from them, and samples of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipmate.component import Component, Function
from shipmate.component.metadata import (
    problems,
    read_schema,
    sample,
    schema_of,
    schema_problems,
    slips,
    to_draft4,
)
from shipmate.errors import DescriptorError

TREE = {
    "definitions": {"node": {"properties": {"child": {"$ref": "#/definitions/node"}}}},
    "$ref": "#/definitions/node",
}


def component(root: Path) -> Component:
    return Component(root, {}, {}, {}, None, {})


def function(metadata: dict[str, Any] | None) -> Function:
    return Function("a/b", "action", "a.py", metadata=metadata)


def test_a_schema_is_inline_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text('{"type": "object"}')
    described = function({"in": {"required": ("x",)}, "out": "./out.json"})
    assert schema_of(component(tmp_path), described, "in") == {"required": ["x"]}
    assert schema_of(component(tmp_path), described, "out") == {"type": "object"}
    assert schema_of(component(tmp_path), function({}), "in") is None
    assert schema_of(component(tmp_path), function(None), "out") is None


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("missing.json", "missing.json: expected a readable file"),
        ("broken.json", "broken.json: expected JSON, found an error at line 1, column 7 (expecting value)"),
        ("list.json", "list.json: expected a schema as an object, found an array"),
        ("../out.json", "expected the path of a file inside the component, found one that leaves it"),
        ("a\0b", "expected the path of a file inside the component"),
        ("", "expected an object or the path of a JSON file, found text"),
        (True, "expected an object or the path of a JSON file, found a boolean"),
    ],
)
def test_a_schema_that_cannot_be_had_is_refused_with_file_and_pointer(
    tmp_path: Path, declared: Any, message: str
) -> None:
    (tmp_path / "broken.json").write_text('{"a": ')
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(DescriptorError) as caught:
        schema_of(component(tmp_path), function({"in": declared}), "in")
    assert str(caught.value).startswith(f"{tmp_path / 'component.json'}: /actions/a~1b/metadata/in: ")
    assert message in str(caught.value)


def test_a_link_that_leaves_the_component_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    root = tmp_path / "root"
    root.mkdir()
    (root / "in.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(DescriptorError, match="inside the component"):
        read_schema(root, "in.json")


def test_required_properties_are_lifted_into_their_objects_at_all_depths() -> None:
    member = {"type": "object", "required": True, "order": 3, "properties": {"id": {"required": True}, "required": {}}}
    lifted = {"type": "object", "order": 3, "properties": {"id": {}, "required": {}}, "required": ["id"]}
    assert to_draft4({"properties": {"m": member, "n": {"required": False}}, "required": ["n"]}) == {
        "properties": {"m": lifted, "n": {}},
        "required": ["n", "m"],
    }
    assert to_draft4({"items": [member], "anyOf": [member], "additionalProperties": member, "not": True}) == {
        "items": [lifted],
        "anyOf": [lifted],
        "additionalProperties": lifted,
        "not": True,
    }
    assert to_draft4({"required": True, "type": "date", "enum": [{"required": True}], "properties": 1}) == {
        "type": "date",
        "enum": [{"required": True}],
        "properties": 1,
    }


def test_a_schema_is_not_changed_when_it_is_read() -> None:
    schema = {"properties": {"m": {"required": True}}}
    before = json.dumps(schema)
    to_draft4(schema)
    assert json.dumps(schema) == before


@pytest.mark.parametrize("reference", ["pet", "#pet", "#/definitions/a~1b", "#/definitions/a%7E1b"])
def test_local_references_lead_by_id_and_by_pointer(reference: str) -> None:
    schema = {
        "definitions": {"a/b": {"$id": "pet", "type": "integer"}},
        "properties": {"id": {"$ref": reference}, "other": {"items": [{"$ref": reference}]}},
    }
    assert problems(schema, {"id": "x", "other": ["y"]}) == [
        ("/id", "expected a whole number, found text"),
        ("/other/0", "expected a whole number, found text"),
    ]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "object"}, [], ("", "expected an object, found an array")),
        ({"type": ["string", "null"]}, 3, ("", "expected text or nothing, found a number")),
        ({"enum": ["a", "b"]}, "S3CRET", ("", "expected one of 'a', 'b', found something else")),
        ({"const": "a"}, "S3CRET", ("", "expected 'a', found something else")),
        ({"minimum": 3}, 1, ("", "expected a number that is at least 3, found a smaller one")),
        (
            {"minimum": 3, "exclusiveMinimum": True},
            3,
            ("", "expected a number that is more than 3, found one that is not"),
        ),
        (
            {"maximum": 3, "exclusiveMaximum": True},
            3,
            ("", "expected a number that is less than 3, found one that is not"),
        ),
        ({"maximum": 3}, 777, ("", "expected a number that is at most 3, found a larger one")),
        ({"multipleOf": 5}, 777, ("", "expected a multiple of 5, found another number")),
        ({"minLength": 9}, "S3CRET", ("", "expected at least 9 characters, found 6")),
        ({"maxLength": 3}, "S3CRET", ("", "expected at most 3 characters, found 6")),
        ({"minItems": 2}, ["S3CRET"], ("", "expected at least 2 items, found 1")),
        ({"uniqueItems": True}, ["S3CRET", "S3CRET"], ("", "expected items that all differ, found equal ones")),
        ({"pattern": "^[{]a$"}, "S3CRET", ("", "expected text that matches ^[{]a$, found other text")),
        (
            {"additionalProperties": False},
            {"S3CRET": 1},
            ("", "expected no properties besides those that are named, found some"),
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "array"}]},
            "S3CRET",
            ("", "expected one of several shapes, found none of them"),
        ),
        ({"not": {}}, "S3CRET", ("", "expected something that is not of a certain shape, found it")),
        ({"dependencies": {"a": ["b"]}}, {"a": 777}, ("", "expected what 'dependencies' asks for, found an object")),
        (
            {"properties": {"a/b": {"items": {"properties": {"id": {"required": True}}}}}},
            {"a/b": [{}]},
            ("/a~1b/0", "expected the property 'id', found none"),
        ),
    ],
)
def test_a_difference_is_told_in_a_sentence_without_the_value(
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
def test_what_is_not_understood_is_passed_over(schema: dict[str, Any]) -> None:
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
def test_a_type_that_json_schema_does_not_have_does_no_harm_and_is_told(kind: str, hint: str) -> None:
    """Schemas of published components have numeric, date and the like, and the platform takes them."""
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
def test_a_schema_that_is_none_is_found_out(schema: dict[str, Any], pointer: str, message: str) -> None:
    found = schema_problems(schema)
    assert [each for each, _ in found] == [pointer]
    assert message in found[0][1]
    with pytest.raises(DescriptorError, match="schema: "):
        problems(schema, {})
    with pytest.raises(DescriptorError, match="schema: "):
        sample(schema)


def test_a_reference_in_a_list_is_followed() -> None:
    assert problems({"anyOf": [{"type": "null"}, {"$ref": "#/anyOf/0"}]}, None) == []


def test_references_that_go_in_a_circle_are_refused() -> None:
    with pytest.raises(DescriptorError, match="a circle"):
        problems({"$ref": "#"}, {})


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3_000):
        schema = {"items": schema}
    assert schema_problems(schema) == [("", "expected a schema, found one that is nested too deep")]
    assert slips(schema) == []


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
def test_a_schema_without_an_end_has_some_sample(schema: dict[str, Any]) -> None:
    sample(schema)


def test_a_schema_whose_parts_all_refer_to_each_other_has_a_sample_soon() -> None:
    parts = {f"d{index}": {"$ref": f"#/definitions/d{index}"} for index in range(8)}
    schema = {"definitions": {name: {"properties": parts} for name in parts}, "properties": parts}
    assert set(sample(schema)) == set(parts)


def test_alternatives_that_never_fit_give_the_first() -> None:
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
@settings(deadline=None, max_examples=60)
def test_samples_of_all_schemas_validate(schema: dict[str, Any]) -> None:
    assert problems(schema, sample(schema)) == []
