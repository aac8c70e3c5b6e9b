"""Credential fields: their view classes, and which of them holds the keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, load
from shipmate.component.credentials import token_field, view_classes


def component(root: Path, fields: Any) -> Component:
    """Return a component with these credential fields."""
    (root / "component.json").write_text(json.dumps({"title": "T", "credentials": {"fields": fields}}))
    return load(root)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"key": {"viewClass": "PasswordFieldView"}, "login": {"viewClass": "OAuthFieldView"}}, "login"),
        ({"one": {"viewClass": "OAuthFieldView"}, "two": {"viewClass": "OAuthFieldView"}}, "one"),
        ({"key": {"viewClass": "PasswordFieldView"}}, "oauth"),
        (None, "oauth"),
    ],
)
def test_the_first_oauth_field_holds_the_keys(tmp_path: Path, fields: Any, name: str) -> None:
    assert token_field(component(tmp_path, fields)) == name


def test_fields_that_are_no_objects_have_no_view_class(tmp_path: Path) -> None:
    assert view_classes(component(tmp_path, {"a": {"viewClass": "TextView"}, "b": {}, "c": 7})) == {
        "a": "TextView",
        "b": None,
    }
