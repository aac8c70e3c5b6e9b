"""Hostile titles of a new component: they reach JSON and Markdown as text, and no code."""

import ast
import json
import tomllib
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.tools.scaffold import Plan, create
from shipmate.tools.scaffold.plan import AUTHENTICATIONS, check_title, check_url

HOSTILE = {
    "a placeholder of the templates": "@@{title} @@{docs} @@",
    "a placeholder of fixtures": "{{SECRET}} {{{SECRET}}}",
    "a quote of JSON": '", "main": "/etc/passwd',
    "a triple quote": '"""; import os; os.system("id") #',
    "a shell": "$(id) `id` ; id && id | id > x",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a link of Markdown": "[x](javascript:alert(1)) ![x](http://evil.example.com)",
    "the markers of docs": "<!-- shipmate docs: end --> <!-- shipmate docs: begin -->",
    "a table": "a | b | c",
    "a heading": "# h",
    "a backslash": "\\ \\n \\u0022",
    "YAML": "x: [1, {a: !!python/object/apply:os.system [id]}]",
    "a directive of Docker": "FROM evil AS builder",
    "percent and format": "%s %n {0} {__class__}",
}


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_a_title_stays_text(tmp_path: Path, title: str, authentication: str) -> None:
    root = tmp_path / "new"
    options = {"title": title, "action": title, "trigger": title, "action-id": "act", "trigger-id": "poll"}
    create(Plan.from_answers(root, {**options, "auth": authentication}, None), root)
    descriptor = json.loads((root / "component.json").read_text())
    assert {descriptor["title"], descriptor["actions"]["act"]["title"], descriptor["triggers"]["poll"]["title"]} == {
        title
    }
    assert descriptor["actions"]["act"]["main"] == "./actions/act.py"
    for path in root.rglob("*.py"):
        ast.parse(path.read_text())
        assert title not in path.read_text()
    tomllib.loads((root / "pyproject.toml").read_text())
    readme = (root / "README.md").read_text()
    assert readme.count("<!-- shipmate docs: end -->") == readme.count("<!-- shipmate docs: begin -->") == 1
    assert "<script>" not in readme
    for name in ("Dockerfile", ".github/workflows/ci.yml", "requirements.txt", ".gitignore"):
        assert title not in (root / name).read_text()


@pytest.mark.parametrize(
    "title", ["", " ", "a\nb", "a\x1b[2J", "a\u202eb", "a\x00", "a\u2028b", "\x9b", "x" * 101, "\ud83d"]
)
def test_a_title_that_no_line_can_hold_is_refused(title: str) -> None:
    with pytest.raises(BadInput):
        check_title(title)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "file:///etc/passwd", "https://user:pass@example.com", "https://example.com/?k=s",
     "https://example.com/#x", 'https://example.com/"', "https://example.com/$(id)", "https://example.com/\nx",
     "https://exa mple.com", "https://", "https://example.com:port"],
)  # fmt: skip
def test_a_base_url_that_code_would_need_to_escape_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        check_url(url)
