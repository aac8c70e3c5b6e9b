"""The report and the drawing."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.plan import Case
from bench.plot import Scale, svg
from bench.report import markdown
from bench.results import Result, Results

SVG = "{http://www.w3.org/2000/svg}"


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of all tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_the_report_says_on_what_it_was_measured(measured: Results) -> None:
    """Figures without their machine mean nothing."""
    text = markdown(measured, "latest.svg")

    assert ["Processor", "Fast <One> & Only, 2 cores"] in rows_of(text)
    assert ["Rounds", "2"] in rows_of(text)
    assert "![Ratios to the other runtimes](latest.svg)" in text


def test_the_report_has_figures_and_the_ratios_of_neighbours_and_marks_what_is_noisy(measured: Results) -> None:
    """Of the run that failed neither the figure nor the ratio has anything."""
    rows = rows_of(markdown(measured, "latest.svg"))

    assert ["20", "1 kB", "6,050", "~9,200", "4,000", "**~0.67x**", "**1.50x**"] in rows


def test_the_report_says_how_much_of_the_arithmetic_limit_was_reached(measured: Results) -> None:
    """Twenty messages that wait for 50 ms are 400 in a second; the bare loop shows what this machine allows."""
    rows = rows_of(markdown(measured, "latest.svg"))

    assert ["20", "after 50 ms", "400", "388", "393", "~360", "97%", "98%", "~90%", "**0.99x**", "**~1.09x**"] in rows


def test_the_report_says_what_the_api_server_used(measured: Results) -> None:
    """If it were dear, it would be the limit, and not the runtimes."""
    assert "used 0.040 to 0.045 ms of CPU time" in markdown(measured, "latest.svg")


def test_what_was_not_measured_is_a_dash(measured: Results) -> None:
    """The bare loop has no latency here, and none is shown."""
    rows = rows_of(markdown(measured, "latest.svg"))

    found = next(row for row in rows if row[0].startswith("Latency p50"))
    assert found[1:] == ["0.600", "-", "1.80", "**-**", "**0.33x**"]


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head(measured: Results) -> None:
    """A table with a cell too many is shown as text."""
    for table in markdown(measured, "latest.svg").split("\n\n"):
        assert len({len(row) for row in rows_of(table)}) <= 1


def test_runs_that_do_not_count_are_named_with_their_reason(measured: Results) -> None:
    """Who reads the report sees what was left out, and that all counted when nothing was."""
    assert f"- {measured.void[0]}" in markdown(measured, "latest.svg")
    assert "All runs count" not in markdown(measured, "latest.svg")
    assert "All runs count" in markdown(replace(measured, void=[]), "latest.svg")


def test_the_raw_results_have_every_run_and_the_ratios(measured: Results) -> None:
    """Others can do their own statistics."""
    case = json.loads(json.dumps(measured.to_json()))["cases"][1]

    assert case["runs"]["node"] == [{"messages_per_second": 4000, "cpu_ms_per_message": 0.25}, None]
    assert case["ratios"]["node"]["messages_per_second"] == {"value": 1.5, "spread": 0.0}


def test_the_drawing_is_well_formed_and_has_a_bar_for_every_ratio(measured: Results) -> None:
    """Whatever the processor is called."""
    root = ElementTree.fromstring(svg(measured))  # noqa: S314 - made here

    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert any("Fast <One> & Only" in text for text in texts)
    assert "1.50x6,050 vs 4,000 messages/s" in texts
    assert sum(" vs " in each and each.endswith((" messages/s", " ms")) for each in texts) == 3 + 2 + 3 + 2
    assert len([each for each in root.iter(f"{SVG}rect") if each.get("class") == "noisy"]) == 2 + 2


def test_everything_in_the_drawing_lies_inside_of_it(measured: Results) -> None:
    """A runtime that is a thousand times slower does not push its bar out of the picture."""
    slow = Result(
        Case("throughput", 1, 200, 9), {name: [_run(1 if name == "node" else 1000)] for name in measured.labels}
    )
    root = ElementTree.fromstring(svg(replace(measured, cases=[*measured.cases, slow])))  # noqa: S314 - made here

    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for each in root.iter(f"{SVG}rect"):
        assert 0 <= float(each.get("x", 0)) <= float(each.get("x", 0)) + float(each.get("width", 0)) <= width
        assert 0 <= float(each.get("y", 0)) + float(each.get("height", 0)) <= height


@pytest.mark.parametrize("cases", [[], [Result(Case("latency", 1, 200, 9), {"shipmate": [None]})]])
def test_a_report_of_nothing_can_be_made_too(measured: Results, cases: list[Result]) -> None:
    """When every run failed, the reasons still come out."""
    empty = replace(measured, cases=cases)

    assert measured.void[0] in markdown(empty, "latest.svg")
    assert ElementTree.fromstring(svg(empty)).tag == f"{SVG}svg"  # noqa: S314 - made here


def test_the_scale_keeps_the_order_of_ratios() -> None:
    """Half as much is as far to the left as double is to the right."""
    scale = Scale.of([0.5, 2.0])

    assert scale.x(1) - scale.x(0.5) == pytest.approx(scale.x(2) - scale.x(1))
    assert scale.x(0.5) < scale.x(0.7) < scale.x(1.9) < scale.x(2)


def _run(messages_per_second: float) -> dict[str, float]:
    return {"messages_per_second": messages_per_second, "cpu_ms_per_message": 1.0}


def test_the_report_of_the_transports_says_whether_the_proxy_was_the_limit() -> None:
    """Its CPU time stands beside that of the runtime; over AMQP it is not known."""
    run = {"messages_per_second": 4000.0, "cpu_ms_per_message": 0.2}
    case = Case("throughput", 20, 1_000, 4000, "oauth2", token_uses=1_000_000)
    runs = {"proxy": [{**run, "proxy_cpu_ms_per_message": 0.05}], "amqp": [run]}
    labels = {"proxy": "over a sailor proxy", "amqp": "over AMQP"}
    text = markdown(Results({}, labels, [Result(case, runs)], rounds=1), "latest-proxy.svg")
    assert "used 0.050 to 0.050 ms of CPU time for each message" in text
    assert "No token expires" in text
    assert "after 200 calls" not in text
