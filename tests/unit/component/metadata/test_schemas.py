"""Schemas: where they are, and how they are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, Function
from shipmate.component.metadata import (
    problems,
    read_schema,
    schema_of,
    to_draft4,
)
from shipmate.errors import DescriptorError


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
        ("../out.json", "expected the path of a file inside the component, found '../out.json'"),
        ("a\0b", "expected the path of a file inside the component"),
        ("", "expected an object or the path of a JSON file, found text"),
        (True, "expected an object or the path of a JSON file, found a boolean"),
    ],
)
def test_a_schema_that_cannot_be_read_is_refused_with_file_and_pointer(
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
