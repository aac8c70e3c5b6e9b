"""The report of many containers and steps, and the figures that it is made of."""

import doctest
import importlib
from typing import Any

import pytest

from bench.__main__ import main
from bench.idle_steps import Idle, Restart, Start, StepsOutcome
from bench.node_figures import NodeFigures
from bench.scale import LightOutcome, ScaleResults
from bench.scale_report import markdown
from bench.shared_queue import Crowd, Expiry, Outcome, jain


def crowd(containers: int, speed: float, **figures: Any) -> Outcome:
    usual: dict[str, Any] = {
        "shares": [500] * containers,
        "expired": 3,
        "refreshes": 3,
        "reused": 0,
        "platform_calls": 9,
        "expiries": [Expiry(0.25, 2), Expiry(0.5, 3)],
        "rss_mib": [47.0] * containers,
        "cpu_seconds": 0.5,
    }
    return Outcome(Crowd(containers, 100), messages_per_second=speed, **{**usual, **figures})


def rows_of(results: ScaleResults) -> list[list[str]]:
    """Return the cells of all tables."""
    text = markdown(results, {"Date": "2030-01-02 03:04 UTC"})
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


@pytest.mark.parametrize("name", ["node_figures", "scale_report", "shared_queue"])
def test_the_examples_in_the_docstrings_are_right(name: str) -> None:
    """They lie outside of what is searched for examples."""
    outcome = doctest.testmod(importlib.import_module(f"bench.{name}"))

    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_each_number_of_containers_is_compared_with_one_container() -> None:
    """A second container that brings nothing would be seen."""
    results = ScaleResults(crowds=[crowd(1, 100.0), crowd(2, 190.0, shares=[900, 1000], rss_mib=[47.0, 48.0])])
    one, two = rows_of(results)[-2:]

    assert one[:5] == ["1", "after 100 ms", "100", "1.00x", "500"]
    assert two[:6] == ["2", "after 100 ms", "190", "1.90x", "900 to 1,000", f"{jain([900, 1000]):.3f}"]
    assert two[6:11] == ["3", "3", "0", "0.38, at most 0.50", "2.5"]


def test_containers_that_were_not_compared_with_one_have_no_ratio() -> None:
    """It was not measured, or its run is void."""
    assert rows_of(ScaleResults(crowds=[crowd(4, 400.0)]))[-1][3] == "-"


def test_steps_have_a_column_for_each_number() -> None:
    """What one step costs must not grow with their number."""
    outcome = StepsOutcome(
        10,
        100,
        Start(5.0, 10, 4, 9, 18),
        Idle(39.7, 23.1, 2, 10, 1.5, 3.0, 2.0, 24.0, 0),
        Restart(3.0, 1.25, 20, 0),
    )
    rows = rows_of(ScaleResults(steps=[outcome, outcome]))

    assert ["A step: resident memory, MiB", "39.7", "39.7"] in rows
    assert ["Restart: then until all consume, s", "1.25", "1.25"] in rows


def test_the_memory_of_a_connection_is_without_that_of_the_queue() -> None:
    """A step has two connections."""
    mib = 2**20
    before, declared, found = (NodeFigures(rss * mib, 0, 1, 40, 280, 1) for rss in (100, 110, 120))
    refresh = {"waits_seconds": [0.4, 1.0], "tries": 12, "looks": 12, "most_looks_at_once": 4, "refreshes": 1}
    reopened = {"broker_seconds": 3.0, "total_seconds": 0.5, "given_up": 0}
    outcome = LightOutcome(10, before, declared, found, {"seconds": 0.04}, refresh, reopened)
    rows = rows_of(ScaleResults(light=[outcome]))

    assert ["Broker: resident memory of a connection, KiB", "512"] in rows
    assert ["Broker: resident memory of a queue, KiB", "1,024"] in rows
    assert ["Refresh: until half of the steps have new keys, s", "0.700"] in rows


def test_void_runs_are_listed_with_their_reasons() -> None:
    """A missing row must not be overlooked."""
    text = markdown(ScaleResults(void=["2 steps: no end within 60 s"]), {})

    assert "## Runs that do not count\n\n- 2 steps: no end within 60 s\n" in text


@pytest.mark.parametrize("option", ["--containers", "--steps", "--light"])
def test_numbers_of_steps_are_checked_before_anything_starts(option: str) -> None:
    """With the status of wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main(["scale", option, "1,0"])

    assert ended.value.code == 2
