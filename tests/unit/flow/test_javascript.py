"""Expressions have the values that they have in the platform's own library."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shipmate.flow.expressions import UNDEFINED, Expression, ExpressionError
from tests.unit.flow.corpus import GROUPS, SHOP, expressions
from tests.unit.flow.in_javascript import VALUES, JavaScript, NoJavaScript

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "flow.md"
HEADING = "Differences to JSONata in JavaScript"
ROW = re.compile(r"\| `(.+)` \| (`.*`|fails|nothing) \| (`.*`|fails|nothing) \|")
JSONATA_CODE = re.compile("[SDT][0-9]{4}")
UNKNOWN = "D0000"

Result = dict[str, Any]


@pytest.fixture(scope="module")
def javascript(request: pytest.FixtureRequest) -> JavaScript:
    try:
        return JavaScript(request.config.cache.mkdir("jsonata-in-javascript"))
    except NoJavaScript as error:
        pytest.skip(str(error))


def here(text: str, body: Any) -> Result:
    try:
        value = Expression.compile(text).evaluate(body)
    except ExpressionError as error:
        return {"error": error.jsonata_code}
    return {"undefined": True} if value is UNDEFINED else {"value": value}


def differences(texts: list[str], theirs: list[Result]) -> list[tuple[str, Result, Result]]:
    ours = [here(text, SHOP) for text in texts]
    return [(text, a, b) for text, a, b in zip(texts, ours, theirs, strict=True) if not are_equal(a, b)]


def are_equal(ours: Result, theirs: Result) -> bool:
    if "error" in ours and "error" in theirs:
        has_code = ours["error"] != UNKNOWN and JSONATA_CODE.fullmatch(theirs["error"])
        return not has_code or ours["error"] == theirs["error"]
    return is_same(ours, theirs)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values have the same JSON: members in the same order, and 1.0 is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def documented() -> tuple[Result, list[tuple[str, ...]]]:
    """Return the body and the rows of the documented differences: expression, JavaScript, here."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {HEADING}\n")[2].partition("\n## ")[0]
    body = next(line for line in section.splitlines() if line.startswith("    {"))
    rows = [match.groups() for line in section.splitlines() if (match := ROW.fullmatch(line))]
    return json.loads(body), rows


def cell(result: Result) -> Any:
    return "fails" if "error" in result else "nothing" if "undefined" in result else result["value"]


def meaning(text: str) -> Any:
    return json.loads(text.strip("`")) if text.startswith("`") else text


@pytest.mark.parametrize("group", GROUPS)
def test_an_expression_has_the_value_that_it_has_in_javascript(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    values = json.loads(VALUES.read_text(encoding="utf-8"))
    texts = expressions(group)
    assert differences(texts, [values[text] for text in texts]) == []


def test_the_recorded_values_are_those_of_javascript(javascript: JavaScript) -> None:
    values = json.loads(VALUES.read_text(encoding="utf-8"))
    assert list(values) == list(dict.fromkeys(text for group in GROUPS for text in expressions(group)))
    assert javascript.evaluate(list(values), SHOP, "UTC") == list(values.values())


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_dates_are_read_and_written_in_the_zone_of_the_process(
    zone: str, javascript: JavaScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    texts = expressions("moments") + expressions("dates")
    assert differences(texts, javascript.evaluate(texts, SHOP, zone)) == []


def test_each_documented_difference_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    body, rows = documented()
    assert len(rows) > 20
    assert [(row[0], cell(here(row[0], body))) for row in rows] == [(row[0], meaning(row[2])) for row in rows]
    assert [row for row in rows if is_same(meaning(row[1]), meaning(row[2]))] == []


def test_each_documented_value_in_javascript_is_right(javascript: JavaScript) -> None:
    body, rows = documented()
    found = javascript.evaluate([row[0] for row in rows], body, "UTC")
    assert list(map(cell, found)) == [meaning(row[1]) for row in rows]
