"""Inputs for a component's functions."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.errors import BadInput
from shipmate.testing.samples import API_URL, Samples, sample_fields

RAW = {
    "title": "CRM",
    "credentials": {
        "fields": {
            "oauth": {"label": "Account", "viewClass": "OAuthFieldView"},
            "base_url": {"label": "Address", "viewClass": "TextFieldView"},
            "password": {"label": "Password", "viewClass": "PasswordFieldView"},
        },
    },
    "actions": {
        "create": {
            "title": "Create",
            "main": "./create.py",
            "fields": {
                "kind": {"label": "Kind", "viewClass": "SelectView", "required": True, "model": {"a": "A", "b": "B"}},
                "size": {"label": "Size", "viewClass": "TextFieldView"},
            },
            "metadata": {"in": {"type": "object", "properties": {"name": {"type": "string", "required": True}}}},
        },
        "find": {"title": "Find", "main": "./find.py"},
    },
}


def samples(root: Path, fixtures: Any = None, **options: Any) -> Samples:
    """Return the samples of a component that may have fixtures."""
    (root / "component.json").write_text(json.dumps(RAW))
    if fixtures is not None:
        (root / "test").mkdir()
        (root / "test" / "fixture.json").write_text(fixtures if isinstance(fixtures, str) else json.dumps(fixtures))
    return Samples(load(root), **options)


def sample_of(made: Samples, function: str) -> Any:
    """Return the sample of a function by its id."""
    return made.of(made._component.function(function))


def test_without_anything_given_inputs_are_made_from_the_descriptor(tmp_path: Path) -> None:
    """All credentials, the required fields, and a message for the schema."""
    sample = sample_of(samples(tmp_path), "create")

    assert sample.source is None
    assert sample.msg["body"] == {"name": "text"}
    assert sample.cfg.keys() == {"base_url", "password", "kind"}
    assert (sample.cfg["base_url"], sample.cfg["kind"]) == (API_URL, "a")
    assert sample.snapshot == {}
    assert sample_of(samples(tmp_path), "find").msg == {"headers": {}, "body": {}}


def test_a_fixture_named_after_the_function_is_its_sample(tmp_path: Path) -> None:
    """With sample values for variables that are not set; credentials come from the first fixture for all."""
    create = {
        "cfg": {"base_url": "{{CRM_URL}}", "size": "{{CRM_SIZE}}"},
        "msg": {"body": {"name": "Ada"}},
        "snapshot": 7,
    }
    made = samples(tmp_path, {"fixtures": {"create": create}})
    sample = sample_of(made, "create")

    assert sample.source == "test/fixture.json"
    assert sample.msg["body"] == {"name": "Ada"}
    assert (sample.cfg["base_url"], sample.cfg["size"]) == ("https://crm-url.example.com", "sample-crm_size")
    assert sample.snapshot == 7
    assert sample_of(made, "find").cfg["base_url"] == "https://crm-url.example.com"
    assert sample_of(made, "find").source is None


def test_arguments_win_over_fixtures(tmp_path: Path) -> None:
    """Member by member."""
    fixtures = {"fixtures": {"create": {"cfg": {"size": "fixed"}, "msg": {"body": {"name": "Ada"}}}}}
    given = {"create": {"msg": {"body": {"name": "Eve"}}}}
    made = samples(tmp_path, fixtures, given=given, credentials={"base_url": "https://given.example.com"})
    sample = sample_of(made, "create")

    assert sample.source == "its argument samples"
    assert (sample.msg["body"], sample.cfg["size"]) == ({"name": "Eve"}, "fixed")
    assert sample.cfg["base_url"] == "https://given.example.com"


@pytest.mark.parametrize("fixtures", ["{", "[]", '{"fixtures": 7}'])
def test_unreadable_fixtures_are_reported(tmp_path: Path, fixtures: str) -> None:
    """They are not passed over, as if there were none."""
    with pytest.raises(BadInput, match=r"fixture\.json"):
        sample_of(samples(tmp_path, fixtures), "create")


def test_keys_go_into_the_field_for_them(tmp_path: Path) -> None:
    """What else the author has in it stays, as the address of the API."""
    made = samples(tmp_path)
    cfg = made.with_keys(
        {"oauth": {"instance_url": "https://own.example.com", "access_token": "old"}}, {"access_token": "new"}
    )

    assert cfg["oauth"] == {"instance_url": "https://own.example.com", "access_token": "new"}
    assert made.with_keys({}, {})["oauth"] == {"instance_url": API_URL}


def test_fields_have_values_of_their_kind() -> None:
    """Addresses look like some, and secrets are long enough to be found where they must not be."""
    fields = {
        "on": {"viewClass": "CheckBoxView"},
        "auth": {"viewClass": "HTTPAuthView"},
        "key": {"viewClass": "PasswordFieldView"},
        "link": {"placeholder": "https://example.com/x"},
        "host": {"placeholder": "https://<yours>.example.com"},
        "path": {"placeholder": "/me"},
        "name": {},
        "oauth": {"viewClass": "OAuthFieldView"},
        "odd": 7,
    }
    made = sample_fields(fields)

    assert made.keys() == fields.keys() - {"oauth", "odd"}
    assert made["on"] is False
    assert made["auth"]["basic"].keys() == {"username", "password"}
    assert len(made["key"]) > 16
    assert (made["link"], made["host"], made["path"], made["name"]) == (
        "https://example.com/x",
        API_URL,
        "/me",
        "sample",
    )
