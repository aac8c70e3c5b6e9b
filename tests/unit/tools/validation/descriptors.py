"""Descriptors and components for tests of the checks, and what a check finds in them."""

import json
from pathlib import Path
from typing import Any

from shipmate.tools.validation import Problem, Report, validate_component, validate_descriptor

MODULE = "def process(context, msg, cfg, snapshot):\n    return {'body': {}}\n"
OAUTH2 = {"client_id": "{{ID}}", "client_secret": "{{SECRET}}", "auth_uri": "https://a", "token_uri": "https://t"}


def descriptor(*, action: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a descriptor without faults, but for these changes; None takes a member away."""
    go = {"title": "Go", "main": "./actions/go.py", "metadata": {"in": {}, "out": {}}, **(action or {})}
    whole = {
        "title": "T",
        "description": "D",
        "actions": {"go": {name: each for name, each in go.items() if each is not None}},
        **changes,
    }
    return {name: each for name, each in whole.items() if each is not None}


def in_file(tmp_path: Path, content: Any) -> Report:
    file = tmp_path / "component.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return validate_descriptor(file)


def in_folder(root: Path, content: Any, **modules: str) -> Report:
    (root / "component.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    (root / "actions").mkdir()
    for name, source in {"go": MODULE, **modules}.items():
        (root / "actions" / f"{name}.py").write_text(source)
    return validate_component(root)


def pointers_and_messages(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(each.pointer, each.message) for each in problems]


def fields(**described: Any) -> dict[str, Any]:
    return {"fields": {name: {"label": "L", "viewClass": "TextFieldView", **each} for name, each in described.items()}}
