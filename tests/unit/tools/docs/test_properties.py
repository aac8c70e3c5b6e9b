"""The table of properties."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.tools.docs.properties import properties_table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small component."""
    put(tmp_path, {"title": "Contacts", "description": "Keeps contacts", "actions": {"go": {"title": "Go"}}})
    return tmp_path


def put(root: Path, descriptor: Any) -> None:
    """Write the descriptor."""
    (root / "component.json").write_text(json.dumps(descriptor))


def test_nested_properties_have_rows_with_their_paths_and_limits() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "title": "Name", "required": True, "minLength": 1, "format": "email"},
            "address": {"type": "object", "properties": {"city": {"type": "string", "enum": ["Bonn", "Köln"]}}},
            "tags": {"type": "array", "items": {"type": "string"}},
            "lines": {"type": "array", "items": {"type": "object", "required": ["n"], "properties": {"n": {}}}},
            "age": {"type": ["integer", "null"], "description": "In years", "maximum": 150, "pattern": "a|b"},
        },
    }
    assert properties_table(schema) == [
        "| Property | Type | Required | Title | Description | Limits |",
        "|---|---|---|---|---|---|",
        "| `name` | string | yes | Name |  | email, at least 1 characters |",
        "| `address` | object |  |  |  |  |",
        "| `address.city` | string |  |  |  | one of: `Bonn`; `Köln` |",
        "| `tags` | array of string |  |  |  |  |",
        "| `lines` | array of object |  |  |  |  |",
        "| `lines[].n` | anything | yes |  |  |  |",
        "| `age` | integer or null |  |  | In years | at most 150, matches `a\\|b` |",
    ]


def test_references_and_alternatives_are_followed_and_circles_end() -> None:
    schema = {
        "definitions": {"node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}},
        "properties": {
            "root": {"$ref": "#/definitions/node"},
            "lost": {"$ref": "#/definitions/none"},
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"id": {"type": "integer"}}}]},
        },
    }
    assert [line.split(" | ")[:2] for line in properties_table(schema)[2:]] == [
        ["| `root`", "object |"],
        ["| `root.next`", "as above |"],
        ["| `lost`", "anything |"],
        ["| `either`", "string or object |"],
        ["| `either.id`", "integer |"],
    ]
