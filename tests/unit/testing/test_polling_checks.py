"""The suite asks the function ``fetch`` of a polling trigger for every place that may come."""

import json
from pathlib import Path

import pytest

from shipmate.testing.polling_checks import every_relation_is_fetched
from shipmate.testing.trial import Surroundings, trial
from shipmate.testing.verdict import Failed

ALL = '{"from": "a", "after": "b", "equal": "c", "later": "d"}'
SOURCE = """
from shipmate.kit import keyset

CHANGES = keyset("updated", compare=%r)
CONDITIONS = %s


def process(context, msg, cfg, snapshot):
    session = context.session(cfg)

    def fetch(after, until, limit):
        query = {"q": CONDITIONS[after.relation], "until": until}
        return session.get("https://api.example.com/deals", params=query).json()["deals"]

    CHANGES.poll(context, cfg, snapshot, fetch)
"""
DEALS = {"GET /deals": {"deals": [{"id": "d1", "updated": "2026-01-31T09:30:00Z"}]}}


def check(folder: Path, source: str, answers: object = DEALS) -> None:
    """Run the check on a component with one trigger."""
    trigger = {"title": "Deals", "main": "./deals.py", "type": "polling", "metadata": {"out": {}}}
    (folder / "component.json").write_text(json.dumps({"title": "T", "triggers": {"deals": trigger}}))
    (folder / "deals.py").write_text(source)
    with trial(folder, Surroundings(answers=answers)) as component:  # type: ignore[arg-type]
        every_relation_is_fetched(component, component.subject.descriptor.function("deals"))


@pytest.mark.parametrize("compare", ["or", "two", "time"])
def test_a_fetch_that_handles_all_relations_passes(tmp_path: Path, compare: str) -> None:
    """Those of other kinds of comparison are not asked for."""
    check(tmp_path, SOURCE % (compare, ALL))
    unused = {"or": '"equal"', "two": '"after"', "time": '"equal"'}[compare]
    check(tmp_path, SOURCE % (compare, ALL.replace(unused, '"unused"')))


@pytest.mark.parametrize(
    ("compare", "relation"),
    [("or", "later"), ("or", "after"), ("two", "equal"), ("two", "later"), ("time", "later"), ("time", "from")],
)
def test_a_fetch_that_lacks_a_relation_fails_with_one_line(tmp_path: Path, compare: str, relation: str) -> None:
    """It would be an error of the first run after a snapshot of that kind."""
    with pytest.raises(Failed) as failed:
        check(tmp_path, SOURCE % (compare, ALL.replace(f'"{relation}"', '"unused"')))
    text = str(failed.value)
    assert text.startswith("let fetch handle after.relation of 'from', ")
    assert f"'{relation}' fails with KeyError: '{relation}' (deals.py:12)" in text
    assert text.count("fails with") == 1
    assert "\n" not in text


def test_an_answer_that_does_not_suit_and_a_trigger_without_keyset_are_no_verdict(tmp_path: Path) -> None:
    """The suite knows no better answer, and other triggers have no relations."""
    check(tmp_path, SOURCE % ("or", ALL), answers={"GET /deals": {}})
    check(tmp_path, "def process(context, msg, cfg, snapshot): ...\n")
