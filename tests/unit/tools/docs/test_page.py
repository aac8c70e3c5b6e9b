"""The page: its content in order, and odd descriptors."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import DescriptorError
from shipmate.tools import docs
from shipmate.tools.docs.page import END


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small component."""
    put(tmp_path, {"title": "Contacts", "description": "Keeps contacts", "actions": {"go": {"title": "Go"}}})
    return tmp_path


def put(root: Path, descriptor: Any) -> None:
    """Write the descriptor."""
    (root / "component.json").write_text(json.dumps(descriptor))


def page_lines(root: Path, **members: Any) -> list[str]:
    """Return the page of a component with these members."""
    put(root, {"title": "T", **members})
    return docs.section(root).splitlines()


def action_lines(root: Path, **members: Any) -> list[str]:
    """Return the page of a component with one action that has these members."""
    return page_lines(root, actions={"go": {"title": "Go", "main": "./go.py", **members}})


def test_the_page_has_everything_from_the_title_to_the_actions(root: Path) -> None:
    lines = page_lines(
        root,
        title="Contacts",
        description="Keeps contacts",
        docsUrl="https://example.com/docs",
        deprecated=True,
        credentials={
            "fields": {"oauth": {"label": "Account", "viewClass": "OAuthFieldView", "required": True}},
            "oauth2": {"auth_uri": "https://a.example.com", "token_uri": "{{TOKEN_URI}}", "scopes": ["read", "write"]},
        },
        envVars={"TOKEN_URI": {"required": True, "description": "Where tokens come from"}, "LOG": {}},
        triggers={"poll": {"title": "Poll", "type": "polling"}, "hook": {"title": "Hook"}},
        actions={"go": {"title": "Go", "description": "Goes", "deprecated": True, "dynamicMetadata": True}},
    )
    assert [line for line in lines[3:] if line] == [
        "# Contacts",
        "**Deprecated.**",
        "Keeps contacts",
        "More: <https://example.com/docs>",
        "## Credentials",
        "Sign-in: `https://a.example.com` (OAuth2). Tokens: `{{TOKEN_URI}}`. Scopes: `read`, `write`.",
        "| Field | Label | Required |",
        "|---|---|---|",
        "| `oauth` | Account | yes |",
        "## Environment variables",
        "| Variable | Required | Description |",
        "|---|---|---|",
        "| `TOKEN_URI` | yes | Where tokens come from |",
        "| `LOG` | no |  |",
        "## Triggers",
        "### Poll (`poll`)",
        "Runs on the schedule of the flow (polling).",
        "Input and output are not described.",
        "### Hook (`hook`)",
        "Runs on each incoming request (webhook).",
        "Input and output are not described.",
        "## Actions",
        "### Go (`go`)",
        "**Deprecated.**",
        "Goes",
        "Input and output depend on the account and on the fields (dynamic metadata).",
        END,
    ]


def test_fields_are_in_the_order_of_the_form_with_all_that_helps_to_fill_them(root: Path) -> None:
    fields = {
        "last": {"label": "Last", "viewClass": "TextFieldView", "order": 1, "placeholder": "x|y"},
        "first": {"viewClass": "SelectView", "order": "20", "model": {"a": "A, or so", "b": "B"}, "required": True},
        "second": {"label": "2", "viewClass": "SelectView", "order": 10, "model": "load", "require": "first"},
        "odd": None,
        "list": {"label": "L", "viewClass": "SelectView", "note": "<b>Bold</b><br>note.", "model": ["x", "y"]},
    }
    assert [line for line in action_lines(root, fields=fields) if line.startswith("| ")] == [
        "| Field | Label | Required | Note |",
        "| `first` |  | yes | One of: A, or so; B. |",
        "| `second` | 2 | no | The choices come from the account. Needs `first` first. |",
        "| `last` | Last | no | For example `x\\|y`. |",
        "| `odd` |  | no |  |",
        "| `list` | L | no | Bold note. One of: x; y. |",
    ]


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        ({"in": "./schemas/none.json"}, "Input: not available: schemas/none.json: expected a readable file"),
        ({"out": "../outside.json"}, "Output: not available: expected the path of a file inside the component"),
        ({"out": 7}, "Output: not available: expected an object or the path of a JSON file, found a number."),
        ({"in": {}}, "Input: not described."),
        ({"in": {"type": "object"}}, "Input: an object without described properties."),
        ({"in": {"type": "string"}}, "Input: string."),
        ([], "Input and output are not described."),
    ],
)
def test_metadata_that_says_little_or_cannot_be_read_is_one_line(root: Path, metadata: Any, line: str) -> None:
    assert any(each.startswith(line) for each in action_lines(root, metadata=metadata))


@pytest.mark.usefixtures("usual_recursion_limit")
@pytest.mark.parametrize("depth", [450, 20_000])
def test_metadata_that_is_nested_too_deep_is_one_line(root: Path, depth: int) -> None:
    """Neither the parser nor the walk ends in a traceback."""
    (root / "deep.json").write_text('{"properties": {"a": ' * depth + "{}" + "}}" * depth)
    lines = action_lines(root, metadata={"out": "deep.json"})
    assert len([line for line in lines if line.startswith("Output: not available")]) == 1


@pytest.mark.parametrize(
    "descriptor",
    [
        {},
        {"title": 7, "description": None, "docsUrl": ["x"], "credentials": [], "envVars": ["A"], "triggers": None},
        {"env": ["A"], "actions": {"go": None}},
        {"env": {"A": "B"}, "authClientTypes": ["basic"], "actions": {"go": {"type": 3, "fields": []}}},
        {"triggers": {"": {"type": "timer", "autoResolveObjectReferences": False, "help": {"description": "H"}}}},
    ],
)
def test_odd_descriptors_have_a_page_too(root: Path, descriptor: Any) -> None:
    put(root, descriptor)
    assert docs.section(root).count("\n# ") == 1


def test_a_descriptor_that_is_not_an_object_is_refused(root: Path) -> None:
    put(root, [])
    with pytest.raises(DescriptorError, match="expected an object"):
        docs.section(root)


def test_texts_of_the_descriptor_make_no_markers_tags_or_cells(root: Path) -> None:
    lines = page_lines(root, description=f"{END}\n# | <script>alert(1)</script>")
    assert lines.count(END) == 1
    assert "&lt;!-- shipmate docs: end --> # \\| &lt;script>alert(1)&lt;/script>" in lines
