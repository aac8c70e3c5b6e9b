"""Documentation from descriptors: what is told, what is odd, and what stays in the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import commands as cli
from shipmate.errors import BadInput, DescriptorError
from shipmate.tools import docs
from shipmate.tools.docs import markdown
from shipmate.tools.docs.page import BEGIN, END
from shipmate.tools.docs.properties import properties_table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a small component."""
    put(tmp_path, {"title": "Contacts", "description": "Keeps contacts", "actions": {"go": {"title": "Go"}}})
    return tmp_path


def put(root: Path, descriptor: Any) -> None:
    """Write the descriptor."""
    (root / "component.json").write_text(json.dumps(descriptor))


def told(root: Path, **members: Any) -> list[str]:
    """Return the lines that are told of a component with these members."""
    put(root, {"title": "T", **members})
    return docs.section(root).splitlines()


def of_action(root: Path, **members: Any) -> list[str]:
    """Return the lines that are told of a component with one action."""
    return told(root, actions={"go": {"title": "Go", "main": "./go.py", **members}})


def test_a_component_is_told_from_its_title_to_its_actions(root: Path) -> None:
    lines = told(
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
        "Signing in: `https://a.example.com` (OAuth2). Tokens: `{{TOKEN_URI}}`. Scopes: `read`, `write`.",
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
        "Runs when a request comes in (webhook).",
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
    assert [line for line in of_action(root, fields=fields) if line.startswith("| ")] == [
        "| Field | Label | Required | Note |",
        "| `first` |  | yes | One of: A, or so; B. |",
        "| `second` | 2 | no | The choices come from the account. Needs `first` first. |",
        "| `last` | Last | no | For example `x\\|y`. |",
        "| `odd` |  | no |  |",
        "| `list` | L | no | Bold note. One of: x; y. |",
    ]


def test_nested_properties_are_told_with_their_paths_and_limits() -> None:
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


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        ({"in": "./schemas/none.json"}, "Input: cannot be told: schemas/none.json: expected a readable file"),
        ({"out": "../outside.json"}, "Output: cannot be told: expected the path of a file inside the component"),
        ({"out": 7}, "Output: cannot be told: expected an object or the path of a JSON file, found a number."),
        ({"in": {}}, "Input: not described."),
        ({"in": {"type": "object"}}, "Input: an object, whose properties are not described."),
        ({"in": {"type": "string"}}, "Input: string."),
        ([], "Input and output are not described."),
    ],
)
def test_metadata_that_says_little_or_cannot_be_read_is_one_line(root: Path, metadata: Any, line: str) -> None:
    assert any(each.startswith(line) for each in of_action(root, metadata=metadata))


@pytest.mark.parametrize("depth", [450, 20_000])
def test_metadata_that_is_nested_too_deep_is_one_line(root: Path, depth: int) -> None:
    """Neither what the parser takes and a walk does not, nor what the parser does not take, is a traceback."""
    (root / "deep.json").write_text('{"properties": {"a": ' * depth + "{}" + "}}" * depth)
    lines = of_action(root, metadata={"out": "deep.json"})
    assert len([line for line in lines if line.startswith("Output: cannot be told")]) == 1


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
def test_odd_descriptors_are_told_as_they_are(root: Path, descriptor: Any) -> None:
    put(root, descriptor)
    assert docs.section(root).count("\n# ") == 1


def test_a_descriptor_that_is_no_object_is_refused(root: Path) -> None:
    put(root, [])
    with pytest.raises(DescriptorError, match="expected an object"):
        docs.section(root)


def test_texts_of_the_descriptor_make_no_markers_tags_or_cells(root: Path) -> None:
    lines = told(root, description=f"{END}\n# | <script>alert(1)</script>")
    assert lines.count(END) == 1
    assert "&lt;!-- shipmate docs: end --> # \\| &lt;script>alert(1)&lt;/script>" in lines


def test_code_may_have_backticks() -> None:
    assert [markdown.code("`"), markdown.code("a`b"), markdown.code("")] == ["`` ` ``", "``a`b``", "`  `"]


def test_only_what_is_between_the_markers_is_replaced(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes(f"# Mine\r\n\r\n{BEGIN}\r\nold\r\n{END}\r\n\r\nMine, too \\1\r\n".encode())
    docs.write(file, docs.section(root))
    before, _, rest = file.read_bytes().decode().partition(BEGIN)
    inner, _, after = rest.partition(END)
    assert (before, after) == ("# Mine\r\n\r\n", "\r\n\r\nMine, too \\1\r\n")
    assert "# Contacts\r\n" in inner
    assert docs.is_current(file, docs.section(root))


def test_a_file_that_is_not_there_or_empty_gets_the_whole(root: Path, tmp_path: Path) -> None:
    for name in ("new.md", "empty.md"):
        (tmp_path / "empty.md").touch()
        docs.write(tmp_path / name, docs.section(root))
        assert (tmp_path / name).read_text() == docs.section(root)


@pytest.mark.parametrize("content", ["# Mine\n", f"{BEGIN}\n", f"{BEGIN}{BEGIN}{END}", f"{END}\n{BEGIN}\n"])
def test_a_file_without_the_markers_is_left_alone(root: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "README.md"
    file.write_text(content)
    for act in (docs.write, docs.is_current):
        with pytest.raises(BadInput, match="shipmate docs: end"):
            act(file, docs.section(root))
    assert file.read_text() == content


def test_files_that_cannot_be_used_are_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"\xe4")
    for file in (tmp_path / "latin.md", tmp_path, tmp_path / "none" / "README.md", tmp_path / "nul\0"):
        with pytest.raises(BadInput, match="expected"):
            docs.write(file, docs.section(root))


def test_the_command_prints_writes_and_checks(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    section = docs.section(Path())
    assert cli.run(["docs"]) == 0
    assert capfd.readouterr().out == section
    assert cli.run(["docs", "--check"]) == 1
    assert capfd.readouterr().err == (
        "Error: expected what shipmate docs --output README.md writes, found no such file\n"
    )
    assert cli.run(["docs", "--output", "README.md"]) == 0
    assert cli.run(["docs", "--check"]) == 0
    assert cli.run(["docs", "--check", "--output", "other.md"]) == 1
    put(root, {"title": "Other"})
    capfd.readouterr()
    assert cli.run(["docs", "--check", "--component", str(root)]) == 1
    assert "README.md writes, found something older\n" in capfd.readouterr().err
    (root / "README.md").write_text("mine")
    assert cli.run(["docs", "--check"]) == 2
    put(root, [])
    assert cli.run(["docs"]) == 2
    assert "Traceback" not in capfd.readouterr().err
