"""Descriptors and components for tests of the checks, and what a check finds in them."""

import json
from pathlib import Path
from typing import Any

from shipmate.tools.validation import Problem, Report, validate_component, validate_descriptor

MODULE = "def process(context, msg, cfg, snapshot):\n    return {'body': {}}\n"
OAUTH2 = {"client_id": "{{ID}}", "client_secret": "{{SECRET}}", "auth_uri": "https://a", "token_uri": "https://t"}


def descriptor(*, action: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a valid descriptor with these changes; None removes a member."""
    go = {"title": "Go", "main": "./actions/go.py", "metadata": {"in": {}, "out": {}}, **(action or {})}
    whole = {
        "title": "T",
        "description": "D",
        "actions": {"go": {name: member for name, member in go.items() if member is not None}},
        **changes,
    }
    return {name: member for name, member in whole.items() if member is not None}


def in_file(tmp_path: Path, content: Any) -> Report:
    """Check a descriptor alone."""
    file = tmp_path / "component.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return validate_descriptor(file)


def in_folder(root: Path, content: Any, **modules: str) -> Report:
    """Check a component with this descriptor and these modules in ``actions/``."""
    (root / "component.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    (root / "actions").mkdir()
    for name, source in {"go": MODULE, **modules}.items():
        (root / "actions" / f"{name}.py").write_text(source)
    return validate_component(root)


def pointers_and_messages(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    """Return the places and texts of problems."""
    return [(problem.pointer, problem.message) for problem in problems]


def fields(**described: Any) -> dict[str, Any]:
    """Return the member ``fields`` with text fields that have these changes."""
    return {
        "fields": {name: {"label": "L", "viewClass": "TextFieldView", **changes} for name, changes in described.items()}
    }
