"""Medians, spreads and ratios of runs."""

import pytest

from bench.figures import Figure, Metric, figure, percentiles, ratio

SPEED = Metric("speed", "Speed", "1/s", is_better_when_more=True)


def runs_of(*values: float | None) -> list[dict[str, float] | None]:
    """Return runs with one metric; None is a run that does not count."""
    return [None if value is None else {"speed": value} for value in values]


def test_a_figure_is_the_median_of_the_runs_that_count() -> None:
    """One run that was disturbed does not move the figure, and one that failed has no part in it."""
    found = figure(runs_of(100.0, None, 110.0, 5.0), SPEED)

    assert found == Figure(100.0, 1.05, 3)


@pytest.mark.parametrize(("values", "is_noisy"), [((100.0, 105.0, 120.0), False), ((100.0, 99.0, 120.0), True)])
def test_a_figure_whose_runs_spread_by_more_than_a_fifth_is_noisy(values: tuple[float, ...], is_noisy: bool) -> None:
    """Who reads a figure must see how far it can be trusted."""
    found = figure(runs_of(*values), SPEED)

    assert found is not None
    assert found.is_noisy is is_noisy


def test_ratios_are_taken_between_neighbours_so_that_drift_cancels() -> None:
    """A machine that becomes half as fast with each round does not change how two runtimes compare."""
    held = ratio(runs_of(400.0, 200.0, 100.0), runs_of(200.0, 100.0, 50.0), SPEED)

    assert held == Figure(2.0, 0.0, 3)


def test_a_round_in_which_one_of_the_two_does_not_count_is_left_out_of_the_ratio() -> None:
    """Runs that are no neighbours are not compared."""
    held = ratio(runs_of(100.0, 100.0, None), runs_of(None, 50.0, 10.0), SPEED)

    assert held == Figure(2.0, 0.0, 1)


@pytest.mark.parametrize("others", [[], runs_of(None, None), runs_of(0.0), [{"other": 1.0}]])
def test_there_is_no_ratio_without_a_pair(others: list[dict[str, float] | None]) -> None:
    """Nothing is made up where nothing was measured."""
    assert ratio(runs_of(100.0, 100.0), others, SPEED) is None
    assert figure([], SPEED) is None


def test_percentiles_are_those_of_the_sorted_latencies() -> None:
    """The order in which messages were sent does not matter."""
    found = percentiles([float(value) for value in range(100, -1, -1)])

    assert found == pytest.approx({"p50_ms": 50.0, "p99_ms": 99.0})
