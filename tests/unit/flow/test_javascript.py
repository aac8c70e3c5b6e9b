"""Expressions have the values that they have in the platform's own library."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipmate.flow.expressions import UNDEFINED, Expression, ExpressionError
from tests.unit.flow.corpus import GROUPS, SHOP, expressions

FILES = Path(__file__).parent / "javascript"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "flow.md"
HEADING = "Differences to JSONata in JavaScript"
ROW = re.compile(r"\| `(.+)` \| (`.*`|fails|nothing) \| (`.*`|fails|nothing) \|")
JSONATA_CODE = re.compile("[SDT][0-9]{4}")
UNKNOWN = "D0000"

Evaluate = Callable[[list[str], Any, str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def javascript(request: pytest.FixtureRequest) -> Evaluate:
    """Evaluate expressions in JavaScript: ``javascript(texts, body, zone)``."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("expected node and npm on the PATH, to compare with JavaScript")
    folder = request.config.cache.mkdir("jsonata-in-javascript")
    for each in ("package.json", "package-lock.json", "evaluate.js"):
        shutil.copy(FILES / each, folder)
    if not (folder / "node_modules" / "@elastic.io").is_dir():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if installed.returncode:
            pytest.skip(f"npm cannot install jsonata: {installed.stderr.strip()[-300:]}")

    def evaluate(texts: list[str], body: Any, zone: str) -> list[dict[str, Any]]:
        cases = json.dumps({"cases": [{"expression": text, "body": body} for text in texts]})
        run = subprocess.run(
            [node, "--no-deprecation", folder / "evaluate.js"],
            input=cases, capture_output=True, text=True, check=True, env={**os.environ, "TZ": zone},
        )  # fmt: skip
        results: list[dict[str, Any]] = json.loads(run.stdout)
        return results

    return evaluate


def here(text: str, body: Any) -> dict[str, Any]:
    try:
        value = Expression.compile(text).evaluate(body)
    except ExpressionError as error:
        return {"error": error.jsonata_code}
    return {"undefined": True} if value is UNDEFINED else {"value": value}


def are_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    if "error" in ours and "error" in theirs:
        known = ours["error"] != UNKNOWN and JSONATA_CODE.fullmatch(theirs["error"])
        return not known or ours["error"] == theirs["error"]
    return is_same(ours, theirs)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values have the same JSON: members in the same order, and 1.0 is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def documented() -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """Return the body and the rows of the documented differences: expression, JavaScript, here."""
    section = (
        PAGE.read_text(encoding="utf-8").partition("## Differences to JSONata in JavaScript")[2].partition("\n## ")[0]
    )
    body = next(line for line in section.splitlines() if line.startswith("    {"))
    rows = [match.groups() for line in section.splitlines() if (match := ROW.fullmatch(line))]
    return json.loads(body), rows


def cell(result: dict[str, Any]) -> Any:
    return "fails" if "error" in result else "nothing" if "undefined" in result else result["value"]


def meaning(text: str) -> Any:
    return json.loads(text.strip("`")) if text.startswith("`") else text


@pytest.mark.parametrize("group", GROUPS)
def test_an_expression_has_the_value_that_it_has_in_javascript(
    group: str, javascript: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    texts = expressions(group)
    theirs = javascript(texts, SHOP, "UTC")
    ours = [here(text, SHOP) for text in texts]
    assert [(text, a, b) for text, a, b in zip(texts, ours, theirs, strict=True) if not are_equal(a, b)] == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_dates_are_read_and_written_in_the_zone_of_the_process(
    zone: str, javascript: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    texts = expressions("moments") + expressions("dates")
    theirs = javascript(texts, SHOP, zone)
    ours = [here(text, SHOP) for text in texts]
    assert [(text, a, b) for text, a, b in zip(texts, ours, theirs, strict=True) if not are_equal(a, b)] == []


def test_each_documented_difference_is_one(javascript: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    body, rows = documented()
    theirs = javascript([row[0] for row in rows], body, "UTC")
    found = [(row[0], cell(their), cell(here(row[0], body))) for row, their in zip(rows, theirs, strict=True)]
    assert found == [(text, meaning(there), meaning(own)) for text, there, own in rows]
    assert [row for row in found if is_same(row[1], row[2])] == []
    assert len(rows) > 20
