"""Loading a descriptor: what it becomes, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, Modules, load
from shipmate.errors import DescriptorError, FunctionNotFound


def write(root: Path, descriptor: Any = None, **modules: str) -> Path:
    """Write a component with the action ``go`` and these modules in ``actions/``."""
    described = {"title": "T", "actions": {"go": {"title": "Go", "main": "./actions/go.py"}}}
    (root / "component.json").write_text(
        descriptor if isinstance(descriptor, str) else json.dumps(descriptor or described), encoding="utf-8"
    )
    (root / "actions").mkdir(exist_ok=True)
    for name, source in modules.items():
        (root / "actions" / f"{name}.py").write_text(source)
    return root


def go(component: Component) -> Any:
    return Modules(component).module(component.function("go"))


def test_a_descriptor_becomes_frozen_facts(tmp_path: Path) -> None:
    """``raw`` keeps unknown fields, and nothing can be changed."""
    described = {
        "title": "T",
        "unknown": [1, {"a": 2}],
        "envVars": {"CLIENT_ID": {"required": True}},
        "credentials": {"fields": {"oauth": {"viewClass": "OAuthFieldView"}}, "oauth2": {"client_id": "x"}},
        "triggers": {"poll": {"main": "poll.py", "type": "polling", "dynamicMetadata": True}},
        "actions": {
            "go": {
                "main": "./go.py",
                "autoResolveObjectReferences": False,
                "metadata": {"in": {}},
                "fields": {"f": {}},
            }
        },
    }
    component = load(write(tmp_path, described))
    poll, action = component.function("poll"), component.function("go")
    assert (poll.kind, poll.dynamic_metadata, poll.auto_resolve, poll.metadata) == ("trigger", True, True, None)
    assert (action.kind, action.auto_resolve, dict(action.fields)) == ("action", False, {"f": {}})
    assert component.oauth2 == {"client_id": "x"}
    assert component.raw["unknown"] == (1, {"a": 2})
    with pytest.raises(TypeError):
        component.raw["title"] = "U"  # type: ignore[index]


def test_a_trigger_wins_over_an_action_of_the_same_id(tmp_path: Path) -> None:
    """Contract 11: like in the official runtime; `shipmate validate` reports it."""
    (tmp_path / "component.json").write_text('{"triggers": {"a": {"main": "x"}}, "actions": {"a": {"main": "y"}}}')
    function = load(tmp_path).function("a")
    assert (function.kind, function.main) == ("trigger", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON, found an error at line 1, column 2 "),
        ("[]", "expected an object, found an array"),
        ('{"actions": []}', "/actions: expected an object, found an array"),
        ('{"actions": {"a/b": 7}}', "/actions/a~1b: expected an object, found a number"),
        ('{"actions": {"a": null}}', "/actions/a/main: expected the path of a module, found nothing"),
        ('{"actions": {"a": {}}}', "/actions/a/main: expected the path of a module, found nothing"),
        ('{"credentials": {"fields": "x"}}', "/credentials/fields: expected an object, found text"),
        ('{"envVars": true}', "/envVars: expected an object, found a boolean"),
        ("[" * 100_000, "expected JSON, found a value that is nested too deeply"),
        ("1" * 5_000, "expected JSON, found a number with too many digits"),
        ('{"title": NaN}', "expected JSON, found NaN, which is not JSON"),
    ],
)
def test_a_wrong_descriptor_is_refused_with_place_and_expectation(tmp_path: Path, text: str, message: str) -> None:
    """The message is one line with file, JSON pointer, expectation, and what was found."""
    with pytest.raises(DescriptorError, match=message) as caught:
        load(write(tmp_path, text))
    assert "component.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_descriptor_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The file is missing, or is not UTF-8."""
    with pytest.raises(DescriptorError, match="no such file"):
        load(tmp_path)
    (tmp_path / "component.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DescriptorError, match="UTF-8"):
        load(tmp_path)


def test_an_unknown_function_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    """The message suggests a similar id, or lists all."""
    component = load(write(tmp_path))
    with pytest.raises(FunctionNotFound, match="available: go"):
        component.function("zzz")
    with pytest.raises(FunctionNotFound, match="did you mean 'go'"):
        component.function("goo")
